#!/usr/bin/env python3
"""The dashboard in a real browser: every kind of page of `assay demo`, wide and narrow, light and dark.

Fails on console errors, failed or foreign requests, violations of the content security policy, and pages that are wider than the screen.
Hovers and clicks cells of the heat maps, follows them, and uses the filters. Screenshots go to ASSAY_SCREENSHOTS
(default: target/screenshots).
"""

import contextlib
import os
import pathlib
import re
import urllib.parse

from playwright.sync_api import TimeoutError, sync_playwright

import common
from label_studio import load

CHROMIUM = os.environ.get("ASSAY_CHROMIUM", "/usr/bin/chromium")
WIDTHS = {1280: 900, 390: 844}
THEMES = ("light", "dark")
WATCH = """
window.__violations = [];
addEventListener("securitypolicyviolation", e => window.__violations.push(`${e.violatedDirective}: ${e.blockedURI} ${e.sourceFile ?? ""}`));
"""
# What sticks out of the page sideways, innermost first.
STICKS_OUT = """
() => [...document.body.querySelectorAll("*")]
    .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(e => `${e.tagName.toLowerCase()}.${e.className?.baseVal ?? e.className} to ${Math.round(e.getBoundingClientRect().right)}`)
    .slice(-3)
"""
DRAWN = "[...document.querySelectorAll('figure.chart')].every(chart => chart.querySelector('.js-plotly-plot .main-svg'))"
# The middle of a heat map's cell on the screen, as plotly.js places it, with the link that the cell stands for.
CELLS = """
chart => {
  const plot = chart.querySelector(".js-plotly-plot");
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  const rows = [...chart.querySelector("details table").tBodies[0].rows];
  const at = (x, y, cell) => ({
    x: box.left + xaxis._offset + xaxis.d2p(x), y: box.top + yaxis._offset + yaxis.d2p(y),
    href: cell.querySelector("a")?.href, text: cell.innerText.trim() || cell.textContent.trim(),
  });
  // A table of pairs has a row for each cell and says which one it is.
  return rows.flatMap((row, y) => {
    if (!row.dataset.at) return [...row.cells].slice(1).map((cell, x) => at(x, y, cell));
    const [first, second] = row.dataset.at.split(",").map(Number);
    return [at(second, first, row)];
  });
}
"""


# The points of a chart's first series on the screen.
POINTS = """
chart => {
  const plot = chart.querySelector(".js-plotly-plot");
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  const { x, y } = plot._fullData[0];
  return [...y].map((value, at) => ({ x: box.left + xaxis._offset + xaxis.d2p(x[at]), y: box.top + yaxis._offset + yaxis.d2p(value), value }))
    .filter(point => point.value !== null);
}
"""
# Parts of the page of agreement that every control with figures has.
PARTS = ("side-by-side", "benchmarks", "by-annotator", "by-label", "time", "slices", "planning")


class Watch:
    """Collects what goes wrong on a page."""

    def __init__(self, page, base):
        self.page, self.base, self.faults = page, base, []
        page.add_init_script(WATCH)
        page.on("console", lambda message: message.type == "error" and self.faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("requestfailed", self.failed)
        page.on("response", lambda answer: answer.status >= 400 and self.faults.append(f"{answer.status}: {answer.url}"))
        page.on("request", self.requested)

    def failed(self, request):
        # Leaving a page ends what it was still loading.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url} {request.failure}")

    def requested(self, request):
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.faults.append(f"foreign request: {request.url}")

    def take(self):
        faults, self.faults = self.faults + self.page.evaluate("window.__violations"), []
        return faults


def item_url(base, project_url, project, task):
    item = urllib.parse.quote(f"{project}/task/{task['id']}", safe="")
    return f"{base}{project_url}/items/{item}"


def pages(page, base):
    """name -> address of at least one page of every kind, found by following links as a reader would."""
    page.goto(base)
    found = {"projects": page.url}
    links = page.eval_on_selector_all("main a", "all => all.map(a => [a.textContent.trim(), new URL(a.href).pathname])")
    for export in sorted(common.DEMO.glob("*.json")):
        name = export.stem
        [project_url] = {path for text, path in links if text == name} or [None]
        if project_url is None:
            raise common.Failed(f"the list of projects has no link to {name}: {links}")
        found[f"{name}-overview"] = base + project_url
        page.goto(found[f"{name}-overview"])
        found[f"{name}-agreement"] = f"{base}{project_url}/agreement"
        found[f"{name}-disagreements"] = f"{base}{project_url}/disagreements"
        page.goto(found[f"{name}-disagreements"])
        contested = page.locator("main table a[href*='/items/']")
        if contested.count():
            found[f"{name}-contested-item"] = urllib.parse.urljoin(base, contested.first.get_attribute("href"))
        busiest = max(load(export), key=lambda task: sum(len(a["result"]) for a in task["annotations"]))
        found[f"{name}-item"] = item_url(base, project_url, name, busiest)
    for control in ("flags", "helpfulness", "n_errors"):
        for kind in ("overview", "agreement"):
            found[f"response-review-{kind}-{control}"] = f"{found[f'response-review-{kind}']}?control={control}"
    found["review-sentiment-agreement-slices"] = found["review-sentiment-agreement"] + "?period=week&by_slice=source"
    found["guide"] = f"{base}/metrics-guide"
    found["docs"] = f"{base}/docs"
    return found


def visit(check, browser, base, addresses, shots):
    for width, height in WIDTHS.items():
        for theme in THEMES:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = context.new_page()
            watch = Watch(page, base)
            for name, address in addresses.items():
                what = f"{name}, {width} px, {theme}"
                # The API's pages fetch their description after loading; ours are complete with their charts.
                answer = page.goto(address, wait_until="networkidle" if name == "docs" else "load")
                check.equal(f"{what}: status", answer.status, 200)
                check.true(f"{what}: has a title", bool(page.title().strip()))
                check_charts(check, what, page)
                check_width(check, what, page)
                check_images(check, what, page)
                page.screenshot(path=shots / f"{name}-{width}-{theme}.png", full_page=True)
                check.equal(f"{what}: faults", watch.take(), [])
            context.close()


def check_charts(check, what, page):
    # A chart that is not drawn in time is told below.
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(DRAWN, timeout=10_000)
    charts = page.locator("figure.chart")
    for n in range(charts.count()):
        chart = charts.nth(n)
        drawn = chart.locator(".js-plotly-plot .main-svg")
        check.true(f"{what}: chart {chart.get_attribute('id')} is drawn", drawn.count() > 0)
        check.true(f"{what}: … and has a table", chart.locator("details table").count() == 1)


def check_width(check, what, page):
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    check.true(f"{what}: no wider than the screen", wide <= screen, f"{wide} px on {screen} px: {page.evaluate(STICKS_OUT)}")


def check_images(check, what, page):
    broken = page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src.slice(0, 80))")
    check.equal(f"{what}: images that do not show", broken, [])
    inline = page.evaluate("document.querySelectorAll('main [style]:not(.js-plotly-plot *, .js-plotly-plot, .swagger-ui *)').length")
    check.equal(f"{what}: elements with inline styles of ours", inline, 0)


def check_heat_maps(check, browser, base, address):
    """Each heat map of an overview: a hover tells, a click opens the disagreements that the cell stands for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    watch = Watch(page, base)
    page.goto(address, wait_until="networkidle")
    names = page.eval_on_selector_all("figure.chart", "all => all.map(c => [c.id, c.querySelector('.heatmaplayer .hm') !== null])")
    heat_maps = [name for name, heat in names if heat]
    check.true(f"{address}: there are heat maps", len(heat_maps) > 0, str(names))
    for name in heat_maps:
        page.goto(address, wait_until="networkidle")
        chart = page.locator(f"figure.chart[id='{name}']")
        chart.scroll_into_view_if_needed()
        cells = [cell for cell in chart.evaluate(CELLS) if cell["href"]]
        check.true(f"heat map {name}: has cells with a link", len(cells) > 0)
        if cells:
            follow(check, page, name, cells[len(cells) // 2])
    check.equal(f"{address}: faults", watch.take(), [])
    context.close()


def follow(check, page, name, cell):
    page.mouse.move(cell["x"] - 3, cell["y"])
    page.mouse.move(cell["x"], cell["y"])
    hover = page.locator(f"figure.chart[id='{name}'] .hoverlayer .hovertext")
    hover.first.wait_for(timeout=5000)
    told = hover.first.text_content()
    check.true(f"heat map {name}: hovering tells the figure", re.search(r"\d", told) is not None, told)
    page.mouse.click(cell["x"], cell["y"])
    page.wait_for_url("**/disagreements?**", timeout=10000)
    check.equal(f"heat map {name}: a click opens the cell's page", page.url, cell["href"])
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    pair = {"annotator", "other_annotator"} <= query.keys() or {"label", "other_label"} <= query.keys()
    check.true(f"heat map {name}: … with control and pair in its address", "control" in query and pair, page.url)
    page.wait_for_load_state("networkidle")
    rows = page.locator("main table tbody tr").count()
    empty = page.get_by_text("No disagreements", exact=False).count()
    check.true(f"heat map {name}: … which lists disagreements, or says that there are none", rows > 0 or empty > 0)
    return query


def check_agreement(check, browser, base, address):
    """The page of agreement: its parts are there, its points lead on, its forms write what was chosen into the address."""
    for width, height in WIDTHS.items():
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        watch = Watch(page, base)
        page.goto(address, wait_until="networkidle")
        for part in PARTS:
            check.true(f"agreement, {width} px: has {part}", page.locator(f"#{part}").count() == 1)
        reading = page.locator("#side-by-side ~ .beside .reading").first.inner_text()
        check.true(f"agreement, {width} px: a sentence says what alpha means", "alpha" in reading, reading)
        point(check, page, "over-time", "**/disagreements?**", {"control", "from", "to"})
        page.goto(address, wait_until="networkidle")
        point(check, page, "coefficients", "**/metrics-guide#*", set())
        page.goto(address, wait_until="networkidle")
        page.select_option("#by_slice", "source")
        page.locator("form[aria-label='Slices'] button").click()
        page.wait_for_url("**by_slice=source**")
        check.equal(f"agreement, {width} px: the form's address", urllib.parse.urlsplit(page.url).query, "by_slice=source")
        page.wait_for_load_state("networkidle")
        check.equal(f"agreement, {width} px: the form keeps it", page.input_value("#by_slice"), "source")
        point(check, page, "by-slice", "**/disagreements?**", {"control", "slice"})
        check.equal(f"agreement, {width} px: faults", watch.take(), [])
        context.close()


def check_marks(check, browser, base, address):
    """Figures of few items are marked beside their intervals, in words that need no pointer, and a line leads to what that means."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    marks = page.locator("table.figures a.caution")
    check.true(f"{address}: figures are marked", marks.count() > 0)
    told = {mark.strip().removeprefix("⚠").strip() for mark in marks.all_inner_texts()}
    known = {"few items", "skewed labels", "rare label", "few shared items"}
    check.true(f"{address}: marks say why", told and told <= known, str(told))
    page.locator("p.cautions a").first.click()
    page.wait_for_url("**/metrics-guide#coverage")
    check.true(f"{address}: the line leads to an explanation", "docs/INTERVALS.md" in page.locator("#coverage").inner_text())
    context.close()


def point(check, page, name, leads_to, fields):
    """A click on a point of a chart opens what it stands for."""
    page.wait_for_function(DRAWN, timeout=10_000)
    chart = page.locator(f"figure.chart[id='{name}']")
    chart.scroll_into_view_if_needed()
    points = chart.evaluate(POINTS)
    check.true(f"chart {name}: has points", len(points) > 0)
    if not points:
        return
    spot = points[len(points) // 2]
    page.mouse.move(spot["x"] - 2, spot["y"])
    page.mouse.move(spot["x"], spot["y"])
    hover = chart.locator(".hoverlayer .hovertext")
    hover.first.wait_for(timeout=5000)
    told = hover.first.text_content()
    check.true(f"chart {name}: hovering tells the figure", re.search(r"\d", told) is not None, told)
    page.mouse.click(spot["x"], spot["y"])
    page.wait_for_url(leads_to, timeout=10_000)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    check.true(f"chart {name}: a click leads to what it stands for", fields <= query.keys(), page.url)
    page.wait_for_load_state("networkidle")


def check_filters(check, browser, base, address):
    """The form of the disagreements writes what was filled in, and only that, into the address; the page keeps it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    watch = Watch(page, base)
    page.goto(address, wait_until="networkidle")
    scores = page.locator("main table tbody tr").count()
    page.locator("details.filters > summary").click()
    page.fill("#min_score", "1")
    page.press("#min_score", "Enter")
    page.wait_for_url("**min_score**")
    check.equal("filter: the address", urllib.parse.urlsplit(page.url).query, "min_score=1")
    check.equal("filter: the form keeps it", page.input_value("#min_score"), "1")
    check.true("filter: rows are fewer or equal", page.locator("main table tbody tr").count() <= scores)
    check.true("filter: the form stays open", page.locator("#min_score").is_visible())
    page.go_back(wait_until="networkidle")
    check.equal("filter: back shows all again", page.locator("main table tbody tr").count(), scores)
    check.equal("filter: faults", watch.take(), [])
    context.close()


def check_absent(check, browser, base):
    """What is not there is a 404 with a page that says so."""
    page = browser.new_page()
    for path in ("/w/default/projects/absent", "/w/default/projects/absent/items/x", "/w/nobody/projects", "/nothing-here"):
        answer = page.goto(base + path)
        check.equal(f"{path}: status", answer.status, 404)
        check.true(f"{path}: has words", len(page.inner_text("body").strip()) > 10)
    page.close()


def check_headers(check, base):
    """The policy that the browser enforces is the strict one."""
    import urllib.request

    with urllib.request.urlopen(f"{base}/w/default/projects", timeout=30) as answer:
        policy = answer.headers.get("content-security-policy", "")
        kind = answer.headers.get("content-type", "")
        sniff = answer.headers.get("x-content-type-options", "")
    check.true("policy: is there", "default-src" in policy, policy)
    check.true("policy: no inline scripts or styles, no eval", "unsafe" not in policy, policy)
    check.true("policy: no foreign scripts", re.search(r"script-src 'self'(;|$)", policy) is not None, policy)
    check.equal("pages: content type", kind, "text/html; charset=utf-8")
    check.equal("pages: types are not guessed", sniff, "nosniff")


def run(check):
    shots = pathlib.Path(os.environ.get("ASSAY_SCREENSHOTS", common.ROOT / "target" / "screenshots"))
    shots.mkdir(parents=True, exist_ok=True)
    with common.scratch() as folder, sync_playwright() as playwright:
        ready = re.compile(r"Dashboard: (http://127\.0\.0\.1:\d+)")
        server = common.Server(["demo", "--listen", "127.0.0.1:0", "--data", folder / "data"], ready, folder / "demo.log")
        # Chromium refuses its sandbox to root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            base = server.found
            addresses = pages(browser.new_page(), base)
            visit(check, browser, base, addresses, shots)
            check_heat_maps(check, browser, base, addresses["review-sentiment-overview"])
            check_heat_maps(check, browser, base, addresses["review-sentiment-agreement"])
            check_agreement(check, browser, base, addresses["review-sentiment-agreement"])
            check_marks(check, browser, base, addresses["response-review-overview"])
            check_filters(check, browser, base, addresses["review-sentiment-disagreements"])
            check_absent(check, browser, base)
            check_headers(check, base)
        finally:
            browser.close()
            code = server.stop()
        check.equal("the server ends well on SIGTERM", code, 0)
        check.true("the server's log has no panic", "panicked" not in (folder / "demo.log").read_text())
        print(f"{len(addresses)} pages in {len(WIDTHS) * len(THEMES)} forms, screenshots in {shots}", flush=True)


if __name__ == "__main__":
    common.main("pages", run)
