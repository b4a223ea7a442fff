#!/usr/bin/env python3
"""Nothing is lost on import: rows in Parquet equal what an independent reading of the same JSON counts.

For every project of real exports (or, where they are absent, for the demo exports and their easy form):
1. each form of the export alone, into a fresh lake; imported again, it makes no snapshot and touches no file;
2. poorer forms, then the full one, then the poorest again, into one project: that loses nothing and equals the full one alone.
"""

import pathlib
from collections import Counter

import common
from label_studio import Expected, annotations, easy_form, load

FORMS = ("export_JSON", "export_JSON_all_tasks", "snapshot_default", "snapshot_full")


def sources(folder):
    """(project, {form: path}, config) of everything that can be checked here."""
    real = common.SHARED / "label-studio"
    if real.is_dir():
        for project in sorted(path for path in real.iterdir() if (path / "snapshot_full.json").exists()):
            yield project.name, {form: project / f"{form}.json" for form in FORMS}, project / "config.xml"
        return
    for full in sorted(common.DEMO.glob("*.json")):
        easy = pathlib.Path(folder, f"{full.stem}-easy.json")
        easy.write_text(common.json.dumps(easy_form(load(full))))
        yield full.stem, {"export_JSON": easy, "snapshot_full": full}, full.with_suffix(".xml")


def import_again(check, what, data, project, path, snapshot):
    before = common.stored(data)
    again = common.import_files(data, project, path)
    check.equal(f"{what}, imported again: (committed, snapshot)", (again["committed"], again["snapshot"]), (False, snapshot))
    check.equal(f"{what}, imported again: items", again["items"], {"new": 0, "changed": 0, "unchanged": again["items"]["unchanged"], "removed": 0})
    check.true(f"{what}, imported again: storage is unchanged", common.stored(data) == before)


def newest(data, summary):
    lake = common.Lake(data)
    manifest = lake.manifest(summary["project_id"], summary["snapshot"])
    return manifest, lake.tables(manifest["files"])


def compare(check, what, manifest, tables, expected):
    """The tables of a snapshot against an independent reading."""
    for fault in [*tables.broken_files(), *tables.faults()]:
        check.true(f"{what}: {fault}", False)
    for file in manifest["files"]:
        path = str(tables.data / file["path"])
        rows = tables.db.execute("SELECT count(*) FROM read_parquet(?, hive_partitioning = false)", [path]).fetchone()[0]
        check.equal(f"{what}: rows of {file['path']}", rows, file["rows"])
    ids = lambda where: {row[0] for row in tables.rows("annotations", "annotation_id", where)}  # noqa: E731
    check.equal(f"{what}: items", {row[0] for row in tables.rows("items", "item_id")}, expected.items)
    check.equal(f"{what}: annotations", ids("kind = 'annotation' AND NOT draft"), expected.annotations)
    check.equal(f"{what}: drafts", ids("draft"), expected.drafts)
    check.equal(f"{what}: predictions", ids("kind = 'prediction'"), expected.predictions)
    check.equal(f"{what}: results", int(tables.rows("annotations", "sum(result_count)")[0][0] or 0), expected.results)
    check.equal(f"{what}: rejects", tables.rows("rejects", "*"), [])
    compare_rows(check, what, tables, expected)
    counts = manifest["counts"]
    check.equal(
        f"{what}: the snapshot's own counts",
        {name: counts[name] for name in ("items", "annotations", "predictions", "results", "rejects")},
        {
            "items": len(expected.items),
            "annotations": len(expected.annotations) + len(expected.drafts),
            "predictions": len(expected.predictions),
            "results": expected.results,
            "rejects": 0,
        },
    )


def compare_rows(check, what, tables, expected):
    columns = 'annotation_id, result_index, control, "type", label, number, CASE WHEN "type" = \'textarea\' AND label IS NULL THEN text END'
    found = Counter(tables.rows("results", columns))
    missing, added = expected.rows - found, found - expected.rows
    check.true(
        f"{what}: result rows",
        not missing and not added,
        f"{missing.total()} missing, e.g. {list(missing)[:2]}; {added.total()} too many, e.g. {list(added)[:2]}",
    )
    boxes = tables.rows("results", "annotation_id, result_index, bbox.x, bbox.y, bbox.width, bbox.height", "bbox IS NOT NULL")
    found = {row[:2]: row[2:] for row in boxes}
    different = [(found.get(key), expected.boxes.get(key)) for key in found | expected.boxes if found.get(key) != expected.boxes.get(key)]
    check.true(f"{what}: boxes, to the last bit", not different, f"{len(different)} of {len(expected.boxes)} differ, e.g. {different[:1]}")


def compare_summary(check, what, summary, expected):
    check.equal(f"{what}: new items", summary["items"], {"new": len(expected.items), "changed": 0, "unchanged": 0, "removed": 0})
    check.equal(f"{what}: new annotations", summary["annotations"]["new"], len(expected.annotations) + len(expected.drafts))
    check.equal(f"{what}: new predictions", summary["predictions"]["new"], len(expected.predictions))
    check.equal(
        f"{what}: (results, prediction ids, draft ids, rejected)",
        (summary["results"], summary["prediction_ids"], summary["draft_ids"], summary["rejected"]),
        (expected.results, expected.prediction_ids, expected.draft_ids, 0),
    )


def check_form(check, folder, project, form, path, config):
    what, data = f"{project}/{form}", folder / f"{project}-{form}"
    expected = Expected(load(path), project)
    summary = common.import_files(data, project, path, config=config)
    check.equal(f"{what}: (committed, snapshot)", (summary["committed"], summary["snapshot"]), (True, 1))
    compare_summary(check, what, summary, expected)
    compare(check, what, *newest(data, summary), expected)
    import_again(check, what, data, project, path, 1)


def check_upgrade(check, folder, project, forms, config):
    """The poorest form first, the fullest last: the drafts that a poorer form brought are the full one's too."""
    what, data, state = f"{project}/upgrade", folder / f"{project}-upgrade", {}
    for form, path in forms.items():
        summary = common.import_files(data, project, path, config=config)
        changed = summary["annotations"]["changed"] + summary["predictions"]["changed"]
        check.equal(f"{what}: answers that changed with {form}", changed, other_content(state, path))
    compare(check, what, *newest(data, summary), Expected(load(forms["snapshot_full"]), project))
    check.equal(f"{what}: people", people(newest(data, summary)[1]), people_in(load(forms["snapshot_full"]), project))
    if other_content(state, forms["export_JSON"]) == 0:
        import_again(check, f"{what}, then the easy export", data, project, forms["export_JSON"], summary["snapshot"])


def other_content(state, path):
    """How many answers of a file differ from those of the same id before; they then stand in `state`.

    The forms of one export have the same answers. Frames that an export fills in between key frames are no answers.
    """
    different = 0
    for task in load(path):
        for native, kind, draft, found in annotations(task):
            results = key_frames_only(found)
            before = state.setdefault((native, kind, draft), results)
            different += before != results
            state[native, kind, draft] = results
    return different


def key_frames_only(value):
    if isinstance(value, dict):
        return {key: key_frames_only(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [key_frames_only(inner) for inner in value if not (isinstance(inner, dict) and inner.get("auto") is True)]
    return value


def people(tables):
    """Who annotated, as (rater, e-mail)."""
    return set(tables.rows("raters", "rater_id, email", "kind = 'human' AND NOT deleted"))


def people_in(tasks, source):
    """The persons that submitted something; in a full snapshot each comes with id and e-mail."""
    users = [a["completed_by"] for task in tasks for a in task["annotations"]]
    users += [d["user"] for task in tasks for d in task["drafts"] if isinstance(d, dict)]
    by_email = {user["email"]: user["id"] for user in users if isinstance(user, dict)}
    known = set(by_email.values())
    emails = {user for user in users if isinstance(user, str)} - set(by_email)
    numbers = {user for user in users if isinstance(user, int)} - known
    return (
        {(f"{source}/user/{number}", email) for email, number in by_email.items()}
        | {(f"{source}/user/{email}", email) for email in emails}
        | {(f"{source}/user/{number}", None) for number in numbers}
    )


def run(check):
    with common.scratch() as folder:
        for project, forms, config in sources(folder):
            before = check.differences
            for form, path in forms.items():
                check_form(check, folder, project, form, path, config)
            check_upgrade(check, folder, project, forms, config)
            print(f"{project}: {'ok' if check.differences == before else 'DIFFERS'}", flush=True)


if __name__ == "__main__":
    common.main("import counts", run)
