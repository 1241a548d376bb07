"""Block documents: what one may be, and its canonical form. Its text is found by the database.

The schema that is published (`docs/block-document.v1.json`) is made of the classes in here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypeAliasType, TypedDict

from config.errors import Pointer

MAX_BYTES = 1024 * 1024
MAX_BLOCKS = 10_000
MAX_DEPTH = 32
MAX_URL = 8192
_NO_NUL = "^[^\\u0000]*$"
# A link acts in its reader's browser: no scheme that does more there than open a page or a letter.
_ADDRESS = (
    "^([Hh][Tt][Tt][Pp][Ss]?://|[Mm][Aa][Ii][Ll][Tt][Oo]:)"
    '[^\\u0000-\\u0020\\u007f-\\u00a0\\u2028\\u2029<>"]+$'
)
_PART = ConfigDict(extra="forbid", strict=True)

String = Annotated[str, Field(pattern=_NO_NUL)]
URL = Annotated[str, Field(pattern=_ADDRESS, max_length=MAX_URL)]


class TextRun(TypedDict):
    """Some characters of a text, and what applies to all of them."""

    __pydantic_config__ = _PART  # type: ignore[misc]

    text: String
    marks: NotRequired[
        Annotated[
            list[Literal["bold", "italic", "underline", "strikethrough", "code"]],
            Field(max_length=5),
        ]
    ]
    link: NotRequired[URL]


# Of a list, only what is wrong first is told: a body has room for a million of mistakes.
Text = Annotated[list[TextRun], Field(fail_fast=True)]


class Paragraph(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["paragraph"]
    text: Text


class Heading(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["heading"]
    level: Annotated[int, Field(ge=1, le=6)]
    text: Text


class BulletedItem(TypedDict):
    """An item of a list; items that follow each other are one list, children lie within."""

    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["bulleted_item"]
    text: Text
    children: NotRequired[Blocks]


class NumberedItem(TypedDict):
    """The same of a numbered list, which counts from 1."""

    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["numbered_item"]
    text: Text
    children: NotRequired[Blocks]


class ToDo(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["to_do"]
    checked: bool
    text: Text
    children: NotRequired[Blocks]


class Quote(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["quote"]
    text: Text
    children: NotRequired[Blocks]


class Code(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["code"]
    code: String
    language: NotRequired[Annotated[str, Field(pattern=_NO_NUL, max_length=100)]]


class Divider(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["divider"]


class Callout(TypedDict):
    """A text that stands out; the icon is an emoji."""

    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["callout"]
    icon: NotRequired[Annotated[str, Field(pattern=_NO_NUL, max_length=32)]]
    text: Text
    children: NotRequired[Blocks]


class Table(TypedDict):
    """Rows of cells; with `header` the first row is one."""

    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["table"]
    header: NotRequired[bool]
    rows: Annotated[list[Annotated[list[Text], Field(fail_fast=True)]], Field(fail_fast=True)]


class Image(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["image"]
    url: URL
    alt: NotRequired[String]
    caption: NotRequired[Text]


class Bookmark(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["bookmark"]
    url: URL
    title: NotRequired[String]
    caption: NotRequired[Text]


Block = TypeAliasType(
    "Block",
    Annotated[
        Paragraph
        | Heading
        | BulletedItem
        | NumberedItem
        | ToDo
        | Quote
        | Code
        | Divider
        | Callout
        | Table
        | Image
        | Bookmark,
        Field(discriminator="type"),
    ],
)
Blocks = Annotated[list[Block], Field(fail_fast=True)]


class BlockDocument(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["doc"]
    version: Annotated[int, Field(ge=1, le=1)]
    blocks: Blocks


BlockDocument.__doc__ = (
    "A note's content as blocks. Besides what the schema says: "
    f"{MAX_BYTES:,} bytes as canonical JSON, {MAX_BLOCKS:,} blocks and {MAX_DEPTH} levels of them "
    "at most; no name stands twice in an object; no lone surrogates."
)
_ADAPTER = TypeAdapter[Any](BlockDocument)
# By pydantic's types of errors. What is not in here keeps pydantic's own words.
_WORDS = {
    "model_attributes_type": ("invalid", "Give an object."),
    "dict_type": ("invalid", "Give an object."),
    "list_type": ("invalid", "Give a list."),
    "missing": ("required", "This member is required."),
    "extra_forbidden": ("unknown", "There is no such member here."),
    "union_tag_not_found": ("required", "This member is required."),
    "union_tag_invalid": ("unknown_block", "There is no such block."),
    "string_unicode": ("surrogate_characters_not_allowed", "A lone surrogate is no character."),
}


class InvalidDocument(ValueError):
    """What is wrong with a document: for each place a code and a text."""

    def __init__(self, errors: Mapping[Pointer, tuple[str, str]]) -> None:
        super().__init__(f"{len(errors)} mistakes")
        self.errors = errors


class CanonicalDocument(str):
    """A document as it is stored: JSON without white space, the members of each object sorted, as
    RFC 8785 writes it. Equal documents are equal texts."""

    __slots__ = ()


def canonical(document: Any) -> CanonicalDocument:
    """Raises InvalidDocument. Takes what a JSON parser gives, of 100 levels at most."""
    text = CanonicalDocument(
        json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    )
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        detail = f"The document may have {MAX_BYTES:,} bytes at most."
        raise InvalidDocument({Pointer(): ("max_bytes", detail)})
    try:
        _ADAPTER.validate_python(document)
    except ValidationError as error:
        raise InvalidDocument(dict(_mistakes(error))) from None
    _require_size(document)
    return text


def json_schema(references: str) -> dict[str, Any]:
    """JSON Schema of draft 2020-12; ``references`` is a template such as ``#/$defs/{model}``."""
    return _ADAPTER.json_schema(ref_template=references, schema_generator=_WithoutTitles)


class _WithoutTitles(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _mistakes(error: ValidationError) -> Iterator[tuple[Pointer, tuple[str, str]]]:
    for each in error.errors(include_url=False, include_input=False)[:20]:
        kind, place = each["type"], _place(each["loc"])
        if kind.startswith("union_tag"):
            place /= "type"
        if kind == "string_pattern_mismatch":
            if each["ctx"]["pattern"] == _NO_NUL:
                words = ("null_characters_not_allowed", "Null characters are not allowed.")
            else:
                words = ("url", "Give an address that begins with http:, https: or mailto:.")
        else:
            words = _WORDS.get(kind, ("invalid", f"{each['msg']}."))
        yield place, words


def _place(path: Sequence[str | int]) -> Pointer:
    place = Pointer()
    for number, name in enumerate(path):
        before = path[max(number - 2, 0) : number]
        # Behind a block's number pydantic puts the type by which it read the block.
        if len(before) == 2 and before[0] in ("blocks", "children") and isinstance(before[1], int):
            continue
        place /= name
    return place


def _require_size(document: Mapping[str, Any]) -> None:
    """Raises InvalidDocument where there are too many blocks, or too many within each other."""
    count, level = 0, [(Pointer() / "blocks", document["blocks"])]
    for _ in range(MAX_DEPTH):
        below = []
        for place, blocks in level:
            count += len(blocks)
            below += [
                (place / number / "children", block["children"])
                for number, block in enumerate(blocks)
                if block.get("children")
            ]
        if count > MAX_BLOCKS:
            detail = f"A document may have {MAX_BLOCKS:,} blocks at most."
            raise InvalidDocument({Pointer(): ("max_blocks", detail)})
        level = below
    if level:
        detail = f"Blocks may lie within each other on {MAX_DEPTH} levels at most."
        raise InvalidDocument({level[0][0]: ("max_depth", detail)})
