"""Links in Markdown lead to notes where they are links, and stay where they stand in code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.code_spans import outside_code
from transfer.links import rewritten, rewritten_relations

LINK = "[b](b.md)"
CHANGED = "[b](/b)"


@pytest.mark.parametrize(
    "text",
    [
        "` @ `",
        "a ``@ ` @`` b",
        "`a\n@\nb`",
        "```\n@\n\n@\n```\n",
        "```python\n@\n",
        "- a\n\n    ```\n    @\n    ```\n",
        "> ~~~\n> @\n> ```\n> @\n> ~~~\n",
        "````\n```\n@\n````",
        "```\n``` a\n@\n```",
        "`` ` `` `@`",
        "`a @\\`",
    ],
)
def test_in_code_nothing_is_changed(text: str):
    text = text.replace("@", LINK)
    assert rewritten(text, {"b.md": "/b"}.get) == text


@pytest.mark.parametrize(
    "text",
    [
        "@ `a` @",
        "[`a`](b.md)",
        "a ` @",
        "a ` b\n\n@ ` c",
        "`` @ `",
        "\\`@\\`",
        "```\na\n```\n@",
        "~~~\na\n~~~ \r\n@\r\n",
        "```a``` @",
        "a\n\n    @",
    ],
)
def test_outside_of_code_links_are_changed(text: str):
    text = text.replace("@", LINK)
    changed = text.replace("b.md", "/b")
    assert rewritten(text, {"b.md": "/b"}.get) == changed


def test_relations():
    assert rewritten_relations("b (b.md) `b (b.md)`", {"b.md": "/b"}.get) == "b (/b) `b (b.md)`"


@given(st.text("`~\\>\n\r a", max_size=60))
def test_where_nothing_is_changed_it_is_the_same_text(text: str):
    assert outside_code(text, str) == text
