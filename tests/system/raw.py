"""HTTP by hand, for requests that no client library sends."""

import http.client
import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPMessage

from tests.system.client import remember_tokens


@dataclass
class Answer:
    status_code: int
    headers: HTTPMessage
    text: str

    def json(self):
        return json.loads(self.text)


def send(port, request, method="GET"):
    """Sends the bytes to the gateway and reads one answer.

    Args:
        method: of the request, where its answer has no body.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        # The answer to a request that is refused half-way may come before all of it is sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return Answer(response.status, response.headers, response.read().decode())


def request(line, *headers, host="localhost", body=b""):
    """The bytes of a request; the line and the headers may be text or bytes."""
    lines = [line, f"Host: {host}", *headers, "Connection: close", "", ""]
    for part in headers:
        remember_tokens(part if isinstance(part, str) else part.decode("latin-1"))
    encoded = [part if isinstance(part, bytes) else part.encode("latin-1") for part in lines]
    return b"\r\n".join(encoded) + body
