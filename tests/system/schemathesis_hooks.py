"""What schemathesis cannot know of the documents: see test_openapi.py."""

import string

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

# Formats of these documents alone, which no JSON Schema describes.
LETTERS = string.ascii_letters + string.digits
WORD = st.text(LETTERS, min_size=1, max_size=12)
schemathesis.openapi.format("search", st.lists(WORD, min_size=1, max_size=8).map(" ".join))
schemathesis.openapi.format("username", st.text(LETTERS + ".+-_éßжא一", min_size=1, max_size=100))
schemathesis.openapi.format("entity-tags", st.just("*") | WORD.map('"{}"'.format))
# Nobody makes a cursor: an empty one is none, and other tests follow those of `next`.
schemathesis.openapi.format("cursor", st.just(""))


@schemathesis.hook
def before_load_schema(_, document):
    """What all operations have alike is tried with one of them: it multiplies all requests."""
    for methods in document["paths"].values():
        for operation in methods.values():
            if operation["operationId"] not in ("list_notes", "get_note", "get_me"):
                operation["parameters"] = [
                    parameter
                    for parameter in operation.get("parameters", ())
                    if parameter["name"] not in ("format", "If-None-Match")
                ]


@schemathesis.hook
def filter_case(_, case):
    """An import is told in one place whether to write: no schema can say that."""
    fields = case.body if isinstance(case.body, dict) else {}
    return not ("dry_run" in fields and "dry_run" in (case.query or {}))


@schemathesis.check
def each_operation_by_itself(ctx, response, case):
    """The answer to several operations is a 200, and each has its own status in there."""
    bulk = case.operation.definition.raw.get("operationId") == "write_notes"
    if not bulk or case.meta is None or response.status_code != 200:
        return
    statuses = {result["status"] for result in response.json()["results"]}
    if case.meta.is_negative_at(ParameterLocation.BODY):
        assert any(status >= 400 for status in statuses), "nothing of an invalid body is refused"
    elif case.meta.generation.mode.is_positive:
        # With an id and an If-Match that are made up, it may be a 404 or a 412.
        assert not statuses & {400, 500}, f"a valid operation is refused: {response.text}"
