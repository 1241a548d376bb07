"""P3: writing a note with two tags that exist, beside the peer's."""

from collections.abc import Iterator

import psycopg

from tests.benchmarks import peers, web
from tests.benchmarks.frame import Ratio, Run, in_turn, pairs

OURS, PEERS = "/api/v1/notes/", "/notes"


def run(run: Run) -> Iterator[Ratio]:
    peer = peers.install()
    url = peers.database(peer, web.URL)
    notes, requests = run.size(10_000, 100), run.size(2_000, 8)
    for each in (web.URL, url):
        web.fill(each, notes)

    def note(number: int) -> dict:
        tags = [f"tag {number % web.TAGS + 1}", f"tag {(number + 7) % web.TAGS + 1}"]
        return {"title": f"New {number}", "content": f"{number} " * 40, "tags": tags}

    def ask(path: str) -> tuple:
        return lambda number: ("POST", path, note(number))

    with web.notes_project() as ours, web.express(peer, "note-service.js", url) as prisma:
        answers = ours.ask(*ask(OURS)(0)), prisma.ask(*ask(PEERS)(0))
        first, second = (web.alike(answer)[1:5] for answer in answers)
        assert first == second
        ours.measure(requests // 4, ask(OURS))
        prisma.measure(requests // 4, ask(PEERS))
        measured = in_turn(
            run.rounds,
            ours=lambda: ours.measure(requests, ask(OURS)),
            peer=lambda: prisma.measure(requests, ask(PEERS)),
        )
    assert _written(web.URL) == _written(url)
    yield Ratio(
        *("P3", "writing a note with two tags ÷ the peer's", "µs", 0.6, True),
        rounds=pairs(measured, "ours", "peer"),
    )


def _written(url: str) -> list[tuple]:
    """The new notes of a database, each with how often it stands there."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT title, content, tags, count(*) FROM ("
            '  SELECT title, content, (SELECT array_agg(name ORDER BY name COLLATE "C")'
            "    FROM note_tags JOIN tags ON tags.id = tag_id WHERE note_id = notes.id) AS tags"
            "  FROM notes WHERE title LIKE 'New %') AS new"
            " GROUP BY title, content, tags ORDER BY 1, 2, 3"
        ).fetchall()
