"""YAML front matter at the beginning of a Markdown file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson
import yaml

MAX_LENGTH = 64 * 1024
# With a blank line at its beginning it is text between two thematic breaks.
_WHOLE = re.compile(
    r"---[ \t]*\r?\n(?![ \t]*\r?\n)(.*?)(?<=\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
_LINE = re.compile(r"([a-z_0-9]+): (.+)")
# Valid in JSON, and not between quotes in YAML (1.2.2, section 5.1), or a line end in YAML 1.1.
_SPECIAL = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class InvalidFrontMatter(ValueError):
    """Its text is for the person whose file it is."""


class _Loader(yaml.BaseLoader):
    """Raises ValueError for what is YAML, and not read here."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """No aliases: a few lines of them have more values than there is memory."""
        if self.check_event(yaml.AliasEvent):
            raise ValueError
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """No name twice: one of its values would be lost."""
        values = super().construct_mapping(node, deep)
        if len(values) < len(node.value):
            raise ValueError
        return values

    def construct_scalar(self, node: Any) -> str:
        """Two escaped surrogates are one character, as in JSON. A lone one is a ValueError."""
        text: str = super().construct_scalar(node)
        return text.encode("utf-16", "surrogatepass").decode("utf-16")


def written(values: Mapping[str, Any]) -> str:
    """Each value as JSON, which YAML 1.2 contains: no reader takes a word of it for a date."""
    lines = (f"{name}: {_quoted(value)}\n" for name, value in values.items())
    return f"---\n{''.join(lines)}---\n"


def split(text: str) -> tuple[dict[str, Any], str]:
    """The values, all scalars as they are written, and what follows. Raises InvalidFrontMatter.

    A text without front matter has no values.
    """
    match = _WHOLE.match(text)
    if not match:
        return {}, text
    raw = match[1]
    if len(raw) > MAX_LENGTH:
        raise InvalidFrontMatter(f"Its front matter has more than {MAX_LENGTH:,} characters.")
    values = _as_written(raw)
    return _as_yaml(raw) if values is None else values, text[match.end() :]


def _quoted(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _as_written(raw: str) -> dict[str, Any] | None:
    """What `written` has written, a hundred times as fast as YAML; None for anything else."""
    values = {}
    for line in raw.split("\n")[:-1]:
        match = _LINE.fullmatch(line.rstrip())
        if not match or match[1] in values:
            return None
        try:
            values[match[1]] = _scalars(orjson.loads(match[2]), match[2])
        except (orjson.JSONDecodeError, InvalidFrontMatter):
            return None
    return values


def _scalars(value: Any, text: str) -> Any:
    """As YAML's base schema has it, a string for all that is no list."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    if isinstance(value, dict | list):
        raise InvalidFrontMatter
    return value if isinstance(value, str) else text


def _as_yaml(raw: str) -> dict[str, Any]:
    try:
        values = yaml.load(raw, _Loader)  # noqa: S506 - it makes strings, lists and mappings
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 2}" if mark else ""
        raise InvalidFrontMatter(f"Its front matter is no YAML{where}.") from None
    except (RecursionError, ValueError):
        raise InvalidFrontMatter("Its front matter is no YAML that is read here.") from None
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InvalidFrontMatter("Its front matter is no list of names and values.")
    return values
