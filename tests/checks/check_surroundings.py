#!/usr/bin/env python3
"""Bad surroundings: a full disk, a folder that cannot be written, no temporary folder, a file that is gone or damaged, a database that is
not ours. Each ends with a message that names the place and the way out, an exit code other than 0 and the old snapshot as it was; what is
intact goes on being read.
"""

import contextlib
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess

import common
from label_studio import Expected, contents, expected_contents, load, shifted

PROJECT = "reviews"
EXPORT = common.DEMO / "review-sentiment.json"
# More than fits on what is left of the small disk, as Parquet too.
COPIES = 20


class Bench:
    """A lake with one import, and a larger export that would be its second."""

    def __init__(self, check, folder):
        self.check, self.folder, self.data = check, folder, folder / "lake"
        common.import_files(self.data, PROJECT, EXPORT)
        self.more = folder / "more.json"
        tasks = load(EXPORT)
        self.more.write_text(common.json.dumps([task for n in range(1, COPIES) for task in shifted(tasks, n * 1_000_000)]))
        self.expected = Expected(tasks, PROJECT)

    def fails(self, what, done, *says):
        # After every five seconds an import says how far it is.
        message = "\n".join(line for line in done.stderr.strip().splitlines() if not line.startswith("import: "))
        self.check.true(f"{what}: exit code", done.returncode in (1, 3), f"{done.returncode}: {message}")
        self.check.true(f"{what}: one line, no panic", re.fullmatch(r"error: [^\n]+", message) and "panicked" not in message, message)
        lacking = [pattern for pattern in says if not re.search(pattern, message)]
        self.check.true(f"{what}: the message says what is needed", not lacking, f"no match for {lacking} in {message!r}")
        print(f"{what}: {message}", flush=True)

    def intact(self, what, data):
        """Snapshot 1 is the newest and holds what it held; its report can be had."""
        [project] = common.Catalog(data).projects()
        self.check.equal(f"{what}: newest snapshot", project["latest_snapshot"], 1)
        tables = common.Lake(data).tables(common.Catalog(data).files(project["id"], 1))
        self.check.equal(f"{what}: files that are not as the catalog says", list(tables.broken_files()), [])
        self.check.true(f"{what}: contents", contents(tables) == expected_contents(self.expected), "rows differ")

    def try_import(self, data, *more, **options):
        return common.assay("import", self.more, "--project", PROJECT, "--data", data, *more, **options)

    def goes_on(self, what, data):
        """With the fault mended the same import succeeds."""
        summary = common.import_files(data, PROJECT, self.more)
        self.check.equal(f"{what}, mended: snapshot", (summary["snapshot"], summary["committed"]), (2, True))


@contextlib.contextmanager
def small_disk(folder, megabytes):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def can_mount(folder):
    if os.geteuid() != 0:
        return False
    with contextlib.suppress(subprocess.CalledProcessError, FileNotFoundError), small_disk(folder / "probe", 1):
        return True
    return False


def check_full_disk(bench):
    with small_disk(bench.folder / "small", 16) as disk:
        data = disk / "lake"
        shutil.copytree(bench.data, data)
        filler = disk / "filler"
        # Room for the database's log, not for the new files.
        filler.write_bytes(b"\0" * (shutil.disk_usage(disk).free - 150_000))
        done = bench.try_import(data, "--temp", bench.folder / "temp")
        bench.fails("a full disk", done, re.escape(str(data)), "No space left", "make room")
        bench.intact("a full disk", data)
        staged = [path for path in data.rglob("*#*")]
        bench.check.equal("a full disk: partly written files", staged, [])
        filler.unlink()
        bench.goes_on("a full disk", data)


def check_full_disk_of_database(bench):
    """The files find room, the database does not."""
    with small_disk(bench.folder / "small-db", 4) as disk:
        data = bench.folder / "lake-full-db"
        shutil.copytree(bench.data, data)
        database = disk / "assay.db"
        for path in data.glob("assay.db*"):
            shutil.move(path, disk / path.name)
        (disk / "filler").write_bytes(b"\0" * shutil.disk_usage(disk).free)
        done = bench.try_import(data, "--db", f"sqlite://{database}")
        bench.fails("a full disk under the database", done, "database", "full|room")
        (disk / "filler").unlink()
        for path in disk.glob("assay.db*"):
            shutil.copy(path, data / path.name)
        bench.intact("a full disk under the database", data)
        bench.goes_on("a full disk under the database", data)


def check_file_size(bench):
    """The limit that a user's files are held to: the same as a full disk where nothing can be mounted."""
    data = bench.folder / "lake-limit"
    shutil.copytree(bench.data, data)

    def limit():
        # As shells do for programs that want to hear of it as an error.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    done = bench.try_import(data, "--temp", bench.folder / "temp", preexec_fn=limit, restore_signals=False)
    bench.fails("a limit on file size", done, "File too large|database or disk is full|disk I/O error", "room|write")
    bench.intact("a limit on file size", data)
    bench.goes_on("a limit on file size", data)


def other_user():
    """Root may write anywhere, so root lets another user try."""
    return {"user": "nobody"} if os.geteuid() == 0 else {}


def check_read_only(bench):
    place = bench.folder / "locked"
    place.mkdir()
    for opened in (bench.folder, place):
        opened.chmod(0o755)
    data = place / "lake"
    shutil.copytree(bench.data, data)
    subprocess.run(["chmod", "-R", "a+rX,a-w", data], check=True)
    before = common.tree(data)
    program = place / "assay"
    shutil.copy2(common.binary(), program)
    done = subprocess.run(
        [program, "import", bench.more, "--project", PROJECT, "--data", data],
        env=common.environment(HOME=str(place)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **other_user(),
    )  # fmt: skip
    # Which of the two says so depends on the files that SQLite has left there.
    bench.fails("a folder that cannot be written", done, f"{re.escape(str(data))}|metadata database", "must (exist, )?be writable")
    bench.check.true("a folder that cannot be written: nothing has changed", common.tree(data) == before)
    subprocess.run(["chmod", "-R", "u+w", data], check=True)
    bench.intact("a folder that cannot be written", data)
    # Only the database can be written.
    subprocess.run(["chmod", "-R", "a+rwX", data], check=True)
    for folder in [path for path in data.rglob("*") if path.is_dir() and path.name != "_tmp"]:
        folder.chmod(0o555)
    done = subprocess.run(
        [program, "import", bench.more, "--project", PROJECT, "--data", data],
        env=common.environment(HOME=str(place)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **other_user(),
    )  # fmt: skip
    bench.fails("data folders that cannot be written", done, re.escape(str(data)), "Permission denied", "writable")
    subprocess.run(["chmod", "-R", "a+rwX", data], check=True)
    bench.intact("data folders that cannot be written", data)
    bench.goes_on("data folders that cannot be written", data)


def check_no_temp(bench):
    """A temporary folder is made where it can be; a file in its place is named."""
    data = bench.folder / "lake-temp"
    shutil.copytree(bench.data, data)
    shutil.rmtree(data / "_tmp", ignore_errors=True)
    place = bench.folder / "not-a-folder"
    place.write_text("")
    done = bench.try_import(data, "--temp", place / "temp")
    bench.fails("no temporary folder", done, re.escape(str(place)), "--temp")
    bench.intact("no temporary folder", data)
    bench.goes_on("a temporary folder that is missing", data)


def check_damage(bench):
    """One data file is gone, or other bytes: named by a merge that needs it; what lies elsewhere is still read."""
    for what, damage, says in [
        ("a data file that is gone", lambda path: path.unlink(), "missing"),
        ("a data file cut short", lambda path: path.write_bytes(path.read_bytes()[:-100]), "damaged"),
        ("a damaged data file", lambda path: path.write_bytes(scramble(path.read_bytes())), "damaged"),
    ]:
        data = bench.folder / what.replace(" ", "-")
        shutil.copytree(bench.data, data)
        common.import_files(data, "other", EXPORT)
        [project] = [project for project in common.Catalog(data).projects() if project["name"] == PROJECT]
        [file] = [f for f in common.Catalog(data).files(project["id"], 1) if f["table"] == "annotations"]
        whole = (data / file["path"]).read_bytes()
        damage(data / file["path"])
        done = bench.try_import(data)
        bench.fails(what, done, re.escape(file["path"]), says, "restore")
        report = common.assay("report", "agreement", "--project", PROJECT, "--data", data)
        bench.fails(f"{what}, report", report, re.escape(file["path"]), says, "restore")
        common.agreement(data, "other")
        (data / file["path"]).write_bytes(whole)
        summary = common.import_files(data, PROJECT, bench.more)
        bench.check.equal(f"{what}, restored: snapshot", summary["snapshot"], 2)


def scramble(content):
    """Other bytes in the first third, where the columns begin."""
    end = len(content) // 3
    return content[:4] + bytes(255 - byte for byte in content[4:end]) + content[end:]


def check_foreign_database(bench):
    data = bench.folder / "lake-foreign"
    shutil.copytree(bench.data, data)
    done = bench.try_import(data, "--db", f"sqlite://{bench.folder}/other.db")
    bench.fails("another lake's database", done, "belongs to the metadata database", "--db")
    bench.intact("another lake's database", data)
    with contextlib.closing(sqlite3.connect(data / "assay.db")) as db, db:
        db.execute("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
    done = bench.try_import(data)
    bench.fails("a newer database", done, "another version of assay", "use that version or a newer one")
    (data / "assay.db").write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    for suffix in ("-wal", "-shm"):
        (data / f"assay.db{suffix}").unlink(missing_ok=True)
    bench.fails("no database", bench.try_import(data), re.escape(str(data / "assay.db")), "SQLite")


def run(check):
    with common.scratch() as folder:
        bench = Bench(check, folder)
        checks = [check_file_size, check_read_only, check_no_temp, check_damage, check_foreign_database]
        if can_mount(folder):
            checks += [check_full_disk, check_full_disk_of_database]
        else:
            print("full disks: a limit on file size stands in, nothing can be mounted here", flush=True)
        for one in checks:
            one(bench)


if __name__ == "__main__":
    common.main("surroundings", run)
