"""Block documents as Markdown (GitHub's), to be read. The way back is the document itself.

What Markdown has no sign for, an underlined word, stays text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Block = dict[str, Any]

# What would be read as a sign anywhere, and what would at the beginning of a line.
_SIGNS = re.compile(r"[\\`*_\[\]<>~|]|&(?=[A-Za-z#])")
_LINE_SIGNS = re.compile(r"^([ \t]*)(?:([#+=-])|(\d{1,9})([.)](?=\s|$)))", re.MULTILINE)
_MARKS = {"bold": "**", "italic": "*", "strikethrough": "~~"}
_ITEMS = frozenset({"bulleted_item", "numbered_item", "to_do"})


def markdown(blocks: Sequence[Block]) -> str:
    """A valid document's blocks, with a line end after the last."""
    text = _blocks(blocks)
    return f"{text}\n" if text else ""


def _blocks(blocks: Sequence[Block]) -> str:
    parts: list[str] = []
    number, before = 0, ""
    for block in blocks:
        kind = block["type"]
        number = number + 1 if kind == "numbered_item" else 0
        is_item = kind in _ITEMS
        if parts:
            # Items of one list stand close; two lists of different kinds are apart.
            parts.append("\n" if is_item and kind == before else "\n\n")
        parts.append(_item(block, number) if is_item else _WRITERS[kind](block))
        before = kind
    return "".join(parts)


def _item(block: Block, number: int) -> str:
    box = ("[x] " if block["checked"] else "[ ] ") if block["type"] == "to_do" else ""
    sign = f"{number}. " if number else "- "
    return sign + _indented(_with_children(box + _text(block["text"]), block), len(sign))


def _with_children(text: str, block: Block) -> str:
    children = block.get("children") or []
    if not children:
        return text
    apart = "\n" if children[0]["type"] in _ITEMS else "\n\n"
    return f"{text}{apart}{_blocks(children)}"


def _indented(text: str, by: int) -> str:
    return re.sub("\n(?!\n)", "\n" + " " * by, text)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _heading(block: Block) -> str:
    return f"{'#' * block['level']} {_one_line(block['text'])}"


def _callout(block: Block) -> str:
    icon = f"{_escaped(block['icon'])} " if block.get("icon") else ""
    return _quoted(_with_children(icon + _text(block["text"]), block))


def _code(block: Block) -> str:
    code = block["code"]
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    language = re.sub(r"[\s`]", "", block.get("language", ""))
    return f"{fence}{language}\n{code}\n{fence}"


def _table(block: Block) -> str:
    rows = block["rows"]
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    # A table of GitHub's always has a header, as wide as its widest row; where the document has
    # none, it is empty. Other rows may be shorter: all as wide could be a million times as much.
    header, *rest = rows if block.get("header") else [[], *rows]
    header = [*header, *[[]] * (width - len(header))]
    return "\n".join([_row(header), "|" + " --- |" * width, *(_row(row or [[]]) for row in rest)])


def _row(cells: Sequence[list[Block]]) -> str:
    return "|" + "".join(f" {_one_line(cell)} |" for cell in cells)


def _image(block: Block) -> str:
    image = f"![{_escaped(block.get('alt', ''))}]({_address(block['url'])})"
    return _captioned(image, block)


def _bookmark(block: Block) -> str:
    title = block.get("title") or block["url"]
    return _captioned(f"[{_escaped(title)}]({_address(block['url'])})", block)


def _captioned(text: str, block: Block) -> str:
    caption = _text(block.get("caption") or [])
    return f"{text}\n\n{caption}" if caption else text


_WRITERS: dict[str, Callable[[Block], str]] = {
    "paragraph": lambda block: _text(block["text"]),
    "heading": _heading,
    "quote": lambda block: _quoted(_with_children(_text(block["text"]), block)),
    "code": _code,
    "divider": lambda _: "---",
    "callout": _callout,
    "table": _table,
    "image": _image,
    "bookmark": _bookmark,
}


def _one_line(runs: Iterable[Block]) -> str:
    return _text(runs).replace("\\\n", " ").replace("\n", " ")


def _text(runs: Iterable[Block]) -> str:
    text = "".join(map(_run, runs))
    # A line end within a text stays one: with a backslash before it, Markdown breaks the line.
    lines = _LINE_SIGNS.sub(_escape_line, text.replace("\r\n", "\n").replace("\r", "\n"))
    return lines.replace("\n", "\\\n")


def _escape_line(match: re.Match[str]) -> str:
    return f"{match[1]}\\{match[2]}" if match[2] else f"{match[1]}{match[3]}\\{match[4]}"


def _run(run: Block) -> str:
    text, marks = run["text"], run.get("marks") or []
    core = text.strip()
    if not core:
        return _escaped(text)
    # A mark next to a blank would be none.
    start = text[: len(text) - len(text.lstrip())]
    end = text[len(text.rstrip()) :]
    written = _code_span(core) if "code" in marks else _escaped(core)
    for mark in marks:
        sign = _MARKS.get(mark, "")
        written = f"{sign}{written}{sign}"
    if run.get("link"):
        written = f"[{written}]({_address(run['link'])})"
    return f"{start}{written}{end}"


def _code_span(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def _escaped(text: str) -> str:
    return _SIGNS.sub(r"\\\g<0>", text)


def _address(url: str) -> str:
    # An address of the schema has no blanks and no angle brackets.
    return f"<{url}>" if set(url) & set("()\\") else url
