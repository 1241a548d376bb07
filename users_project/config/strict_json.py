"""JSON that is taken in one way alone (RFC 8259, and I-JSON's rule of unique names, RFC 7493)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import reduce
from operator import truediv
from typing import Any, NoReturn

from config.errors import Pointer

# Above what any body needs, and far below what Python's own recursion stands.
MAX_DEPTH = 100
_TOKEN = re.compile(r'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[\[\]{}]', re.DOTALL)
# Digits of 64 bits, with a sign. A longer number is no whole number of any field.
_MAX_DIGITS = 20
# Below it each whole number is a float of its own (RFC 7493, section 2.2).
_MAX_EXACT = 2**53 - 1


class InvalidJSON(ValueError):
    """The text is no JSON, or such that readers differ in what they take it for.

    Args:
        place: of what is wrong; None where the text is no JSON at all.
        code: of the error.
        detail: for the person who wrote it.
    """

    def __init__(self, place: Pointer | None, code: str, detail: str) -> None:
        super().__init__(detail)
        self.place, self.code, self.detail = place, code, detail


def loads(text: str) -> Any:
    """The value. A whole number of more digits than 64 bits have is a float. Raises InvalidJSON."""
    _refuse_depth(text)
    # By id; with the object, so that no other gets its id.
    doubled: dict[int, tuple[dict[str, Any], str]] = {}

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = Counter(name for name, _ in pairs)
            doubled[id(found)] = found, next(name for name in names if names[name] > 1)
        return found

    try:
        value = json.loads(
            text,
            object_pairs_hook=members,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_refuse,
        )
    except json.JSONDecodeError as error:
        detail = f"{error.msg}, at line {error.lineno}, column {error.colno}."
        raise InvalidJSON(None, "invalid", detail) from None
    except ValueError as error:
        raise InvalidJSON(None, "invalid", f"{error} is no JSON.") from None
    if path := doubled and _path_to(doubled, value):
        raise InvalidJSON(_pointer(path), "duplicate", "This member stands there twice.")
    return value


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    closers: list[str] = []
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            if len(closers) == MAX_DEPTH:
                # What came before, closed, leads to the place: its last value at each level.
                before = text[: token.start()] + "null" + "".join(reversed(closers))
                detail = f"Nested deeper than {MAX_DEPTH} levels."
                raise InvalidJSON(_last_place(before), "max_depth", detail)
            closers.append("]" if sign == "[" else "}")
        elif sign in "]}" and closers:
            closers.pop()


def _last_place(text: str) -> Pointer | None:
    try:
        node = json.loads(text)
    except ValueError:
        return None
    path: list[Any] = []
    while node and isinstance(node, dict | list):
        path.append(next(reversed(node)) if isinstance(node, dict) else len(node) - 1)
        node = node[path[-1]]
    return _pointer(path)


def _path_to(
    doubled: Mapping[int, tuple[dict[str, Any], str]], node: Any
) -> list[str | int] | None:
    """The way to the first of these objects, and its member that stands there twice."""
    if id(node) in doubled:
        return [doubled[id(node)][1]]
    for name, inner in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(inner, dict | list) and (path := _path_to(doubled, inner)) is not None:
            return [name, *path]
    return None


def _pointer(path: Sequence[str | int]) -> Pointer:
    return reduce(truediv, path, Pointer())


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _number(digits: str) -> int | float:
    """1.0 is the whole number 1, for JSON Schema (section 4.2.3 of the core) and RFC 8785 too."""
    value = float(digits)
    if not value.is_integer() or abs(value) > _MAX_EXACT:
        return value
    try:
        # 1.0000000000000000001 is none, though the float is.
        return int(value) if Decimal(digits) == value else value
    except InvalidOperation:
        return value


def _refuse(constant: str) -> NoReturn:
    """NaN, Infinity and -Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)
