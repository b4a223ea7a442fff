#!/usr/bin/env python3
"""Load on a server: mixed reads at a steady rate while an import runs, then ten times as much.

    benches/load.py [ANNOTATIONS] [RATE] [SECONDS]      default 1000000 annotations, 500 requests a second, 60 seconds

Requests are sent when they are due, whether or not the ones before are answered, and each is timed from the moment it was due: a server that
stalls cannot hide it. The mix: reports that are cached, pages of disagreements, items, snapshots, answers the caller has already (304), and
reports of a slice that nobody has asked for yet, which must be computed. The binary is found as in bench.py; it and this client share the
machine. Only the standard library is needed.
"""

import asyncio
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench

PORT = 18_766
CONNECTIONS = 1000
BATCHES = 2000
LABELS = ["Positive", "Negative", "Neutral"]


def export(path, annotations, per_item=4, raters=40):
    """An export of one single-choice control, streamed; every item is of one of BATCHES batches, which reports are sliced by."""
    rng = random.Random(3)
    with open(path, "w", encoding="utf-8") as out:
        out.write("[")
        annotation = 0
        for task in range(1, annotations // per_item + 1):
            truth = rng.choice(LABELS)
            entries = []
            for rater in rng.sample(range(1, raters + 1), per_item):
                annotation += 1
                label = truth if rng.random() < 0.8 else rng.choice(LABELS)
                stamp = f"2026-{1 + task % 9:02}-{1 + task % 28:02}T10:00:00.000000Z"
                entries.append(
                    {"id": annotation, "completed_by": rater, "was_cancelled": False, "ground_truth": False, "created_at": stamp,
                     "updated_at": stamp, "lead_time": 4.2, "task": task, "parent_prediction": None, "prediction": {},
                     "result": [{"id": f"r{annotation}", "type": "choices", "from_name": "sentiment", "to_name": "text",
                                 "origin": "manual", "value": {"choices": [label]}}]})
            row = {"id": task, "data": {"text": f"text {task}", "batch": f"b{task % BATCHES}"}, "meta": {}, "annotations": entries,
                   "predictions": [], "drafts": [], "created_at": stamp, "updated_at": stamp}
            out.write((", " if task > 1 else "") + json.dumps(row))
        out.write("]")


class Client:
    """Keep-alive connections, each with one request at a time."""

    def __init__(self):
        self.idle = collections.deque()
        self.opened = 0

    async def request(self, path, headers=""):
        """(status, ETag) of one GET; the body is read and dropped."""
        connection = self.idle.popleft() if self.idle else await self.open()
        reader, writer = connection
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n{headers}\r\n".encode())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            status, length, tag = int(head[9:12]), 0, None
            for line in head.split("\r\n")[1:]:
                name, _, value = line.partition(": ")
                if name == "content-length":
                    length = int(value)
                elif name == "etag":
                    tag = value.replace("w/", "W/")
                elif name == "transfer-encoding":
                    while size := int(await reader.readline(), 16):
                        await reader.readexactly(size + 2)
                    await reader.readexactly(2)
            if length:
                await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            self.opened -= 1
            writer.close()
            raise
        self.idle.append(connection)
        return status, tag

    async def open(self):
        while self.opened >= CONNECTIONS:
            await asyncio.sleep(0.001)
            if self.idle:
                return self.idle.popleft()
        self.opened += 1
        try:
            return await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            self.opened -= 1
            raise


def mix(rng, items, tag, batches):
    """One request: (kind, path, headers)."""
    base, draw = "/v1/projects/load", rng.random()
    if draw < 0.45:
        return "cached report", f"{base}/agreement?control=sentiment", ""
    if draw < 0.60:
        return "not modified", f"{base}/agreement?control=sentiment", f"If-None-Match: {tag}\r\n"
    if draw < 0.75:
        return "disagreements", f"{base}/disagreements?limit=50&label={rng.choice(LABELS)}", ""
    if draw < 0.90:
        return "item", f"{base}/items/{rng.randint(1, items)}", ""
    if draw < 0.98:
        return "snapshots", f"{base}/snapshots", ""
    return "computed report", f"{base}/agreement?slice=batch%3Db{next(batches)}", ""


async def run(rate, seconds, items, tag, batches, measured):
    """Sends at the rate; (kind, status) → latencies in seconds."""
    client, rng = Client(), random.Random(4)
    started, tasks = time.monotonic(), []

    async def one(due, kind, path, headers):
        try:
            status, _ = await client.request(path, headers)
        except (OSError, asyncio.IncompleteReadError):
            status = 0
        measured[kind, status].append(time.monotonic() - due)

    for n in range(int(rate * seconds)):
        due = started + n / rate
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(due, *mix(rng, items, tag, batches))))
    await asyncio.gather(*tasks)
    return time.monotonic() - started


def show(title, measured, took):
    total = sum(len(times) for times in measured.values())
    print(f"\n{title}: {total} requests in {took:.1f} s ({total / took:.0f}/s)")
    print(f"{'kind':<16} {'status':>6} {'n':>7} {'median ms':>10} {'p95 ms':>8} {'p99 ms':>8} {'worst ms':>9}")
    for (kind, status), times in sorted(measured.items()):
        times.sort()
        at = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1e3
        print(f"{kind:<16} {status:>6} {len(times):>7} {at(0.5):>10.1f} {at(0.95):>8.1f} {at(0.99):>8.1f} {times[-1] * 1e3:>9.1f}")


def rss(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(("VmHWM", "VmRSS")):
            yield line.split()[0].rstrip(":"), int(line.split()[1]) // 1024


async def load(folder, annotations, rate, seconds):
    data, first, second = (os.path.join(folder, name) for name in ("data", "first.json", "second.json"))
    export(first, annotations)
    bench.generate(second, 200)
    bench.measure([bench.BINARY, "import", first, "--project", "load", "--data", data])
    server = subprocess.Popen([bench.BINARY, "serve", "--listen", f"127.0.0.1:{PORT}", "--data", data, "--log", "warn"])
    try:
        client = Client()
        while True:
            try:
                await client.request("/healthz")
                break
            except OSError:
                await asyncio.sleep(0.05)
        cold = time.monotonic()
        _, tag = await client.request("/v1/projects/load/agreement?control=sentiment")
        print(f"first report of {annotations} annotations: {time.monotonic() - cold:.2f} s")
        cold = time.monotonic()
        await client.request("/v1/projects/load/disagreements?limit=50")
        print(f"first list of disagreements: {time.monotonic() - cold:.2f} s")
        batches = iter(range(BATCHES))
        items = annotations // 4
        importing = subprocess.Popen([bench.BINARY, "import", second, "--project", "other", "--data", data],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        measured = collections.defaultdict(list)
        took = await run(rate, seconds, items, tag, batches, measured)
        show(f"{rate} requests a second, an import of 200 MB beside it", measured, took)
        print(f"the import ended with {importing.wait()}; server memory {dict(rss(server))} MB")
        measured = collections.defaultdict(list)
        took = await run(rate * 10, min(20, seconds), items, tag, batches, measured)
        show(f"{rate * 10} requests a second", measured, took)
        measured = collections.defaultdict(list)
        took = await run(rate / 5, 5, items, tag, batches, measured)
        show("afterwards", measured, took)
        print(f"server memory {dict(rss(server))} MB")
    finally:
        server.terminate()
        server.wait()


def main(arguments):
    numbers = [int(argument) for argument in arguments] + [1_000_000, 500, 60][len(arguments):]
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(load(folder, *numbers))


if __name__ == "__main__":
    main(sys.argv[1:])
