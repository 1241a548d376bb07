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
# The narrowest first: Joplin's names could be Notion's, and all have Markdown files.
_READERS = (markdown, joplin, notion, markdown_folder)
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
    if any(_may_be_lines(file) for _, file in files):
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


def _may_be_lines(file: IO[bytes]) -> bool:
    file.seek(0)
    return jsonl.may_be(file.read(512))


def _upload(archive: Archive) -> Upload:
    """Of one kind are all packed files in which there is something that is known."""
    kinds: dict[str, str] = {}
    for part, name in enumerate(archive.parts):
        reader = next((each for each in _READERS if each.is_export(archive, part)), None)
        if reader:
            kinds.setdefault(reader.FORMAT, name)
    if len(kinds) > 1:
        found = ", ".join(f"{name} is {kind}" for kind, name in kinds.items())
        raise UnknownFormat(f"The files are of several kinds: {found}. Send each kind alone.")
    for reader in _READERS:
        if reader.FORMAT in kinds:
            return Upload(reader.FORMAT, reader.read(archive), reader is not markdown)
    raise UnknownFormat("The archive is no export of notes that is read here.")
