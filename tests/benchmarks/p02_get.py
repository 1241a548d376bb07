"""P2: one note with its tags, beside the peer's."""

import hashlib
import uuid
from collections.abc import Iterator

from tests.benchmarks import peers, web
from tests.benchmarks.frame import Ratio, Run, in_turn, pairs


def run(run: Run) -> Iterator[Ratio]:
    peer = peers.install()
    url = peers.database(peer, web.URL)
    notes, requests = run.size(10_000, 100), run.size(4_000, 8)
    for each in (web.URL, url):
        web.fill(each, notes)

    def path(number: int) -> str:
        note = hashlib.md5(f"note{number % notes + 1}".encode()).hexdigest()
        return f"/notes/{uuid.UUID(note)}"

    def of_ours(number: int) -> tuple[str, str]:
        return "GET", f"/api/v1{path(number)}/"

    def of_peer(number: int) -> tuple[str, str]:
        return "GET", path(number)

    with web.notes_project() as ours, web.express(peer, "note-service.js", url) as prisma:
        for number in (0, notes // 2, notes - 1):
            answers = ours.ask(*of_ours(number)), prisma.ask(*of_peer(number))
            assert web.alike(answers[0]) == web.alike(answers[1])
        ours.measure(requests // 4, of_ours)
        prisma.measure(requests // 4, of_peer)
        measured = in_turn(
            run.rounds,
            ours=lambda: ours.measure(requests, of_ours),
            peer=lambda: prisma.measure(requests, of_peer),
        )
    yield Ratio("P2", "one note ÷ the peer's", "µs", 0.8, True, pairs(measured, "ours", "peer"))
