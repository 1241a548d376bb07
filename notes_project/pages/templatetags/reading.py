"""What templates make of a note."""

from __future__ import annotations

from typing import Any

from django import template

from transfer.block_markdown import markdown

register = template.Library()


@register.filter
def to_read(content: dict[str, Any] | str | None) -> str:
    """A text as it is, a block document as Markdown."""
    return markdown(content["blocks"]) if isinstance(content, dict) else content or ""
