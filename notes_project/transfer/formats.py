"""Which reader an upload is for, told by what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import IO, NamedTuple

from transfer import joplin, jsonl, markdown, markdown_folder, notion
from transfer.archive import Archive
from transfer.errors import UnknownFormat
from transfer.items import Address, Item, Lost, Read, Refused

MAX_UNPACKED = 10
"""How many times as large as an upload may be, it may be when it is unpacked."""
_REPLACED = "The archive has this path more than once. The last of them counts, as when unpacked."


class Upload(NamedTuple):
    format: str
    read: Read
    has_links: bool
    """Whether `read` asks for addresses."""


@contextmanager
def opened(files: Sequence[tuple[str, IO[bytes]]], max_bytes: int) -> Iterator[Upload]:
    """What `transfer.errors` has is raised here, or by `Upload.read` before the first item.

    Args:
        files: names and contents of one upload.
        max_bytes: that an upload may have.
    """
    first = files[0][1]
    first.seek(0)
    if jsonl.may_be(first.read(512)):
        if len(files) > 1:
            raise UnknownFormat("JSON lines are one file.")
        yield Upload(jsonl.FORMAT, lambda _: jsonl.read(*files[0]), has_links=False)
        return
    with Archive(files, max_bytes * MAX_UNPACKED) as archive:
        upload = _upload(archive)

        def read(address: Address) -> Iterator[Item | Refused | Lost]:
            replaced = (Refused(each.path, _REPLACED) for each in archive.replaced())
            # Behind the items: a reader may still find that the upload cannot be used.
            return chain(upload.read(address), replaced)

        yield upload._replace(read=read)


def _upload(archive: Archive) -> Upload:
    if markdown.is_mine(archive):
        return Upload(markdown.FORMAT, lambda _: markdown.read(archive), has_links=False)
    # The narrowest first: Joplin's names could be Notion's, and both have Markdown files.
    for reader in (joplin, notion, markdown_folder):
        if reader.is_export(archive):
            return Upload(reader.FORMAT, reader.read(archive), has_links=True)
    raise UnknownFormat("The archive is no export of notes that is read here.")
