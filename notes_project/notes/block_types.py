"""What a block document may be: `docs/block-document.v1.json` is made of the classes in here."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypeAliasType, TypedDict

MAX_BYTES = 1024 * 1024
MAX_BLOCKS = 10_000
MAX_DEPTH = 32
MAX_URL = 8192
NO_NUL = "^[^\\u0000]*$"
# A link acts in its reader's browser: no scheme that does more there than open a page or a letter.
SCHEME = "^([Hh][Tt][Tt][Pp][Ss]?://|[Mm][Aa][Ii][Ll][Tt][Oo]:)"
_ADDRESS = f'{SCHEME}[^\\u0000-\\u0020\\u007f-\\u00a0\\u2028\\u2029<>"]+$'
_PART = ConfigDict(extra="forbid", strict=True)

String = Annotated[str, Field(pattern=NO_NUL)]
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
    language: NotRequired[Annotated[str, Field(pattern=NO_NUL, max_length=100)]]


class Divider(TypedDict):
    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["divider"]


class Callout(TypedDict):
    """A text that stands out; the icon is an emoji."""

    __pydantic_config__ = _PART  # type: ignore[misc]

    type: Literal["callout"]
    icon: NotRequired[Annotated[str, Field(pattern=NO_NUL, max_length=32)]]
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
