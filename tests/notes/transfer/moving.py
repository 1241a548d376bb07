"""What the tests of exports and imports share."""

import io
import json
import zipfile
from datetime import UTC, datetime

from hypothesis import strategies as st

from notes.invisible import shows_nothing
from notes.models import Note
from tests.notes.test_notes import NOTES

EXPORT, IMPORT = f"{NOTES}export/", f"{NOTES}import/"
FORMATS = ("jsonl", "markdown")


def body(response):
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def export(api, form):
    return body(api.get(EXPORT, {"format": form}))


def post(api, data, **query):
    kind = "application/octet-stream"
    return api.post(IMPORT, data, content_type=kind, query_params=query)


def take(api, data, **query):
    return json.loads(body(post(api, data, **query)))


def counts(report):
    """Those that are not 0."""
    names = ("created", "completed", "unchanged", "changed", "refused", "lost")
    return {name: report[name] for name in names if report[name]}


def lines_of(*notes, end=None):
    first = {"format": "notes-jsonl", "version": 1}
    last = {"end": True, "notes": len(notes) if end is None else end}
    return b"".join(json.dumps(line).encode() + b"\n" for line in (first, *notes, last))


def zip_of(members, method=zipfile.ZIP_DEFLATED):
    """Args: members: pairs of a name or ZipInfo and the content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return file.getvalue()


def unzipped(data):
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def stored(account):
    """All of a user's notes but for their ids, sorted."""
    notes = Note.objects.filter(user_id=account.id, deleted_at=None).prefetch_related("tags")
    return sorted(
        (
            *(note.created_at, note.updated_at, note.title, note.content or ""),
            *(note.content is None, note.content_format, note.is_archived),
            sorted(tag.name for tag in note.tags.all()),
        )
        for note in notes
    )


CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
# What has a meaning in Markdown, YAML or JSON, and what programs like to change.
ODD = st.sampled_from(
    [
        "---\n",
        "\r\n",
        "\r",
        "  \n",
        "\ufeff",
        "\u2028",
        "\x85",
        "\x7f",
        "null",
        "# ",
        "\\",
        "`",
        "👩‍👩‍👧",
        "é",
    ]
)
TEXT = st.lists(ODD | st.text(CHARACTERS, max_size=8), max_size=6).map("".join)
# As the API keeps them.
TITLES = TEXT.map(lambda text: text.strip()[:500].rstrip()).filter(
    lambda text: not shows_nothing(text)
)
RUNS = st.lists(
    st.fixed_dictionaries(
        {"text": TEXT},
        optional={
            "marks": st.lists(st.sampled_from(["bold", "italic", "underline", "code"]), max_size=3),
            "link": st.just("https://example.com/a_(b)"),
        },
    ),
    max_size=3,
)
SIMPLE = st.one_of(
    st.fixed_dictionaries({"type": st.just("paragraph"), "text": RUNS}),
    st.fixed_dictionaries({"type": st.just("heading"), "level": st.integers(1, 6), "text": RUNS}),
    st.fixed_dictionaries(
        {"type": st.just("code"), "code": TEXT}, optional={"language": st.just("py")}
    ),
    st.just({"type": "divider"}),
    st.fixed_dictionaries(
        {"type": st.just("table"), "rows": st.lists(st.lists(RUNS, max_size=3), max_size=3)},
        optional={"header": st.booleans()},
    ),
    st.fixed_dictionaries(
        {"type": st.just("image"), "url": st.just("https://example.com/a.png")},
        optional={"alt": TEXT, "caption": RUNS},
    ),
    st.fixed_dictionaries(
        {"type": st.just("bookmark"), "url": st.just("mailto:a@b.example")},
        optional={"title": TEXT, "caption": RUNS},
    ),
)


def _with_children(blocks):
    children = {"children": st.lists(blocks, max_size=3)}
    kinds = st.sampled_from(["bulleted_item", "numbered_item", "quote", "callout"])
    return st.one_of(
        st.fixed_dictionaries({"type": kinds, "text": RUNS}, optional=children),
        st.fixed_dictionaries(
            {"type": st.just("to_do"), "checked": st.booleans(), "text": RUNS}, optional=children
        ),
    )


BLOCKS = st.recursive(SIMPLE, _with_children, max_leaves=6)
DOCUMENTS = st.lists(BLOCKS, max_size=4).map(
    lambda blocks: {"type": "doc", "version": 1, "blocks": blocks}
)
DAYS = datetime(1, 1, 2), datetime(2026, 11, 1)  # noqa: DTZ001 - the strategy adds the offset
TIMES = st.datetimes(*DAYS, timezones=st.just(UTC)).map(
    lambda time: time.isoformat(timespec="microseconds").replace("+00:00", "Z")
)
NOTES_TO_TAKE = st.fixed_dictionaries(
    {
        "title": TITLES,
        "content": st.none() | TEXT | DOCUMENTS,
        "is_archived": st.booleans(),
        "tags": st.lists(
            st.sampled_from(["work", "Straße", "a, b", '"x"', "- y", "null"]), max_size=3
        ),
        "created_at": TIMES,
        "updated_at": TIMES,
    }
)
