#!/usr/bin/env python3
"""Benchmarks of the release binary, as whole processes: wall and CPU seconds, peak memory of the process.

    benches/bench.py generate FILE MB          a Label Studio export of about MB megabytes, with the shapes of real ones
    benches/bench.py import [MB ...]           import each size into an empty folder (default 50 200 800)
    benches/bench.py serve [ANNOTATIONS]       time to the first answer, and the overview warm and cold (default 100000)

The binary is $ASSAY_BIN, else target/release/assay (or $CARGO_TARGET_DIR/release/assay). Only the standard library is needed.
Tasks are made from the exports in fixtures/demo: repeated with new ids, times, texts and coordinates until the size is reached.
"""

import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = os.environ.get("ASSAY_BIN", str(TARGET / "release" / "assay"))


def templates():
    tasks = []
    for path in sorted((ROOT / "fixtures" / "demo").glob("*.json")):
        for task in json.loads(path.read_text()):
            # Embedded images would make the file large without adding records.
            task["data"] = {k: v for k, v in task["data"].items() if not str(v).startswith("data:")}
            tasks.append(task)
    return tasks


WORDS = (
    "the order arrived late again but support was kind and the refund came quickly although nobody said why this parcel "
    "took so long battery lasts two days screen is bright camera struggles at night über préféré качество отличное 東京 駅 価格"
).split()


def vary(value, rng):
    """Other words in texts, other digits in coordinates: files that repeat themselves would compress as no real export does."""
    if isinstance(value, str):
        return value if len(value) < 24 or ":" in value else " ".join(rng.choices(WORDS, k=max(3, len(value) // 6)))
    if isinstance(value, float):
        return round(value * (0.8 + 0.2 * rng.random()), 4)
    if isinstance(value, list):
        return [vary(element, rng) for element in value]
    if isinstance(value, dict):
        return {key: vary(element, rng) for key, element in value.items()}
    return value


def time_of(rng):
    return (
        f"2026-{rng.randint(1, 9):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:"
        f"{rng.randint(0, 59):02}.{rng.randint(0, 999999):06}Z"
    )


def generate(path, megabytes):
    """Streams tasks until the size is reached: memory does not grow with the file."""
    source, rng = templates(), random.Random(1)
    limit, written = megabytes * 1_000_000, 0
    task_id = annotation_id = 0
    with open(path, "w", encoding="utf-8") as out:
        out.write("[")
        while written < limit:
            task = dict(rng.choice(source))
            task_id += 1
            task["id"], task["inner_id"] = task_id, task_id
            task["created_at"] = task["updated_at"] = time_of(rng)
            task["data"] = vary(task["data"], rng)
            for field in ("annotations", "predictions", "drafts"):
                task[field] = [dict(entry) for entry in task[field] if isinstance(entry, dict)]
                for entry in task[field]:
                    annotation_id += 1
                    entry["id"], entry["task"] = annotation_id, task_id
                    entry["created_at"] = entry["updated_at"] = time_of(rng)
                    if isinstance(entry.get("lead_time"), float):
                        entry["lead_time"] = round(rng.expovariate(1 / 20), 3)
                    entry["result"] = [
                        {**result, "id": f"{rng.getrandbits(50):010x}"[:10], "value": vary(result.get("value"), rng)}
                        for result in entry["result"]
                    ]
            text = json.dumps(task, ensure_ascii=False)
            out.write((", " if task_id > 1 else "") + text)
            written += len(text.encode())
        out.write("]")
    return task_id


def measure(command):
    """Runs a command to its end: (wall s, CPU s, peak MB, standard output)."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    if status != 0:
        sys.exit(f"{command} failed with status {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def bench_import(sizes):
    print(f"{'MB':>7} {'wall s':>8} {'MB/s':>7} {'CPU s':>7} {'peak MB':>8} {'items':>9} {'annotations':>11} {'Parquet MB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            export = os.path.join(folder, f"export-{size}.json")
            generate(export, size)
            bytes_in = os.path.getsize(export)
            data = os.path.join(folder, "data")
            # Read once, so that every run finds the file in the page cache.
            subprocess.run(["cat", export], stdout=subprocess.DEVNULL, check=True)
            wall, cpu, peak, output = measure(
                [BINARY, "import", export, "--project", "bench", "--data", data, "--format", "json"]
            )
            summary = json.loads(output)
            stored = sum(f.stat().st_size for f in pathlib.Path(data).rglob("*.parquet"))
            print(
                f"{bytes_in / 1e6:7.0f} {wall:8.2f} {bytes_in / 1e6 / wall:7.0f} {cpu:7.2f} {peak:8.0f} "
                f"{summary['items']['new']:9} {summary['annotations']['new']:11} {stored / 1e6:10.1f}   {summary['phases']}"
            )
            shutil.rmtree(data)
            os.remove(export)


def single_choice_export(path, annotations, raters=20, per_item=4):
    rng = random.Random(2)
    labels = ["Positive", "Negative", "Neutral"]
    tasks, annotation_id = [], 0
    for task_id in range(1, annotations // per_item + 1):
        truth = rng.choice(labels)
        entries = []
        for rater in rng.sample(range(1, raters + 1), per_item):
            annotation_id += 1
            label = truth if rng.random() < 0.8 else rng.choice(labels)
            entries.append(
                {
                    "id": annotation_id, "completed_by": rater, "was_cancelled": False, "ground_truth": False,
                    "created_at": "2026-01-05T10:00:00.000000Z", "updated_at": "2026-01-05T10:00:00.000000Z",
                    "lead_time": 4.2, "task": task_id, "parent_prediction": None, "prediction": {},
                    "result": [{"id": f"r{annotation_id}", "type": "choices", "from_name": "sentiment", "to_name": "text",
                                "origin": "manual", "value": {"choices": [label]}}],
                }
            )
        tasks.append(
            {
                "id": task_id, "data": {"text": f"text {task_id}"}, "meta": {}, "annotations": entries, "predictions": [], "drafts": [],
                "created_at": "2026-01-05T10:00:00.000000Z", "updated_at": "2026-01-05T10:00:00.000000Z",
            }
        )
    pathlib.Path(path).write_text(json.dumps(tasks))


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.monotonic()
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    return response.status, len(body), time.monotonic() - started


def bench_serve(annotations):
    with tempfile.TemporaryDirectory() as folder:
        export, data = os.path.join(folder, "export.json"), os.path.join(folder, "data")
        single_choice_export(export, annotations)
        measure([BINARY, "import", export, "--project", "bench", "--data", data])
        port = 18_765
        started = time.monotonic()
        server = subprocess.Popen(
            [BINARY, "serve", "--listen", f"127.0.0.1:{port}", "--data", data], stderr=subprocess.DEVNULL
        )
        try:
            while True:
                try:
                    if get(port, "/healthz")[0] == 200:
                        break
                except OSError:
                    time.sleep(0.005)
            print(f"first answer after {time.monotonic() - started:.3f} s")
            for path in ["/w/default/projects/bench", "/v1/projects/bench/agreement", "/w/default/projects/bench/disagreements"]:
                status, size, cold = get(port, path)
                warm = sorted(get(port, path)[2] for _ in range(50))
                print(
                    f"{path}: status {status}, {size} bytes, first {cold * 1e3:.0f} ms, "
                    f"then median {warm[25] * 1e3:.1f} ms, worst of 50 {warm[-1] * 1e3:.1f} ms"
                )
        finally:
            server.terminate()
            server.wait()


def main(arguments):
    match arguments:
        case ["generate", path, megabytes]:
            print(generate(path, int(megabytes)), "tasks")
        case ["import", *sizes]:
            bench_import([int(size) for size in sizes] or [50, 200, 800])
        case ["serve"]:
            bench_serve(100_000)
        case ["serve", annotations]:
            bench_serve(int(annotations))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
