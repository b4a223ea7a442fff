"""An independent reading of Label Studio JSON: what an import of a file must bring. Shares no code with Assay."""

import json
from collections import Counter

PATH_SEPARATOR = " > "


def load(path):
    return json.loads(path.read_text())


def annotations(task):
    """(id, kind, draft, result) of everything with content: submitted annotations, drafts and predictions.

    Drafts and predictions that stand in the file as bare ids have no content and are left out.
    """
    for annotation in task["annotations"]:
        yield annotation["id"], "annotation", False, annotation["result"]
    for draft in task.get("drafts", []):
        if isinstance(draft, dict):
            yield draft["id"], "annotation", True, draft["result"]
    for prediction in task.get("predictions", []):
        if isinstance(prediction, dict):
            yield prediction["id"], "prediction", False, prediction["result"]


def annotation_id(source, native, kind, draft):
    return f"{source}/{'draft' if draft else kind}/{native}"


def labels(result):
    """The labels of a result, one row each: choices, region labels, paths, ranked ids, the preferred side, a relation's labels."""
    value, kind = result.get("value", {}), result["type"]
    if kind == "relation":
        return result.get("labels", [])
    if kind == "taxonomy":
        return [PATH_SEPARATOR.join(path) for path in value["taxonomy"]]
    if kind == "pairwise":
        return [value["selected"]]
    if kind == "ranker":
        lists = value["ranker"]
        return [i for ids in lists.values() for i in ids] if isinstance(lists, dict) else lists
    if kind == "videorectangle":
        return value.get("labels", [])
    named = value.get(kind)
    return named if isinstance(named, list) else []


def rows(result):
    """What a result's rows say: (label, number, text) each. Text is compared for text areas alone: elsewhere it repeats the data."""
    value, kind = result.get("value", {}), result["type"]
    number = value.get("rating", value.get("number"))
    number = None if number is None else float(number)
    found = labels(result)
    if found:
        return [(label, number, None) for label in found]
    texts = value.get("text", []) if kind == "textarea" else []
    texts = [texts] if isinstance(texts, str) else texts
    return [(None, number, text) for text in texts] or [(None, number, None)]


def box(result):
    value = result.get("value", {})
    corners = tuple(value.get(side) for side in ("x", "y", "width", "height"))
    return None if None in corners else tuple(float(side) for side in corners)


class Expected:
    """The rows that tasks must become."""

    def __init__(self, tasks, source):
        self.items = {f"{source}/task/{task['id']}" for task in tasks}
        self.annotations, self.predictions, self.drafts = set(), set(), set()
        self.prediction_ids = self.draft_ids = self.results = 0
        self.rows, self.boxes = Counter(), {}
        for task in tasks:
            self.prediction_ids += sum(not isinstance(p, dict) for p in task.get("predictions", []))
            self.draft_ids += sum(not isinstance(d, dict) for d in task.get("drafts", []))
            for native, kind, draft, results in annotations(task):
                whole = annotation_id(source, native, kind, draft)
                (self.drafts if draft else self.predictions if kind == "prediction" else self.annotations).add(whole)
                self.results += len(results)
                for index, result in enumerate(results):
                    for label, number, text in rows(result):
                        self.rows[whole, index, result.get("from_name"), result["type"], label, number, text] += 1
                    if box(result):
                        self.boxes[whole, index] = box(result)


def easy_form(tasks):
    """The same tasks as the easy export gives them: users by number, predictions by id."""
    def annotation(a):
        user = a["completed_by"]
        return {**a, "completed_by": user["id"] if isinstance(user, dict) else user}

    return [
        {
            **task,
            "annotations": [annotation(a) for a in task["annotations"]],
            "predictions": [p["id"] if isinstance(p, dict) else p for p in task["predictions"]],
        }
        for task in tasks
        if task["annotations"]
    ]


def copies(tasks, count):
    """More tasks of the same kind: every id is shifted."""
    for copy in range(count):
        yield from shifted(tasks, copy * 1_000_000)


def shifted(tasks, shift):
    """The same tasks under other ids."""
    for task in tasks:
        moved = json.loads(json.dumps(task))
        moved["id"] += shift
        for part in ("annotations", "drafts", "predictions"):
            for one in moved[part]:
                if isinstance(one, dict):
                    one["id"] += shift
        moved["predictions"] = [p + shift if isinstance(p, int) else p for p in moved["predictions"]]
        yield moved


def contents(tables):
    """What is in a snapshot, to be compared with what must be in it."""
    ids = lambda table, column, where="true": {row[0] for row in tables.rows(table, column, where)}  # noqa: E731
    return (
        ids("items", "item_id"),
        ids("annotations", "annotation_id", "kind = 'annotation' AND NOT draft"),
        ids("annotations", "annotation_id", "draft"),
        ids("annotations", "annotation_id", "kind = 'prediction'"),
        tables.count("results"),
    )


def expected_contents(expected):
    return expected.items, expected.annotations, expected.drafts, expected.predictions, expected.rows.total()
