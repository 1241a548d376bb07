"""Block documents: checking them, and their canonical form. Their text is found by the database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from config.errors import Pointer
from notes.block_types import MAX_BLOCKS, MAX_BYTES, MAX_DEPTH, NO_NUL, SCHEME, BlockDocument

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
    for each in error.errors(include_url=False)[:20]:
        kind, place = each["type"], _place(each["loc"])
        if kind.startswith("union_tag"):
            place /= "type"
        if kind == "string_pattern_mismatch":
            if each["ctx"]["pattern"] == NO_NUL:
                words = ("null_characters_not_allowed", "Null characters are not allowed.")
            elif re.match(f"{SCHEME}.", each["input"], re.DOTALL):
                detail = 'An address has no white space, control character, <, > or ".'
                words = ("url", detail)
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
