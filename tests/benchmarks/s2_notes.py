"""S2: one user with 10⁶ notes beside one with 10⁴, through the web server and its API alone.

They come by POST /notes/import/, in uploads of the size that one may have: a tenth of the 10⁶, of
which there are copies then, for all of them take 18 minutes of CPU time. They go by both exports.
Of these, CPU time per note, and peak memory of the worker; in between requests, in turn on both
sides.
"""

import hashlib
import json
import random
import time
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psycopg
from psycopg import sql

from tests.benchmarks import web
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, memory, pairs, timed
from tests.benchmarks.servers import pids

FEW = "s2_few"
NOTES, TAGS = "/api/v1/notes/", "/api/v1/tags/"
# Notes of a group have a tag and a word of their own, so both sides find as many.
GROUP = 50
WORDS = 30
MAX_UPLOAD = 512 * 1024 * 1024  # NOTES_IMPORT_MAX_MB
CHUNK = 1024 * 1024
JSONL = f"{NOTES}export/?format=jsonl"
MARKDOWN = f"{NOTES}export/?format=markdown"
# What the triggers would make of a copy of a note.
_COPY = """
SET maintenance_work_mem = '512MB';
INSERT INTO notes (
    id, user_id, title, content, content_format, is_archived, created_at, updated_at, tag_names
)
SELECT md5(id::text || copy)::uuid, user_id, title, content, content_format, is_archived,
    created_at + copy * interval '{imported} s', updated_at + copy * interval '{imported} s',
    tag_names
FROM notes, generate_series(2, {copies}) AS copy;
INSERT INTO note_search (note_id, search)
SELECT md5(note_id::text || copy)::uuid, search
FROM note_search, generate_series(2, {copies}) AS copy;
INSERT INTO note_tags (note_id, tag_id, user_id, is_archived, created_at, updated_at, title_key)
SELECT md5(note_id::text || copy)::uuid, tag_id, user_id, is_archived,
    created_at + copy * interval '{imported} s', updated_at + copy * interval '{imported} s',
    title_key
FROM note_tags, generate_series(2, {copies}) AS copy;
UPDATE tag_counts SET notes = notes * {copies};
"""


@dataclass
class Side:
    """A web server of one worker, on its own database."""

    server: web.Server
    database: str
    imported: int
    copies: int
    middle: str = ""
    """The address of the page in the middle of the list."""

    @property
    def notes(self) -> int:
        return self.imported * self.copies

    @property
    def groups(self) -> int:
        return self.notes // GROUP

    @property
    def worker(self) -> int:
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children")
        return int(children.read_text().split()[0])

    def address(self, path: str, query: dict) -> str:
        """With what is of a group that both sides have in the middle of all."""
        group = f"{self.groups // 2:05}"
        values = [
            (name, text.format(group=group))
            for name, texts in query.items()
            for text in ([texts] if isinstance(texts, str) else texts)
        ]
        return f"{path}?{urlencode(values)}"

    def open(self, method: str, path: str, body: object = None, **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.server.port)
        connection.request(method, path, body, self.server.headers | headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        return response


# What is asked, by name; and how many rows come, 20 where more are found.
ASKED = {
    "a list": (NOTES, {}, 20),
    "a list by title": (NOTES, {"order": "title", "archived": "any"}, 20),
    "a tag's list": (NOTES, {"tag": "tag {group}"}, 20),
    "a tag's list, all notes have it": (NOTES, {"tag": "all"}, 20),
    "two tags, a few notes have both": (NOTES, {"tag": ["all", "tag {group}"]}, 20),
    "two tags, half of all have both": (NOTES, {"tag": ["all", "even"]}, 20),
    "two tags, no note has both": (NOTES, {"tag": ["even", "odd"]}, 0),
    "either of two tags": (NOTES, {"tag": ["even", "odd"], "tag_match": "any"}, 20),
    "tags": (TAGS, {}, 20),
    "tags, by prefix": (TAGS, {"prefix": "tag {group}"}, 1),
    "a search, 50 hits": (NOTES, {"q": '"w{group}"'}, 20),
    "a search, all notes": (NOTES, {"q": "common"}, 20),
    "a search, a letter, all notes": (NOTES, {"q": "o"}, 20),
    "a search, a phrase, all notes": (NOTES, {"q": '"most common"'}, 20),
    "a search, words and signs, all notes": (NOTES, {"q": "iphone手机"}, 20),
}


def run(run: Run) -> Iterator[Ratio]:
    few = urlsplit(web.URL)._replace(path=f"/{FEW}").geturl()
    with psycopg.connect(web.URL, autocommit=True) as notes_db:
        name = notes_db.info.dbname
        notes_db.execute("TRUNCATE users, tags CASCADE")  # What another benchmark left.
    with psycopg.connect(web.URL, dbname="postgres", autocommit=True) as postgres:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        postgres.execute(create.format(sql.Identifier(FEW), sql.Identifier(name)))
    few_notes, imported, copies = run.size(10**4, 1000), run.size(10**5, 400), run.size(10, 4)
    with ExitStack() as servers:
        of_few = servers.enter_context(web.notes_project(few))
        of_many = servers.enter_context(web.notes_project())
        sides = {
            "few": Side(of_few, few, few_notes, 1),
            "many": Side(of_many, web.URL, imported, copies),
        }
        most = run.size(MAX_UPLOAD, 100_000)
        imports = {name: _import(side, run.folder, most) for name, side in sides.items()}
        yield from _ratios("import", "10⁵ ÷ 10⁴", imports)
        for side in sides.values():
            _copy(side)
            side.middle = _walk_to_the_middle(side)
        for what, (path, query, rows) in ASKED.items():
            addresses = {name: side.address(path, query) for name, side in sides.items()}
            yield _requests(run, sides, what, addresses, rows)
        middles = {name: side.middle for name, side in sides.items()}
        yield _requests(run, sides, "a list, in the middle", middles, 100)
        for what, path, count in (
            ("JSON lines", JSONL, _count_lines),
            ("Markdown", MARKDOWN, partial(_count_files, run.folder / "notes.zip")),
        ):
            exports = {name: _export(side, path, count) for name, side in sides.items()}
            yield from _ratios(f"export of {what}", "10⁶ ÷ 10⁴", exports)


def _ratios(what: str, sizes: str, sides: dict[str, tuple[Sample, Sample]]) -> Iterator[Ratio]:
    for value, (name, unit, target) in enumerate(
        (("CPU time per note", "µs per note", 2), ("peak memory", "bytes", 1.1))
    ):
        rounds = [(sides["many"][value], sides["few"][value])]
        yield Ratio("S2", f"{what}: {name}, {sizes}", unit, target, True, rounds)


def _requests(
    run: Run, sides: dict[str, Side], what: str, addresses: dict[str, str], rows: int
) -> Ratio:
    measured = in_turn(
        run.rounds,
        **{
            name: partial(_ask, side, addresses[name], rows, run.size(5, 2))
            for name, side in sides.items()
        },
    )
    rounds = pairs(measured, "many", "few")
    return Ratio("S2", f"{what}, 10⁶ ÷ 10⁴", "µs per request", 2, True, rounds)


def _ask(side: Side, address: str, rows: int, count: int) -> Sample:
    """Wall time of a request, one after the other, and CPU time of web server and database."""
    connection = HTTPConnection("127.0.0.1", side.server.port)
    database = pids("notes_db")[:-1]
    for times in (1, count):  # The first makes it warm.
        with timed(side.server.pid, *database) as taken:
            for _ in range(times):
                connection.request("GET", address, headers=side.server.headers)
                response = connection.getresponse()
                body = response.read()
                assert response.status == 200, body
    connection.close()
    assert len(json.loads(body)["results"]) == rows, address
    wall, cpu = taken()
    return Sample(wall / count * 1e6, cpu / count)


def _walk_to_the_middle(side: Side) -> str:
    address, seen = f"{NOTES}?limit=100&archived=any", set()
    connection = HTTPConnection("127.0.0.1", side.server.port)
    while len(seen) < side.notes // 2:
        connection.request("GET", address, headers=side.server.headers)
        page = json.loads(connection.getresponse().read())
        ids = {note["id"] for note in page["results"]}
        assert len(ids) == 100
        assert not ids & seen
        seen |= ids
        address = page["next"].partition(side.server.headers["Host"])[2]
    connection.close()
    return address


def _import(side: Side, folder: Path, most: int) -> tuple[Sample, Sample]:
    _forget_peak(side)
    cpu = 0.0
    for path, notes in _uploads(folder, _lines(side.imported, side.groups), most):
        with path.open("rb") as file, timed(side.server.pid, *pids("notes_db")[:-1]) as taken:
            length = str(path.stat().st_size)
            answer = side.open("POST", f"{NOTES}import/", file, **{"Content-Length": length})
            report = json.loads(answer.read())
        assert (report["created"], report["report"]) == (notes, []), report
        cpu += taken()[1]
    return _per_note(side, side.imported, cpu)


def _copy(side: Side) -> None:
    copy = _COPY.format(imported=side.imported, copies=side.copies)
    with psycopg.connect(side.database, autocommit=True) as database:
        web.execute_in_bulk(database, copy, ["notes", "note_search", "note_tags"])


def _export(side: Side, path: str, count: partial) -> tuple[Sample, Sample]:
    _forget_peak(side)
    with timed(side.server.pid, *pids("notes_db")[:-1]) as taken:
        found = count(side.open("GET", path))
    assert found == side.notes
    return _per_note(side, side.notes, taken()[1])


def _per_note(side: Side, notes: int, cpu: float) -> tuple[Sample, Sample]:
    """CPU time: it is measured once. And the peak memory of the worker."""
    return Sample(cpu / notes * 1e6), Sample(memory(side.worker, "VmHWM"))


def _forget_peak(side: Side) -> None:
    Path(f"/proc/{side.worker}/clear_refs").write_text("5")  # proc_pid_clear_refs(5)


def _uploads(folder: Path, lines: Iterator[bytes], most: int) -> Iterator[tuple[Path, int]]:
    """Files of JSON lines, none larger than an upload may be, and how many notes each has."""
    path = folder / "notes.jsonl"
    line = next(lines, None)
    while line:
        count = 0
        with path.open("wb") as file:
            size = file.write(b'{"format": "notes-jsonl", "version": 1}\n')
            while line and size + len(line) + 100 <= most:
                size += file.write(line)
                count += 1
                line = next(lines, None)
            file.write(b'{"end": true, "notes": %d}\n' % count)
        yield path, count
    path.unlink()


def _lines(notes: int, groups: int) -> Iterator[bytes]:
    draw = random.Random(1)
    words = [f"other{number}" for number in range(50_000)]
    for number in range(notes):
        group = f"{number % groups:05}"
        text = f"The most common w{group} {' '.join(draw.choices(words, k=WORDS))} iphone手机 "
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_700_000_000 + number))
        note = {
            "id": str(uuid.UUID(hashlib.md5(b"%d" % number).hexdigest())),
            "title": f"Note {number}",
            "content": text,
            "tags": ["all", "odd" if number % 2 else "even", f"tag {group}"],
            "created_at": at,
            "updated_at": at,
        }
        yield json.dumps(note, ensure_ascii=False).encode() + b"\n"


def _count_lines(answer: HTTPResponse) -> int:
    count, last = 0, b""
    while chunk := answer.read(CHUNK):
        count += chunk.count(b"\n")
        last = (last + chunk)[-100:]
    end = json.loads(last.splitlines()[-1])
    assert end == {"end": True, "notes": count - 2}
    return count - 2


def _count_files(path: Path, answer: HTTPResponse) -> int:
    with path.open("wb") as file:
        while chunk := answer.read(CHUNK):
            file.write(chunk)
    with zipfile.ZipFile(path) as archive:
        count = sum(name.startswith("notes/") for name in archive.namelist())
    path.unlink()
    return count
