#!/usr/bin/env python3
"""The memory of an import does not grow with the file: the peak of a file four times as large is about the same."""

import os
import subprocess
import sys
import time

import common

sys.path.insert(0, str(common.ROOT / "benches"))
from bench import generate  # noqa: E402

SIZES_MB = (400, 1600)
# Allocators keep what they once had; more than this is growth.
ALLOWED_GROWTH = 1.25


def peak(data, export):
    """(peak resident MB, seconds) of an import."""
    started = time.monotonic()
    arguments = [common.binary(), "import", str(export), "--project", "big", "--data", str(data), "--format", "json"]
    process = subprocess.Popen(arguments, env=common.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise common.Failed(f"the import of {export.stat().st_size} bytes ended with status {status}: {error.decode()}")
    return usage.ru_maxrss / 1024, time.monotonic() - started


def run(check):
    with common.scratch() as folder:
        peaks = []
        for size in SIZES_MB:
            export = folder / f"{size}.json"
            tasks = generate(export, size)
            megabytes, seconds = peak(folder / f"data-{size}", export)
            project = common.Catalog(folder / f"data-{size}").projects()[0]
            lake = common.Lake(folder / f"data-{size}")
            counts = lake.manifest(project["id"], 1)["counts"]
            check.equal(f"{size} MB: items", counts["items"], tasks)
            print(f"{size} MB, {tasks} tasks: {seconds:.1f} s, peak {megabytes:.0f} MB", flush=True)
            peaks.append(megabytes)
            export.unlink()
        check.true("memory is flat", peaks[1] <= peaks[0] * ALLOWED_GROWTH, f"peaks {peaks} MB for {SIZES_MB} MB")


if __name__ == "__main__":
    common.main("memory", run)
