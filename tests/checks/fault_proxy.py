"""A proxy between Assay and an S3-protocol server that breaks requests: by a seeded plan, each counted.

Every request gets a connection of its own on both sides, so what befalls one does not touch another.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
import time
from collections import namedtuple

Seen = namedtuple("Seen", "at method path fault")

# Answers of S3 that come instead of the real one: status, code, and whether the request is carried out all the same.
ANSWERS = {
    "500": (500, "InternalError", False),
    "503": (503, "SlowDown", False),
    "429": (429, "TooManyRequests", False),
    "500 after": (500, "InternalError", True),
    "wrong key": (403, "InvalidAccessKeyId", False),
    "wrong secret": (403, "SignatureDoesNotMatch", False),
    "no permission": (403, "AccessDenied", False),
    "clock skew": (403, "RequestTimeTooSkewed", False),
}
# What befalls the connection. "after" means that the request was carried out and its answer is lost.
BREAKS = ("reset", "reset after", "close after", "hang", "hang after", "truncate", "trickle")
TRICKLE_PARTS, TRICKLE_SECONDS = 8, 0.05


class Never:
    """No faults."""

    def choose(self, method, path):
        return None


class Always:
    """The same fault for every request that matches, at most `times` per request (method and path)."""

    def __init__(self, fault, times=None, method=None, part=""):
        self.fault, self.times, self.method, self.part, self.met = fault, times, method, part, {}

    def choose(self, method, path):
        if (self.method and method != self.method) or self.part not in path:
            return None
        self.met[method, path] = met = self.met.get((method, path), 0) + 1
        return self.fault if self.times is None or met <= self.times else None


class From:
    """No fault for the first requests, then an outage."""

    def __init__(self, first, fault):
        self.left, self.fault = first, fault

    def choose(self, method, path):
        self.left -= 1
        return None if self.left >= 0 else self.fault


class Sometimes:
    """A fault drawn by weight for a share of the requests."""

    def __init__(self, seed, rate, weights):
        self.source, self.rate, self.weights = random.Random(seed), rate, weights

    def choose(self, method, path):
        if self.source.random() >= self.rate:
            return None
        return self.source.choices(list(self.weights), list(self.weights.values()))[0]


class Proxy:
    """Runs in a thread of its own until `stop`."""

    def __init__(self, host, port):
        self.upstream, self.plan, self.seen = (host, port), Never(), []
        self.loop, started = asyncio.new_event_loop(), threading.Event()
        self.thread = threading.Thread(target=self.serve, args=(started,), daemon=True)
        self.thread.start()
        started.wait()
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def serve(self, started):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.connection, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()
        server.close()
        for task in (tasks := asyncio.all_tasks(self.loop)):
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    @contextlib.contextmanager
    def under(self, plan):
        """Requests inside are subject to the plan; gives the list of those seen meanwhile."""
        self.plan, self.seen = plan, []
        try:
            yield self.seen
        finally:
            self.plan, self.seen = Never(), []

    async def connection(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, path = head.split(b" ", 2)[:2]
            body = await reader.readexactly(content_length(head))
            fault = self.plan.choose(method.decode(), path.decode())
            self.seen.append(Seen(time.monotonic(), method.decode(), path.decode(), fault))
            await self.answer(fault, method, head, body, writer)
            if fault and fault.startswith("hang"):
                # Until the client has had enough.
                await reader.read()
        writer.close()

    async def answer(self, fault, method, head, body, writer):
        if fault in ANSWERS:
            status, code, carried_out = ANSWERS[fault]
            if carried_out:
                await self.forward(head, body)
            return await send(writer, refusal(status, code, method))
        if fault == "reset":
            return reset(writer)
        if fault == "hang":
            return None
        answer = await self.forward(head, body)
        if fault == "reset after":
            return reset(writer)
        if fault in ("close after", "hang after"):
            return None
        if fault == "truncate":
            end = answer.index(b"\r\n\r\n") + 4
            return await send(writer, answer[: end + (len(answer) - end) // 2])
        if fault == "trickle":
            step = -(-len(answer) // TRICKLE_PARTS)
            for start in range(0, len(answer), step):
                await send(writer, answer[start : start + step])
                await asyncio.sleep(TRICKLE_SECONDS)
            return None
        return await send(writer, answer)

    async def forward(self, head, body):
        reader, writer = await asyncio.open_connection(*self.upstream)
        lines = [line for line in head.split(b"\r\n")[:-2] if not line.lower().startswith(b"connection:")]
        writer.write(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer


def content_length(head):
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def refusal(status, code, method):
    text = b"" if method == b"HEAD" else f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as planned</Message></Error>".encode()
    head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    return head.encode() + text


async def send(writer, data):
    writer.write(data)
    await writer.drain()


def reset(writer):
    """Ends the connection with RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
