"""users_project, as far as the comparison asks it."""

import json
import threading
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.contract.digests import digest

SECRET = "the secret of both services"
MOMENT = datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)


class UsersProject:
    """Digests of the users that a test gives it."""

    def __init__(self):
        self.users = {}
        self.answer = None
        self.requests = []
        self.after_buckets = lambda: None

    def has(self, user_id, version=1, **facts):
        times = {"created_at": MOMENT, "tokens_valid_after": MOMENT}
        state = {"username": "ada", "is_active": True} | times | facts
        self.users[user_id] = version, digest({"id": user_id, "version": version} | state)

    def respond(self, path, authorization):
        self.requests.append(path)
        url = urlsplit(path)
        if self.answer:
            return self.answer
        if url.path != "/internal/v1/user-digests/" or authorization != f"Bearer {SECRET}":
            return 401, b""
        if url.query:
            named = {int(bucket) for bucket in parse_qs(url.query)["bucket"]}
            rows = [(str(u), *row) for u, row in self.users.items() if u.int >> 112 in named]
        else:
            buckets = defaultdict(lambda: [0, 0])
            for user_id, (_, row_digest) in self.users.items():
                bucket = buckets[user_id.int >> 112]
                bucket[:] = bucket[0] + 1, bucket[1] ^ row_digest
            rows = [(number, *bucket) for number, bucket in buckets.items()]
            self.after_buckets()
        return 200, json.dumps(rows).encode()

    @contextmanager
    def serving(self):
        """Gives its address."""
        respond = self.respond

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = respond(self.path, self.headers["Authorization"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()
        thread.join()
