"""Which reader an upload is for, told by what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import IO

from transfer import joplin, jsonl, markdown, markdown_folder, notion
from transfer.archive import Archive
from transfer.errors import UnknownFormat
from transfer.items import Address, Item, Lost, Refused

MAX_UNPACKED = 10
"""How many times as large as an upload may be, it may be when it is unpacked."""
_REPLACED = "The archive has this path more than once. The last of them counts, as when unpacked."


@contextmanager
def opened(
    files: Sequence[tuple[str, IO[bytes]]], max_bytes: int, address: Address
) -> Iterator[tuple[str, Iterator[Item | Refused | Lost]]]:
    """Gives the format and the items; what `transfer.errors` has is raised before the first one.

    Args:
        files: names and contents of one upload.
        max_bytes: that an upload may have.
    """
    first = files[0][1]
    first.seek(0)
    if jsonl.may_be(first.read(512)):
        if len(files) > 1:
            raise UnknownFormat("JSON lines are one file.")
        yield jsonl.FORMAT, jsonl.read(*files[0])
        return
    with Archive(files, max_bytes * MAX_UNPACKED) as archive:
        name, items = _read(archive, address)
        # Behind the items: a reader may still find that the upload cannot be used.
        yield name, chain(items, (Refused(each.path, _REPLACED) for each in archive.replaced()))


def _read(archive: Archive, address: Address) -> tuple[str, Iterator[Item | Refused | Lost]]:
    if markdown.is_mine(archive):
        return markdown.FORMAT, markdown.read(archive)
    # The narrowest first: Joplin's names could be Notion's, and both have Markdown files.
    for reader in (joplin, notion, markdown_folder):
        if reader.is_export(archive):
            return reader.FORMAT, reader.read(archive, address)
    raise UnknownFormat("The archive is no export of notes that is read here.")
