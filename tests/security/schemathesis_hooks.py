"""What schemathesis sends for strings, and what no answer may have: see test_injections.py."""

import schemathesis
from hypothesis import strategies as st

from tests.security.injections import EVALUATED, INNER, TEXTS, one_line
from tests.system import schemathesis_hooks  # noqa: F401 - the formats that the documents have

schemathesis.openapi.format("text", st.sampled_from([*TEXTS.values()]))
schemathesis.openapi.format("header", st.sampled_from([*map(one_line, TEXTS.values())]))


@schemathesis.check
def text_stays_text(ctx, response, case):
    text = response.content.decode(errors="replace")  # of a zip file too
    assert not EVALUATED.search(text)
    assert not INNER.search(text)
    assert "x-injected" not in response.headers
    assert not any("injected" in each for each in response.headers.get("set-cookie", []))
