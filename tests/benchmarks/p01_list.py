"""P1: the list of 20 notes with their tags, beside the same list of two other implementations.

All are signed in with a token, have one worker and the same rows. The figure is the web server's
CPU time in a request; beside it stands that with PostgreSQL's.
"""

from collections.abc import Iterator

from tests.benchmarks import peers, web
from tests.benchmarks.frame import Ratio, Run, in_turn, pairs

OURS, PEERS = "/api/v1/notes/?limit=20", "/notes?page_size=20"


def run(run: Run) -> Iterator[Ratio]:
    peer = peers.install()
    bare = peers.install_express_pg()
    url = peers.database(peer, web.URL)
    notes, requests = run.size(10_000, 100), run.size(2_000, 8)
    for each in (web.URL, url):
        web.fill(each, notes)
    with (
        web.notes_project() as ours,
        web.express(peer, "note-service.js", url) as prisma,
        web.express(bare, "server.js", url) as pg,
    ):
        lists = [ours.ask("GET", OURS), prisma.ask("GET", PEERS), pg.ask("GET", PEERS)]
        first, *others = [[*map(web.alike, answer["results"])] for answer in lists]
        assert len(first) == 20
        assert others == [first, first]
        for server, path in ((ours, OURS), (prisma, PEERS), (pg, PEERS)):
            server.measure(requests // 4, lambda _, path=path: ("GET", path))
        measured = in_turn(
            run.rounds,
            ours=lambda: ours.measure(requests, lambda _: ("GET", OURS)),
            prisma=lambda: prisma.measure(requests, lambda _: ("GET", PEERS)),
            pg=lambda: pg.measure(requests, lambda _: ("GET", PEERS)),
        )
    for what, other, target in (
        ("a list of 20 notes ÷ the peer's", "prisma", 0.5),
        ("a list of 20 notes ÷ by Express with pg alone", "pg", 1.5),
    ):
        yield Ratio("P1", what, "µs", target, True, pairs(measured, "ours", other))
