"""TCP proxies between the parts, each a link that can be cut as a network is, for any user.

Where a link is cut, the kernel drops what comes in at the proxy's socket before TCP sees it, by a
socket filter (socket(7), SO_ATTACH_FILTER). So the sender gets no acknowledgement, sends it again
and at last gives up; what a new connection begins with is lost as well. When the link is whole
again, what is sent again arrives.

Cut one way, the side whose packets are lost sees just what it would see. The other one gets its
acknowledgements from the proxy and waits for an answer that does not come.

Links to Kafka can also lose one answer of a broker that goes on answering everything else.
"""

import asyncio
import ctypes
import socket
import struct
import threading
from contextlib import contextmanager

from devstack.ports import free_ports

TO_SERVER, TO_CLIENT = {"to server"}, {"to client"}
BOTH_WAYS = TO_SERVER | TO_CLIENT
ONE_WAY = [TO_SERVER, TO_CLIENT]

_ATTACH, _DETACH = 26, 27  # asm-generic/socket.h
_RETURN_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K
_DROP_ALL = struct.pack("HL", 1, ctypes.addressof(_RETURN_NOTHING))
# PostgreSQL's manual, 54.7; they come before the message that starts a session.
_NOT_YET_STARTED = (80877103, 80877104)  # SSLRequest, GSSENCRequest


class Network:
    """Links on a row of ports, each to the port of a server; they run in a thread of their own.

    Args:
        servers: the name of each link, and its server's port. A name ends with ``_db`` where the
            link is to PostgreSQL, with ``-kafka`` where it is to Kafka.
    """

    def __init__(self, servers):
        first = free_ports(len(servers))
        self._loop = asyncio.new_event_loop()
        self.links = {
            name: self._kind(name)(self._loop, port, server)
            for port, (name, server) in enumerate(servers.items(), start=first)
        }
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __getitem__(self, name):
        return self.links[name]

    @staticmethod
    def _kind(name):
        if name.endswith("_db"):
            return PostgresLink
        return KafkaLink if name.endswith("-kafka") else Link

    def start(self):
        self._thread.start()
        for link in self.links.values():
            asyncio.run_coroutine_threadsafe(link.listen(), self._loop).result()

    def stop(self):
        for link in self.links.values():
            asyncio.run_coroutine_threadsafe(link.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Link:
    """Where a client connects in place of ``server``, a port."""

    def __init__(self, loop, port, server):
        self.port, self.server = port, server
        self._loop = loop
        self._cut = set()
        self._listener = None
        self._sockets = []  # (way, socket): what comes in there goes that way.
        self._tasks = set()

    @contextmanager
    def cut(self, ways):
        self._filter(ways)
        try:
            yield
        finally:
            self._filter(set())

    def reset(self):
        """Ends all connections, as seen from both sides."""

        async def end():
            for task in self._tasks:
                task.cancel()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()

    async def listen(self):
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def close(self):
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _filter(self, ways):
        async def apply():
            self._cut = ways
            for listening in self._listener.sockets:
                _drop(listening, bool(ways))
            for way, connected in self._sockets:
                _drop(connected, way in ways)

        asyncio.run_coroutine_threadsafe(apply(), self._loop).result()

    async def _serve(self, client_in, client_out):
        self._tasks.add(asyncio.current_task())
        opened = [client_out]
        try:
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self.server)
            opened.append(server_out)
            self._add("to server", client_out)
            self._add("to client", server_out)
            asked, answered = self._read(client_in, server_in)
            # Where one direction ends by itself, the other may go on; an error ends both.
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(asked, server_out))
                both.create_task(_pass_on(answered, client_out))
        except* OSError:
            pass
        finally:
            self._tasks.discard(asyncio.current_task())
            ours = [writer.get_extra_info("socket") for writer in opened]
            self._sockets = [pair for pair in self._sockets if pair[1] not in ours]
            for writer in opened:
                writer.transport.abort()

    def _add(self, way, writer):
        writer.transport.set_write_buffer_limits(0)
        connected = writer.get_extra_info("socket")
        # An end that has gone while the link was cut is found soon after, and not given up before.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 127)
        _drop(connected, way in self._cut)
        self._sockets.append((way, connected))

    def _read(self, client, server):
        """What comes from the client, and what from the server."""
        return _chunks(client), _chunks(server)


class PostgresLink(Link):
    pause = 0.0
    """Seconds for which each statement is held back."""

    @contextmanager
    def slow(self, seconds):
        """Holds back each statement: Query, and Sync of the extended protocol."""
        self.pause = seconds
        try:
            yield
        finally:
            self.pause = 0.0

    def _read(self, client, server):
        return self._statements(client), _chunks(server)

    async def _statements(self, reader):
        try:
            async for message in _messages(reader):
                if self.pause and message[:1] in (b"Q", b"S"):
                    await asyncio.sleep(self.pause)
                yield message
        except asyncio.IncompleteReadError as end:
            yield end.partial


class KafkaLink(Link):
    _losing = None
    """(API key, event): the next answer to such a request is lost, and the event is set."""

    def lose_answer(self, key):
        """To the next request with this key (Kafka's protocol guide). Returns an event: it is."""
        lost = threading.Event()
        self._losing = key, lost
        return lost

    def _read(self, client, server):
        asked = set()
        return self._requests(client, asked), self._answers(server, asked)

    async def _requests(self, reader, asked):
        async for frame in _frames(reader):
            if self._losing and int.from_bytes(frame[4:6]) == self._losing[0]:
                asked.add(int.from_bytes(frame[8:12]))
            yield frame

    async def _answers(self, reader, asked):
        async for frame in _frames(reader):
            if self._losing and int.from_bytes(frame[4:8]) in asked:
                self._losing[1].set()
                self._losing = None
            else:
                yield frame


async def _messages(reader):
    """Those that begin a session have a length and no type."""
    started = False
    while not started:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        yield head + await reader.readexactly(length - len(head))
        started = code not in _NOT_YET_STARTED
    while True:
        head = await reader.readexactly(5)
        (length,) = struct.unpack("!I", head[1:])
        yield head + await reader.readexactly(length - 4)


async def _frames(reader):
    """Each with its length before it."""
    try:
        while True:
            head = await reader.readexactly(4)
            yield head + await reader.readexactly(int.from_bytes(head))
    except asyncio.IncompleteReadError as end:
        yield end.partial


async def _pass_on(chunks, writer):
    async for chunk in chunks:
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()


async def _chunks(reader):
    while chunk := await reader.read(65536):
        yield chunk


def _drop(sock, whether):
    if whether:
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH, _DROP_ALL)
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, _DETACH, 0)
    except FileNotFoundError:
        return  # It had none.
