"""P4: the list of notes, beside the same by Django REST framework's ModelViewSet and page numbers.

Both in one process, through all of Django: with the same middleware and the same token.
"""

import json
import time
from collections.abc import Iterator

from tests.benchmarks import web
from tests.benchmarks.frame import Ratio, Run, Sample, in_turn, pairs, timed
from tests.benchmarks.servers import pids, set_up_django
from tests.notes.issuer import Account, Issuer

OURS, PLAIN = "/api/v1/notes/", "/api/v1/plain/"


def run(run: Run) -> Iterator[Ratio]:
    set_up_django("notes")
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.test.client import RequestFactory

    issuer = Issuer()
    settings.ROOT_URLCONF = "tests.benchmarks.plain_drf"
    headers = {"host": "localhost", "authorization": f"Bearer {issuer.token(Account(id=web.USER))}"}
    handler, factory = WSGIHandler(), RequestFactory(headers=headers)

    def ask(path: str) -> dict:
        statuses: list[str] = []
        response = handler(factory.get(path).environ, lambda status, *_: statuses.append(status))
        body = b"".join(response)
        response.close()
        assert statuses == ["200 OK"], body
        return json.loads(body)

    def side(path: str) -> Sample:
        process, database = pids("notes_db")[-1], pids("notes_db")[0]
        with timed(process) as web_server, timed(process, database) as both:
            start = time.perf_counter()
            for _ in range(requests):
                ask(path)
            wall = time.perf_counter() - start
        assert wall
        return Sample(web_server()[1] / requests * 1e6, both()[1] / requests)

    notes, requests = run.size(10_000, 100), run.size(500, 20)
    web.fill(web.URL, notes)
    with issuer.serving():
        settings.NOTES_JWKS_URL = issuer.url
        ours, plain = ask(OURS)["results"], ask(PLAIN)["results"]
        for note in plain:
            note["tags"] = [tag["name"] for tag in note["tags"]]
        assert len(ours) == 20
        assert [*map(web.alike, ours)] == [*map(web.alike, plain)]
        measured = in_turn(run.rounds, ours=lambda: side(OURS), plain=lambda: side(PLAIN))
    yield Ratio(
        *("P4", "a list of 20 notes ÷ by plain Django REST framework", "µs", 0.2, True),
        rounds=pairs(measured, "ours", "plain"),
    )
