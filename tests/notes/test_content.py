"""What a note's content may be, and that it comes back as it came."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from notes import blocks
from notes.models import Note
from tests.notes.test_notes import NOTES, errors_of, make, url_of

pytestmark = pytest.mark.django_db
COMMITTED = Path(__file__).parents[2] / "docs" / "block-document.v1.json"
VALIDATOR = Draft202012Validator(json.loads(COMMITTED.read_text()))
NUL = "null_characters_not_allowed"
SURROGATE = "surrogate_characters_not_allowed"


def document(*found):
    return {"type": "doc", "version": 1, "blocks": list(found)}


def runs(*texts):
    return [{"text": text} for text in texts]


def paragraph(*texts):
    return {"type": "paragraph", "text": runs(*texts)}


def nested(depth):
    block = paragraph("a")
    for _ in range(depth - 1):
        block = {"type": "quote", "text": [], "children": [block]}
    return document(block)


ALL = document(
    {"type": "heading", "level": 2, "text": runs("Head", "ing")},
    {
        "type": "paragraph",
        "text": [
            {"text": "mar", "marks": ["bold", "italic", "underline", "strikethrough", "code"]},
            {"text": "ked", "link": "https://example.com/linked?a=1&b=ü#c"},
            {"text": " mail", "link": "MAILTO:a@example.com"},
        ],
    },
    {
        "type": "bulleted_item",
        "text": runs("bullet"),
        "children": [
            {
                "type": "numbered_item",
                "text": runs("number"),
                "children": [{"type": "to_do", "checked": True, "text": runs("to do")}],
            }
        ],
    },
    {"type": "quote", "text": runs("quoted\n\twords")},
    {"type": "code", "code": 'print("code")\n', "language": "python"},
    {"type": "divider"},
    {
        "type": "callout",
        "icon": "💡",
        "text": runs("called out"),
        "children": [paragraph("within")],
    },
    {"type": "table", "header": True, "rows": [[runs("a", "b"), runs("c")], [[], runs("d")]]},
    {"type": "image", "url": "https://example.com/i.png", "alt": "alt", "caption": runs("image")},
    {"type": "bookmark", "url": "http://example.com/x", "title": "title", "caption": runs("mark")},
)
# With the place of what is wrong, and its code.
WRONG = [
    ({}, {("/type", "required"), ("/version", "required"), ("/blocks", "required")}),
    ({"type": "doc", "version": 2, "blocks": []}, {("/version", "invalid")}),
    ({"type": "doc", "version": True, "blocks": []}, {("/version", "invalid")}),
    ({"type": "doc", "version": "1", "blocks": []}, {("/version", "invalid")}),
    ({"type": "page", "version": 1, "blocks": []}, {("/type", "invalid")}),
    ({"type": "doc", "version": 1, "blocks": {}}, {("/blocks", "invalid")}),
    (document() | {"a/b~": 1}, {("/a~1b~0", "unknown")}),
    (document(5), {("/blocks/0", "invalid")}),
    (document(paragraph(), None), {("/blocks/1", "invalid")}),
    (document({}), {("/blocks/0/type", "required")}),
    (document({"type": "video"}), {("/blocks/0/type", "unknown_block")}),
    (document({"type": ["paragraph"]}), {("/blocks/0/type", "unknown_block")}),
    (document({"type": "paragraph"}), {("/blocks/0/text", "required")}),
    (document({"type": "paragraph", "text": "a"}), {("/blocks/0/text", "invalid")}),
    (document({"type": "paragraph", "text": ["a"]}), {("/blocks/0/text/0", "invalid")}),
    (document(paragraph("a", 5)), {("/blocks/0/text/1/text", "invalid")}),
    (document(paragraph(None)), {("/blocks/0/text/0/text", "invalid")}),
    (document(paragraph("a\x00")), {("/blocks/0/text/0/text", NUL)}),
    (document(paragraph("\ud800")), {("/blocks/0/text/0/text", SURROGATE)}),
    (document({"type": "divider", "\ud800": 1}), {("/blocks/0", SURROGATE)}),
    (document({"type": "heading", "level": 0, "text": []}), {("/blocks/0/level", "invalid")}),
    (document({"type": "heading", "level": 1.5, "text": []}), {("/blocks/0/level", "invalid")}),
    (document({"type": "heading", "level": 2**64, "text": []}), {("/blocks/0/level", "invalid")}),
    (document({"type": "to_do", "checked": 1, "text": []}), {("/blocks/0/checked", "invalid")}),
    (
        document({"type": "code", "code": 5, "message": 1}),
        {("/blocks/0/code", "invalid"), ("/blocks/0/message", "unknown")},
    ),
    (
        document({"type": "quote", "text": [], "children": [paragraph("a"), {"type": "x"}]}),
        {("/blocks/0/children/1/type", "unknown_block")},
    ),
    (
        document({"type": "table", "rows": [[[], [{"text": "a", "marks": ["loud"]}]]]}),
        {("/blocks/0/rows/0/1/0/marks/0", "invalid")},
    ),
    (document({"type": "image", "url": "https://" + "a" * 8192}), {("/blocks/0/url", "invalid")}),
]
ADDRESSES = [
    *("javascript:alert(1)", "JavaScript:alert(1)", " https://a", "java\nscript:alert(1)", ""),
    *("data:text/html,a", "ftp://a", "//a", "/a", "a", "https:a", "https://", "https://a b"),
    *("https://a\n", 'https://a"b', "https://<a>", "vbscript:a", "file:///etc/passwd", "mailto:"),
]


@pytest.mark.parametrize("content", [ALL, document(), document(paragraph()), nested(32)])
def test_a_document_comes_back_as_it_came(api, content):
    assert list(VALIDATOR.iter_errors(content)) == []
    note = make(api, content=content)
    assert (note["content"], note["content_format"]) == (content, "blocks")
    assert api.get(url_of(note)).json() == note
    stored = Note.objects.get().content
    assert json.loads(stored) == content
    turned = dict(reversed(content.items()))
    api.put(url_of(note), {"content": turned})
    assert Note.objects.get().content == stored


@pytest.mark.parametrize("number", ["2", "2.0", "20e-1"])
def test_a_whole_number_is_one_however_it_is_written(api, number):
    body = json.dumps({"content": document({"type": "heading", "level": "?", "text": []})})
    answer = api.post(NOTES, body.replace('"?"', number), content_type="application/json")
    assert answer.status_code == 201, answer.content
    assert re.search(rb'"level": ?2[,}]', answer.content)


@pytest.mark.parametrize("number", ["1.0000000000000000001", "1e-99999999999999999999999999"])
def test_one_that_is_none_is_not_rounded_to_one(api, number):
    body = json.dumps({"content": document() | {"version": "?"}}).replace('"?"', number)
    response = api.post(NOTES, body, content_type="application/json")
    assert errors_of(response) == {("/content/version", "invalid")}


@pytest.mark.parametrize(
    "text",
    [
        "é\u0301\u200d",
        "\u2028 \x1b\x7f\r\n\t",
        "👩‍👩‍👧 🇩🇪 𐍈",
        "שלום عربى",
        '"\\/<>&',
        "\ufeff\ufffe",
    ],
)
def test_every_character_comes_back(api, text):
    for content in (text, document(paragraph(text))):
        note = make(api, content=content, title=f"a{text}a")
        assert api.get(url_of(note)).json()["content"] == content
        assert note["title"] == f"a{text}a"


@pytest.mark.parametrize("text", ["{}", "null", '"a"', json.dumps(ALL), "5", "[1,2]", " {"])
def test_text_that_looks_like_json_stays_text(api, text):
    note = make(api, content=text)
    assert (note["content"], note["content_format"]) == (text, "text")


@pytest.mark.parametrize(("content", "errors"), WRONG)
def test_what_is_no_document_is_named_by_place(api, content, errors):
    assert list(VALIDATOR.iter_errors(content)) or {code for _, code in errors} == {SURROGATE}
    body = json.dumps({"content": content})
    response = api.post(NOTES, body, content_type="application/json")
    assert errors_of(response) == {(f"/content{place}", code) for place, code in errors}
    assert not Note.objects.exists()


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_does_no_more_than_open_a_page_or_a_letter(api, address):
    found = [
        (paragraph(), "text/0/link"),
        ({"type": "image", "url": address}, "url"),
        ({"type": "bookmark", "url": address}, "url"),
    ]
    found[0][0]["text"] = [{"text": "a", "link": address}]
    for block, place in found:
        if not address.endswith("\n"):  # Python's $ is not that of JSON Schema.
            assert list(VALIDATOR.iter_errors(document(block)))
        response = api.post(NOTES, {"content": document(block)})
        assert errors_of(response) == {(f"/content/blocks/0/{place}", "url")}


@pytest.mark.parametrize("address", ["https://a b", "http://a\u00a0", "mailto:a\n", 'https://a"b'])
def test_an_address_that_begins_right_is_not_said_to_begin_wrong(api, address):
    block = {"type": "image", "url": address}
    (error,) = api.post(NOTES, {"content": document(block)}).json()["errors"]
    assert error["detail"] == 'An address has no white space, control character, <, > or ".'
    block["url"] = "ftp://a b"
    (error,) = api.post(NOTES, {"content": document(block)}).json()["errors"]
    assert error["detail"] == "Give an address that begins with http:, https: or mailto:."


def test_caps(api):
    assert len(make(api, content=document(*[paragraph()] * 10_000))["content"]["blocks"]) == 10_000
    response = api.post(NOTES, {"content": document(*[paragraph()] * 10_001)})
    assert errors_of(response) == {("/content", "max_blocks")}
    deep = api.post(NOTES, {"content": nested(33)})
    assert errors_of(deep) == {("/content/blocks" + "/0/children" * 32, "max_depth")}
    room = 2**20 - len(blocks.canonical(document(paragraph(""))))
    make(api, content=document(paragraph("e" * room)))
    for more in ("e" * (room + 1), "é" * (room // 2 + 1), "e" * 8_000_000):
        response = api.post(NOTES, {"content": document(paragraph(more))})
        assert errors_of(response) == {("/content", "max_bytes")}
    assert Note.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"type": "doc", "blocks": [], "blocks": []}', ("/content/blocks", "duplicate")),
        ('{"blocks": [{"type": "a", "type": "b"}]}', ("/content/blocks/0/type", "duplicate")),
        ('{"blocks": [' + '{"children": [' * 10_000, None),
    ],
)
def test_what_two_readers_could_take_for_different_things(api, body, error):
    response = api.post(NOTES, f'{{"content": {body}}}', content_type="application/json")
    error = error or ("/content/blocks" + "/0/children" * 49, "max_depth")
    assert errors_of(response) == {error}
    assert not Note.objects.exists()


def test_a_change_from_one_format_to_the_other(api):
    note = make(api, content=ALL)
    changed = api.patch(url_of(note), {"title": "t"}).json()
    assert (changed["content"], changed["content_format"]) == (ALL, "blocks")
    for content in ("text", document(paragraph("a")), None):
        changed = api.patch(url_of(note), {"content": content}).json()
        assert changed["content"] == content
        assert changed["content_format"] == ("blocks" if isinstance(content, dict) else "text")
        assert api.get(url_of(note)).json() == changed


def test_a_former_version_keeps_its_format(api):
    note = make(api, content=ALL)
    api.patch(url_of(note), {"content": "text"})
    first = f"{url_of(note)}versions/1/"
    version = api.get(first).json()
    assert (version["content"], version["content_format"]) == (ALL, "blocks")
    restored = api.post(f"{first}restore/").json()
    assert (restored["content"], restored["content_format"]) == (ALL, "blocks")
    second = api.get(f"{url_of(note)}versions/2/").json()
    assert (second["content"], second["content_format"]) == ("text", "text")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"content": "a", "content_format": "blocks"}, "mismatch"),
        ({"content": document(), "content_format": "text"}, "mismatch"),
        ({"content_format": "blocks"}, "mismatch"),
        ({"content": "a", "content_format": "html"}, "invalid_choice"),
        ({"content": "a", "content_format": None}, "null"),
        ({"content": "a", "content_format": ["text"]}, "invalid_choice"),
    ],
)
def test_a_format_that_is_stated_must_be_so(api, body, code):
    assert errors_of(api.post(NOTES, body)) == {("/content_format", code)}
    note = make(api, content="a", content_format="text")
    assert make(api, content=document(), content_format="blocks")["content_format"] == "blocks"
    assert errors_of(api.patch(url_of(note), body)) == {("/content_format", code)}


def test_of_a_change_without_content_the_format_is_that_of_the_content_that_there_is(api):
    for content, stated, other in (("a", "text", "blocks"), (document(), "blocks", "text")):
        note = make(api, content=content)
        answer = api.patch(url_of(note), {"title": "b", "content_format": stated})
        assert (answer.status_code, answer.json()["title"]) == (200, "b")
        answer = api.patch(url_of(note), {"title": "c", "content_format": other})
        assert errors_of(answer) == {("/content_format", "mismatch")}
        assert api.get(url_of(note)).json()["title"] == "b"
