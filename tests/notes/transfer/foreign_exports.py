"""Exports as Notion and Joplin make them, made here."""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

JOPLIN_TYPES = {"note": 1, "folder": 2, "resource": 4, "tag": 5, "note_tag": 6, "revision": 13}


def id_of(name: str) -> str:
    return uuid5(NAMESPACE_URL, name).hex


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def tarred(files: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@dataclass
class Page:
    """A page of Notion's. Its id comes of its title, unless it is given."""

    title: str
    text: str = ""
    children: list[Page | Database] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    id: str = ""

    def __post_init__(self) -> None:
        self.id = self.id or id_of(self.title)

    @property
    def stem(self) -> str:
        """The name of its file: 50 characters of the title at most, none that a system forbids."""
        kept = "".join(" " if character in '/\\:*?"<>|#' else character for character in self.title)
        return f"{kept[:50].strip()} {self.id}".strip()


@dataclass
class Database(Page):
    """Rows are pages with properties; those in `without_page` are in the table alone."""

    rows: list[Page] = field(default_factory=list)
    without_page: list[Page] = field(default_factory=list)
    hidden: int = 0

    def table(self, rows: Iterable[Page]) -> str:
        names = list(dict.fromkeys(name for row in self.all_rows for name in row.properties))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["Name", *names])
        for row in rows:
            writer.writerow([row.title, *(row.properties.get(name, "") for name in names)])
        return "\ufeff" + text.getvalue()

    @property
    def all_rows(self) -> list[Page]:
        return [*self.rows, *self.without_page]


def notion(*roots: Page, ids_in_folders: bool = True) -> dict[str, str | bytes]:
    """The files of an export by their paths; newer exports leave the ids out of folders."""
    files: dict[str, str | bytes] = {}
    for root in roots:
        _write(files, "", root, ids_in_folders)
    return files


def target(*pages: Page, ending: str = ".md") -> str:
    """A link as Notion writes it, from the folder of the first to the last of these."""
    return quote("/".join(page.stem for page in pages) + ending)


def in_parts(files: Mapping[str, str | bytes], count: int, without: int = 0) -> bytes:
    """The zip file of zip files that Notion gives for a download, perhaps without one of them."""
    export = "Export-3c2d9f1a-0b7e-4a52-9d4b-6f1e2a3b4c5d"
    names = list(files)
    parts = {
        f"{export}-Part-{part}.zip": zipped(
            {name: files[name] for name in names[part - 1 :: count]}
        )
        for part in range(1, count + 1)
        if part != without
    }
    return zipped(parts)


def _write(files: dict[str, str | bytes], folder: str, page: Page, ids: bool) -> None:
    path = f"{folder}{page.stem}"
    inside = f"{path}/" if ids else f"{folder}{page.title}/"
    if isinstance(page, Database):
        files[f"{path}.csv"] = page.table(page.all_rows[page.hidden :])
        files[f"{path}_all.csv"] = page.table(page.all_rows)
        below: list[Page] = list(page.rows)
    else:
        lines = [f"{name}: {value}\n" for name, value in page.properties.items()]
        parts = [f"# {page.title}\n", "".join(lines), page.text]
        files[f"{path}.md"] = "\n".join(part for part in parts if part)
        below = list(page.children)
    for child in below:
        _write(files, inside, child, ids)


def joplin(kind: str, title: str, body: str = "", **values: object) -> tuple[str, str]:
    """Path and content of one of the files in a JEX file, as Joplin 3 writes it."""
    stated = {
        "id": id_of(title),
        "parent_id": "",
        "created_time": time(2020),
        "updated_time": time(2021),
        "is_conflict": 0,
        "latitude": "0.00000000",
        "author": "",
        "source_url": "",
        "is_todo": 0,
        "todo_due": 0,
        "todo_completed": 0,
        "user_created_time": time(2018),
        "user_updated_time": time(2019),
        "encryption_cipher_text": "",
        "encryption_applied": 0,
        "markup_language": 1,
        "deleted_time": 0,
        **values,
        "type_": JOPLIN_TYPES[kind],
    }
    lines = "\n".join(f"{name}: {value}" for name, value in stated.items())
    parts = [] if kind == "note_tag" else [title, body] if body else [title]
    return f"{stated['id']}.md", "\n\n".join([*parts, lines])


def tagging(note: str, tag: str) -> tuple[str, str]:
    identifier = id_of(f"{note} has {tag}")
    return joplin("note_tag", "", id=identifier, note_id=id_of(note), tag_id=id_of(tag))


def time(year: int) -> str:
    return (
        datetime(year, 5, 17, 8, 30, 1, 250_000, UTC)
        .isoformat("T", "milliseconds")
        .replace("+00:00", "Z")
    )
