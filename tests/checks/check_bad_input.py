#!/usr/bin/env python3
"""Files that cannot be used are refused: exit code 1, a message with file, position and remedy, and storage as it was.

Each file is tried on a lake that does not exist yet, and on one that holds a good import of the same project.
"""

import json
import os
import re
import shutil

import common
from bad_inputs import GOOD, TASK, cases, dump, missing, tasks

PROJECT = "reviews"


class Bench:
    """An empty place and a lake with one good import, both watched for changes."""

    def __init__(self, check, folder):
        self.check, self.folder = check, folder
        self.full = folder / "full"
        common.import_files(self.full, PROJECT, GOOD, config=GOOD.with_suffix(".xml"))
        self.before = common.stored(self.full)

    def try_import(self, *arguments, data, **options):
        return common.assay("import", *arguments, "--project", PROJECT, "--data", data, **options)

    def untouched(self, what):
        self.check.true(f"{what}: the good import is as it was", common.stored(self.full) == self.before)

    def empty(self, what, data):
        """A lake may have been opened, but nothing may be in it."""
        found = [path for path in common.tree(data) if path != "_assay.json"] if data.exists() else []
        self.check.equal(f"{what}: files in a lake that had none", found, [])
        self.check.equal(f"{what}: projects in a lake that had none", common.Catalog(data).projects(), [])

    def refused(self, what, *arguments, says, **options):
        """The import must be refused with these words, in both places."""
        fresh = self.folder / "fresh"
        for data in (fresh, self.full):
            done = self.try_import(*arguments, data=data, **options)
            message = done.stderr.strip()
            self.check.equal(f"{what}: exit code ({message[-300:]})", done.returncode, 1)
            self.check.true(f"{what}: no panic", "panicked" not in message, message)
            lacking = [pattern for pattern in says if not re.search(pattern, message, re.DOTALL)]
            self.check.true(f"{what}: the message says what is needed", not lacking, f"no match for {lacking} in {message!r}")
            self.check.equal(f"{what}: standard output", done.stdout, "")
        self.empty(what, fresh)
        self.untouched(what)
        shutil.rmtree(fresh, ignore_errors=True)


def check_case(bench, case):
    path = bench.folder / "export.json"
    path.write_bytes(case.content)
    if case.may_import:
        check_tolerated(bench, case, path)
        return
    bench.refused(case.name, path, says=(re.escape(str(path)), *case.says))


def check_tolerated(bench, case, path):
    """Valid JSON at the edge of reason: refused like anything else, or imported with nothing lost."""
    data = bench.folder / "tolerated"
    done = bench.try_import(path, data=data, **{"timeout": 120})
    if done.returncode == 0:
        [project] = common.Catalog(data).projects()
        files = common.Catalog(data).files(project["id"], project["latest_snapshot"])
        tables = common.Lake(data).tables(files)
        expected = len(tasks())
        bench.check.equal(f"{case.name}: items", tables.count("items"), expected)
        rejects = tables.count("rejects")
        annotations = sum(len(task["annotations"]) for task in tasks())
        bench.check.equal(f"{case.name}: annotations and rejects", tables.count("annotations", "kind = 'annotation' AND NOT draft") + rejects, annotations)
        outcome = f"imported, {rejects} rejected"
    else:
        bench.check.equal(f"{case.name}: exit code", done.returncode, 1)
        lacking = missing(done.stderr, case, path)
        bench.check.true(f"{case.name}: the message says what is needed", not lacking, f"no match for {lacking} in {done.stderr[:1000]!r}")
        bench.empty(case.name, data)
        outcome = "refused"
    print(f"{case.name}: {outcome}", flush=True)
    shutil.rmtree(data, ignore_errors=True)


def check_paths(bench):
    folder = bench.folder / "a-folder"
    folder.mkdir()
    bench.refused("a folder", folder, says=(re.escape(str(folder)), "directory|folder", "files|name"))
    absent = bench.folder / "absent.json"
    bench.refused("a missing file", absent, says=(re.escape(str(absent)), "No such file|does not exist", "path"))
    bench.refused("an unreadable file", "/proc/self/mem", says=("/proc/self/mem", "cannot be read|read on|empty", r"\S"))


def check_permission(bench):
    """Root may read everything, so root lets another user try."""
    path = bench.folder / "secret.json"
    path.write_bytes(GOOD.read_bytes())
    path.chmod(0)
    says = (re.escape(str(path)), "[Pp]ermission denied", "permission")
    if os.geteuid() != 0:
        bench.refused("a forbidden file", path, says=says)
        return
    place = bench.folder / "nobody"
    place.mkdir()
    shutil.copy2(common.binary(), place / "assay")
    for opened in (bench.folder, place):
        opened.chmod(0o755)
    place.chmod(0o777)
    data = place / "data"
    done = common.subprocess.run(
        [place / "assay", "import", path, "--project", PROJECT, "--data", data],
        env=common.environment(HOME=str(place)), stdin=common.subprocess.DEVNULL, capture_output=True, text=True, user="nobody", timeout=60,
    )  # fmt: skip
    bench.check.equal(f"a forbidden file: exit code ({done.stderr.strip()[-300:]})", done.returncode, 1)
    for pattern in says:
        bench.check.true(f"a forbidden file: says {pattern}", bool(re.search(pattern, done.stderr)), done.stderr)
    bench.empty("a forbidden file", data)


def check_several(bench):
    """One bad file among good ones: nothing of the good ones lands either."""
    bad, good = bench.folder / "bad.json", bench.folder / "good.json"
    bad.write_bytes(dump(tasks())[:-1])
    changed = tasks()
    changed[0]["annotations"][0].update(id=999_999, updated_at="2030-01-01T00:00:00.000000Z")
    good.write_bytes(dump(changed))
    for order in ([good, bad], [bad, good]):
        bench.refused(f"a bad file, given {'last' if order[1] == bad else 'first'}", *order, says=(re.escape(str(bad)), "byte"))


def check_configs(bench):
    config = bench.folder / "config.xml"
    arguments = (GOOD, "--config", config)
    config.write_text("<View><Choices name='a' toName='b'></View>")
    bench.refused("a broken labelling config", *arguments, says=(r"config", r"\S"))
    config.unlink()
    bench.refused("a missing labelling config", *arguments, says=(re.escape(str(config)), "config", "No such file|does not exist"))


def check_rejects(bench):
    """One annotation that cannot be used does not lose the others: it is named, kept, and the import goes on."""
    some = tasks()
    some[1]["annotations"][0].update(created_at="yesterday")
    total = sum(len(task["annotations"]) for task in some)
    path, data = bench.folder / "partly.json", bench.folder / "partly"
    path.write_bytes(dump(some))
    summary = common.import_files(data, PROJECT, path)
    bench.check.equal("one bad annotation: (new, rejected)", (summary["annotations"]["new"] - drafts(some), summary["rejected"]), (total - 1, 1))
    [reject] = summary["rejects"] or [{"file": "", "position": "", "reason": ""}]
    bench.check.true("one bad annotation: the reject names its file", reject["file"].endswith("partly.json"), str(reject))
    bench.check.true("one bad annotation: … its place", re.search(TASK, reject["position"]) and "byte" in reject["position"], str(reject))
    bench.check.true("one bad annotation: … the reason", "created_at" in reject["reason"], str(reject))
    lake = common.Lake(data)
    rows = lake.tables(lake.manifest(summary["project_id"], 1)["files"]).rows("rejects", "raw")
    bench.check.equal("one bad annotation: kept whole", [json.loads(raw) for (raw,) in rows], [some[1]["annotations"][0]])


def drafts(some):
    return sum(len(task["drafts"]) for task in some)


def run(check):
    with common.scratch() as folder:
        bench = Bench(check, folder)
        for case in cases():
            check_case(bench, case)
        for other in (check_paths, check_permission, check_several, check_configs, check_rejects):
            other(bench)


if __name__ == "__main__":
    common.main("bad input", run)
