#!/usr/bin/env python3
"""Storage that fails, between Assay and a real S3-protocol server: check_s3_faults.py ROUNDS [SEED]

Under faults that come and go an act ends as if nothing had happened, or fails with a message and changes nothing; then it is run again
and ends as if nothing had happened. Under an outage it fails within a bounded time and says what to do. Never a half commit.
"""

import collections
import concurrent.futures
import json
import random
import re
import shutil
import sys
import time

import bucket
import common
import fault_proxy
from label_studio import load

PROJECT = "reviews"
# One request may take so long: short, for a hanging one to be given up soon.
TIMEOUT = {"AWS_TIMEOUT": "2 seconds", "AWS_CONNECT_TIMEOUT": "1 second"}
# A request is repeated for 60 s, the last wait takes up to 10 s and its attempt 2 s; then 5 s for withdrawing files; and a slow machine.
BOUND_SECONDS = 110
# Shares of requests that fail; the last is more than anybody should have to bear.
RATES = (0.15, 0.3, 0.5)
WEIGHTS = {
    "500": 4, "503": 4, "429": 2, "500 after": 3, "reset": 3, "reset after": 3, "close after": 3, "truncate": 3, "trickle": 3,
    "hang": 1, "hang after": 1,
}  # fmt: skip
OUTAGES = ("503", "500", "429", "reset", "close after", "hang", "refused")
REFUSALS = {
    "wrong key": r"access is refused \(InvalidAccessKeyId\).*AWS_ACCESS_KEY_ID",
    "wrong secret": r"access is refused \(SignatureDoesNotMatch\).*AWS_SECRET_ACCESS_KEY",
    "no permission": r"access is refused \(AccessDenied\).*permissions",
    "clock skew": r"clock.*set it",
}
# What differs between two runs by design.
OWN = ("project_id", "seconds", "phases")


class Place:
    """A lake in the bucket with its database, reached through the proxy."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.data, self.db = f"s3://{bucket.NAME}/{name}", world.folder / f"{name}.db"
        self.env = world.store.environment(world.proxy.endpoint, **TIMEOUT)

    def assay(self, *arguments, env=None, **options):
        more = ["--data", self.data, "--db", f"sqlite://{self.db}"]
        return common.assay(*arguments, "--project", PROJECT, *more, env=env or self.env, **options)

    def act(self, act, **options):
        return self.assay(*act.arguments, "--format", "json", **options)

    def catalog(self):
        """What the catalog says; None before there is one."""
        tables = ("projects", "snapshots", "files", "reports")
        return {table: common.Catalog(self.world.folder, self.db.name).query(f"SELECT * FROM {table}") for table in tables}

    def copy_to(self, other):
        for path in self.world.folder.glob(f"{self.db.name}*"):
            shutil.copy(path, self.world.folder / path.name.replace(self.db.name, other.db.name))
        for key in self.world.store.objects(f"{self.name}/"):
            source = {"Bucket": bucket.NAME, "Key": key}
            self.world.store.client.copy_object(Bucket=bucket.NAME, Key=other.name + key.removeprefix(self.name), CopySource=source)

    def contents(self):
        """Rows of every table of every snapshot, and what is wrong with their files."""
        lake = common.Lake(self.world.store.download(self.name, self.world.folder / "downloads"))
        found, faults = {}, []
        for project in self.catalog()["projects"]:
            for number in range(1, project["latest_snapshot"] + 1):
                files = common.Catalog(self.world.folder, self.db.name).files(project["id"], number)
                tables = lake.tables(files)
                faults += [*tables.broken_files(), *tables.faults()]
                found[number] = {table: sorted(map(repr, tables.rows(table, "*"))) for table in common.TABLES}
        shutil.rmtree(self.world.folder / "downloads", ignore_errors=True)
        return found, faults


class Act:
    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments

    def result(self, output):
        return {name: value for name, value in json.loads(output).items() if name not in OWN}


class World:
    def __init__(self, check, folder):
        self.check, self.folder = check, folder
        self.store = bucket.Bucket()
        self.proxy = fault_proxy.Proxy(self.store.host, self.store.port)
        whole = load(common.DEMO / "review-sentiment.json")
        first, then = folder / "first.json", folder / "then.json"
        first.write_text(json.dumps(whole[: len(whole) * 2 // 3]))
        then.write_text(json.dumps(whole[len(whole) // 3 :]))
        self.acts = [Act("import", "import", first), Act("merge", "import", then), Act("report", "report", "agreement")]
        self.undisturbed = self.run_undisturbed()

    def run_undisturbed(self):
        """Per act: the place as it was before, the act's result, and what the place holds afterwards."""
        place, known = Place(self, "undisturbed"), []
        for n, act in enumerate(self.acts):
            before = Place(self, f"before-{n}")
            place.copy_to(before)
            done = place.act(act)
            if done.returncode:
                raise common.Failed(f"{act.name} without faults: {done.stderr}")
            known.append((before, act.result(done.stdout), place.contents()))
        return known

    def close(self):
        self.proxy.stop()
        self.store.stop()


def check_end(world, what, place, n, done, before):
    """The act has ended as undisturbed, or has failed and changed nothing. Returns which."""
    check, act, (_, result, contents) = world.check, world.acts[n], world.undisturbed[n]
    if done.returncode == 0:
        check.equal(f"{what}: result", act.result(done.stdout), result)
        check.true(f"{what}: rows", place.contents() == contents, "differ from those of an undisturbed run")
        return "done"
    # After every five seconds an import says how far it is.
    lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("import: ")]
    message = "\n".join(lines)
    check.equal(f"{what}: exit code ({message})", done.returncode, 3)
    plain = len(lines) == 1 and lines[0].startswith("error: ") and "<" not in message and "panicked" not in message
    check.true(f"{what}: one line that says what to do", plain and re.search(r"check |try again|set it", message), message)
    check.true(f"{what}: nothing has changed", visible(place.catalog()) == visible(before), "the catalog differs")
    return "failed"


def visible(catalog):
    """A project that has no snapshot yet holds nothing."""
    return {table: [row for row in rows if table != "projects" or row["latest_snapshot"]] for table, rows in (catalog or {}).items()}


def try_act(world, what, n, plan):
    """One act under a plan, on a fresh copy of the place before it; then the same without faults."""
    before, result, contents = world.undisturbed[n]
    place = Place(world, re.sub(r"\W+", "-", what))
    before.copy_to(place)
    catalog = place.catalog()
    with world.proxy.under(plan) as seen:
        done = place.act(world.acts[n])
    outcome = check_end(world, what, place, n, done, catalog)
    again = place.act(world.acts[n])
    world.check.equal(f"{what}, run again: exit code ({again.stderr.strip()})", again.returncode, 0)
    if outcome == "failed":
        world.check.equal(f"{what}, run again: result", world.acts[n].result(again.stdout), result)
    world.check.true(f"{what}, run again: rows", place.contents() == contents, "differ from those of an undisturbed run")
    return outcome, done, seen


def check_rates(world, rounds, source):
    outcomes, faults = collections.Counter(), collections.Counter()
    for turn in range(rounds):
        rate, seed = RATES[turn % len(RATES)], source.getrandbits(32)
        for n, act in enumerate(world.acts):
            what = f"{act.name}, {rate:.0%} of requests fail, seed {seed}"
            outcome, _, seen = try_act(world, what, n, fault_proxy.Sometimes(seed, rate, WEIGHTS))
            outcomes[act.name, rate, outcome] += 1
            faults.update(request.fault for request in seen if request.fault)
    for (act, rate, outcome), count in sorted(outcomes.items()):
        print(f"{act}, {rate:.0%} of requests fail: {count} {outcome}", flush=True)
    print("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(faults.items())), flush=True)
    done = [outcomes[act.name, RATES[0], "done"] for act in world.acts]
    world.check.true(f"acts get through when {RATES[0]:.0%} of requests fail", all(done), str(dict(outcomes)))


def check_lost_answers(world):
    """Each writing request is carried out and its first answer lost, in every way there is: it is asked again, and done once."""
    for fault in ("500 after", "close after", "reset after", "hang after"):
        for n, act in enumerate(world.acts[:2]):
            what = f"{act.name}, first answer to each PUT lost ({fault})"
            outcome, done, seen = try_act(world, what, n, fault_proxy.Always(fault, times=1, method="PUT"))
            world.check.equal(f"{what}: outcome ({done.stderr.strip()})", outcome, "done")
            lost = [request for request in seen if request.fault]
            world.check.true(f"{what}: answers were lost", len(lost) >= 4, str(len(lost)))


def check_retries(world):
    """Asked again with growing waits that differ from run to run."""
    gaps = []
    for turn in range(2):
        plan = fault_proxy.Always("503", times=4, method="PUT", part="/raters/")
        outcome, _, seen = try_act(world, f"four refusals of one file, {turn}", 0, plan)
        world.check.equal("four refusals of one file: outcome", outcome, "done")
        times = [request.at for request in seen if request.method == "PUT" and "/raters/" in request.path]
        world.check.equal("four refusals of one file: attempts", len(times), 5)
        gaps.append([later - earlier for earlier, later in zip(times, times[1:])])
    print("waits between attempts: " + "; ".join(", ".join(f"{gap:.2f} s" for gap in run) for run in gaps), flush=True)
    # The store's least wait is 0.1 s. Waits that were drawn differ by more than the clock's noise.
    world.check.true("waits are not less than the least", all(gap >= 0.09 for run in gaps for gap in run), str(gaps))
    world.check.true("waits are drawn", any(abs(one - other) > 0.02 for one, other in zip(*gaps)), str(gaps))


def outage(world, fault, n, first):
    """An act against storage that stops working after so many requests, through a proxy of its own."""
    proxy = fault_proxy.Proxy(world.store.host, world.store.port)
    what = f"{world.acts[n].name}, outage ({fault}) after {first} requests"
    place = Place(world, re.sub(r"\W+", "-", what))
    world.undisturbed[n][0].copy_to(place)
    before = place.catalog()
    env = world.store.environment(proxy.endpoint, **TIMEOUT)
    proxy.plan = fault_proxy.From(first, fault)
    if fault == "refused":
        proxy.stop()
    started = time.monotonic()
    done = place.act(world.acts[n], env=env)
    seconds = time.monotonic() - started
    if fault != "refused":
        proxy.stop()
    return what, place, n, done, before, seconds


def start_outages(world, source, pool):
    """All at once, beside the other checks: they mostly wait."""
    cases = [(fault, 1, 0) for fault in OUTAGES] + [(source.choice(OUTAGES[:-1]), n, first) for n in (0, 1) for first in (3, 5)]
    return [pool.submit(outage, world, fault, n, first) for fault, n, first in cases]


def check_outages(world, outages):
    for what, place, n, done, before, seconds in (one.result() for one in outages):
        outcome = check_end(world, what, place, n, done, before)
        world.check.equal(f"{what}: outcome", outcome, "failed")
        world.check.true(f"{what}: ends in time", seconds < BOUND_SECONDS, f"{seconds:.0f} s")
        print(f"{what}: {seconds:.1f} s, {done.stderr.strip().splitlines()[-1][:240]}", flush=True)
        again = place.act(world.acts[n])
        world.check.equal(f"{what}, run again: exit code ({again.stderr.strip()})", again.returncode, 0)
        world.check.true(f"{what}, run again: rows", place.contents() == world.undisturbed[n][2], "differ")


def check_refusals(world):
    for fault, says in REFUSALS.items():
        _, done, seen = try_act(world, f"merge, {fault}", 1, fault_proxy.Always(fault))
        world.check.true(f"{fault}: says so", re.search(says, done.stderr), done.stderr.strip())
        world.check.equal(f"{fault}: is not asked again", len(seen), 1)
    place = Place(world, "nowhere")
    world.undisturbed[1][0].copy_to(place)
    place.data = "s3://assay-no-such-bucket/x"
    done = place.act(world.acts[1])
    world.check.true("no bucket: says so", done.returncode == 3 and "the bucket does not exist; check its name" in done.stderr, done.stderr)


def run(check):
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261124
    print(f"seed {seed}", flush=True)
    source = random.Random(seed)
    with common.scratch() as folder:
        world = World(check, folder)
        try:
            with concurrent.futures.ThreadPoolExecutor(32) as pool:
                outages = start_outages(world, source, pool)
                check_rates(world, rounds, source)
                check_lost_answers(world)
                check_retries(world)
                check_refusals(world)
                check_outages(world, outages)
        finally:
            world.close()


if __name__ == "__main__":
    common.main("s3 faults", run)
