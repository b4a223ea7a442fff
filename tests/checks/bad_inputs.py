"""Files that people hand over by mistake, each with what the refusal must say."""

import codecs
import gzip
import io
import json
import random
import re
import zipfile
from dataclasses import dataclass

import common
from label_studio import load

GOOD = common.DEMO / "review-sentiment.json"
PLACE = r"\bbyte \d+\b"
TASK = r"\btask \d+\b"


@dataclass(frozen=True)
class Case:
    name: str
    content: bytes
    # Every pattern must be found in the message, which must name the file too.
    says: tuple[str, ...]
    # Either refused like the others, or imported whole: both are right for what is valid JSON.
    may_import: bool = False


def tasks(count=3):
    """A few tasks with annotations."""
    return [task for task in load(GOOD) if task["annotations"]][:count]


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def edited(change):
    some = tasks()
    change(some)
    return dump(some)


def with_text(text, raw=False):
    """The second task's text, as a JSON string or raw."""
    marker = "\u0001marker\u0001"
    content = edited(lambda some: some[1]["data"].__setitem__("text", marker))
    return content.replace(json.dumps(marker).encode(), text if raw else json.dumps(text).encode())


def truncated(points=40):
    """Cuts all over a file: at its ends, and at seeded places in between (so in strings, escapes, numbers and characters too)."""
    whole = dump(tasks(8))
    escaped = json.dumps(tasks(8)).encode()
    random_places = random.Random(20261123)
    first_escape = escaped.index(b"\\u")
    cuts = [(escaped, first_escape + n) for n in (1, 2, 4)]
    cuts += [(whole, whole.index("…".encode()) + 1)] if "…".encode() in whole else []
    cuts += [(whole, at) for at in (1, 2, 9, len(whole) - 2, len(whole) - 1)]
    cuts += [(whole, random_places.randrange(10, len(whole) - 2)) for _ in range(points)]
    for content, at in cuts:
        yield Case(f"cut at byte {at}", content[:at], (PLACE, r"cut off|ends (inside|before)", r"download|copy|export"))


def other_encodings():
    good = dump(tasks())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("export.json", good)
    utf16 = good.decode().encode
    convert = r"UTF-16.*(iconv|save|UTF-8)"
    yield Case("gzip", gzip.compress(good), (PLACE, "gzip", "gunzip|unpack|decompress"))
    yield Case("zip", archive.getvalue(), (PLACE, "zip", "unpack|unzip|extract"))
    yield Case("UTF-16, little endian, with mark", codecs.BOM_UTF16_LE + utf16("utf-16-le"), (PLACE, convert))
    yield Case("UTF-16, big endian, with mark", codecs.BOM_UTF16_BE + utf16("utf-16-be"), (PLACE, convert))
    yield Case("UTF-16, without mark", utf16("utf-16-le"), (PLACE, convert))
    yield Case("UTF-8 with byte order mark", codecs.BOM_UTF8 + good, (PLACE, "byte order mark|BOM", "without|remove|save"))


def other_documents():
    good = dump(tasks())
    again = r"export"
    page = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
    yield Case("an HTML page", page, (PLACE, "HTML", again))
    yield Case("two exports in a row", good + good, (PLACE, "second JSON document", "own|join|separate"))
    yield Case("two exports in two lines", good + b"\n" + good, (PLACE, "second JSON document", "own|join|separate"))
    yield Case("an empty file", b"", (PLACE, "empty", again))
    yield Case("blanks only", b" \n\t\n", (PLACE, "empty", again))
    yield Case("an empty list", b"[]", (PLACE, "no tasks", again))
    yield Case("one task, no list", dump(tasks(1)[0]), (PLACE, "object", again))
    yield Case("JSON Lines", b"\n".join(dump(task) for task in tasks()), (PLACE, "object", again))
    yield Case("an API's page of tasks", dump({"total": 3, "tasks": tasks()}), (PLACE, "object", again))
    yield Case("a CSV file", b"id,text,sentiment\n1,hello,Positive\n", (PLACE, "list of tasks", again))
    yield Case("a text", b'"hello"', (PLACE, "list of tasks", again))
    yield Case("zeros", b"\0" * 4096, (PLACE, "binary|not UTF-8", r"\S"))


def wrong_structure():
    again = r"export"
    good = dump(tasks())
    yield Case("a comma after the last task", good[:-1] + b",]", (PLACE, "expected a task", again))
    yield Case("no comma between tasks", b"[" + dump(tasks()[0]) + dump(tasks()[1]) + b"]", (PLACE, "expected ','", again))
    yield Case("a task that is a number", b"[1,2,3]", (PLACE, TASK, "object", again))
    yield Case("a task that is a list", b"[[1]]", (PLACE, TASK, "object", again))
    yield Case("a task that is null", b"[null]", (PLACE, TASK, "object", again))
    yield Case("no annotations list", edited(lambda some: some[1].update(annotations={"a": 1})), (PLACE, TASK, "annotations? .*list|list", again))
    yield Case("a task's id as a text", edited(lambda some: some[1].update(id="17")), (PLACE, TASK, "id .*whole number", again))
    yield Case("a task without id", edited(lambda some: some[1].pop("id")), (PLACE, TASK, r"\bid\b", again))
    yield Case(
        "an annotation's id as a text",
        edited(lambda some: some[1]["annotations"][0].update(id="17")),
        (PLACE, TASK, "annotation's id .*whole number", again),
    )
    yield Case("a task's id twice", edited(lambda some: some[2].update(id=some[0]["id"])), (PLACE, TASK, "twice|unique", again))
    yield Case(
        "an annotation's id twice",
        edited(lambda some: some[2]["annotations"][0].update(id=some[0]["annotations"][0]["id"])),
        (PLACE, TASK, "twice|unique", again),
    )


def wrong_values():
    number = "null or a number|export"
    for value in (b"NaN", b"Infinity", b"-Infinity"):
        yield Case(f"{value.decode()} as lead time", with_lead_time(value), (PLACE, TASK, "NaN|Infinity|JSON", number))
    yield Case("NaN in a task's data", with_text(b"NaN", raw=True), (PLACE, TASK, "NaN|JSON", number))
    yield Case("a number beyond all bounds", with_lead_time(b"1e999"), (PLACE, TASK, "number|JSON", r"\S"), may_import=True)
    yield Case("a raw line break in a text", with_text(b'"a\nb"', raw=True), (PLACE, TASK, "JSON|control", "export"))
    yield Case("a lone surrogate", with_text(b'"\\ud800"', raw=True), (PLACE, TASK, "JSON|surrogate|escape", "export"), may_import=True)
    yield Case("Latin-1", with_text(b'"caf\xe9"', raw=True), (PLACE, TASK, "UTF-8", r"\S"))
    yield Case("a bracket too many", with_text(b'{"a":1}}', raw=True), (PLACE, r"JSON|expected", "export"))
    yield Case("100 MB in one string", with_text(b'"' + b"x" * 100_000_000 + b'"', raw=True), (PLACE, TASK, r"\S"), may_import=True)
    for depth in (500, 200_000):
        nested = b"[" * depth + b"]" * depth
        yield Case(f"lists {depth} deep", with_text(nested, raw=True), (PLACE, TASK, "deep|nest|recursion|depth", r"\S"), may_import=True)
    objects = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    yield Case("objects 5000 deep", with_text(objects, raw=True), (PLACE, TASK, "deep|nest|recursion|depth", r"\S"), may_import=True)
    yield Case("brackets that never close", b"[" * 1_000_000, (PLACE, "cut off|deep|ends|nest", r"\S"))


def with_lead_time(value):
    content = edited(lambda some: some[1]["annotations"][0].update(lead_time=123456.789))
    assert b"123456.789" in content
    return content.replace(b"123456.789", value)


def cases():
    for family in (truncated, other_encodings, other_documents, wrong_structure, wrong_values):
        yield from family()


def missing(message, case, file):
    """What a refusal fails to say."""
    wanted = (re.escape(str(file)), *case.says)
    return [pattern for pattern in wanted if not re.search(pattern, message, re.DOTALL)]
