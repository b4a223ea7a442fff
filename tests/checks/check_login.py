#!/usr/bin/env python3
"""A team gets in: users and members from the command line, a login in a real browser, another workspace, and out again.

A page of another site sends forms to the server meanwhile; what was typed and what is secret is looked for in everything at rest and in the
log. Screenshots go to ASSAY_SCREENSHOTS (default: target/screenshots).
"""

import base64
import http.server
import os
import pathlib
import re
import subprocess
import threading
import urllib.error
import urllib.request

from playwright.sync_api import sync_playwright

import common
from check_pages import CHROMIUM, THEMES, WIDTHS, Watch, check_width

EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"
FORM = """<!doctype html><title>evil</title><form method="post" action="{target}"><input name="csrf" value="x"><input name="email"
value="ada@example.com"><input name="password" value="{password}"></form><script>document.forms[0].submit()</script>"""


def with_password(data, password, *arguments):
    return subprocess.run(
        [common.binary(), *arguments, "--data", str(data)],
        env=common.environment(),
        input=f"{password}\n",
        capture_output=True,
        text=True,
        timeout=120,
    )


def set_up(check, data):
    """One person in two workspaces, one key. Returns the key."""
    common.succeed("workspaces", "add", "north", "--name", "North team", "--data", data)
    asked = common.assay("users", "add", EMAIL, "--name", "Ada Lovelace", "--data", data)
    check.true("without a terminal a password is not waited for", asked.returncode == 1 and "--password-stdin" in asked.stderr, asked.stderr)
    short = with_password(data, "too short", "users", "add", EMAIL, "--name", "Ada Lovelace", "--password-stdin")
    check.true("a short password is refused", short.returncode == 1 and "12 to 256" in short.stderr, short.stderr)
    added = with_password(data, PASSWORD, "users", "add", EMAIL, "--name", "Ada Lovelace", "--password-stdin")
    check.equal(f"users add: {added.stderr}", added.returncode, 0)
    nobody = common.assay("members", "add", "bob@example.com", "--role", "viewer", "--data", data)
    check.true("a member is a user first", nobody.returncode == 1 and "assay users add" in nobody.stderr, nobody.stderr)
    common.succeed("members", "add", EMAIL, "--role", "owner", "--data", data)
    common.succeed("members", "add", EMAIL, "--role", "viewer", "--workspace", "north", "--data", data)
    last = common.assay("members", "remove", EMAIL, "--data", data)
    check.true("the last owner stays", last.returncode == 1 and "needs an owner" in last.stderr, last.stderr)
    users = common.succeed("users", "list", "--data", data)
    check.true("users list says where", "default (owner), north (viewer)" in users, users)
    members = common.succeed("members", "list", "--data", data)
    check.true("members list says what", re.search(rf"{EMAIL} +owner +active +Ada Lovelace", members) is not None, members)
    made = common.succeed("keys", "create", "--name", "trail", "--role", "admin", "--scopes", "read,audit", "--data", data)
    return made.split()[0]


def fill(page, password):
    page.fill("#email", EMAIL)
    page.fill("#password", password)
    page.click("button[type=submit]")


def look(check, browser, base, shots):
    """The page to log in on, and the open menu, in every form."""
    for width, height in WIDTHS.items():
        for theme in THEMES:
            what = f"{width} px, {theme}"
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = context.new_page()
            watch = Watch(page, base)
            page.goto(f"{base}/w/default/projects")
            check.true(f"{what}: to the login", page.url.startswith(f"{base}/login?next="), page.url)
            check_width(check, f"login, {what}", page)
            page.screenshot(path=shots / f"login-{width}-{theme}.png")
            check.equal(f"login, {what}: faults", watch.take(), [])
            fill(page, "wrong horse battery staple")
            check.equal(f"{what}: the refusal", page.inner_text("[role=alert]"), "The e-mail address or the password is wrong.")
            page.screenshot(path=shots / f"login-refused-{width}-{theme}.png")
            # A browser says in its console that the answer was no success.
            check.equal(f"refused, {what}: faults", [fault for fault in watch.take() if "422" not in fault], [])
            fill(page, PASSWORD)
            check.equal(f"{what}: back to where one wanted to go", page.url, f"{base}/w/default/projects")
            page.click("details.menu summary")
            check.true(f"{what}: the menu names who it is", EMAIL in page.inner_text("details.menu"))
            check_width(check, f"menu, {what}", page)
            page.screenshot(path=shots / f"menu-{width}-{theme}.png")
            check.equal(f"menu, {what}: faults", watch.take(), [])
            context.close()


def in_and_out(check, browser, base, elsewhere):
    context = browser.new_context()
    page = context.new_page()
    page.goto(base)
    fill(page, PASSWORD)
    [cookie] = context.cookies()
    check.equal("the cookie", (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]), ("assay", True, "Lax", "/"))
    check.equal("scripts do not see it", page.evaluate("document.cookie"), "")

    page.click("details.menu summary")
    page.click("details.menu nav a:has-text('North team')")
    check.equal("the other workspace", page.url, f"{base}/w/north/projects")
    check.true("… has nothing of the first", "review-sentiment" not in page.content())
    check.equal("no other workspace exists", page.goto(f"{base}/w/south/projects").status, 404)

    # A page of another site sends a form to log out, and one to log in as somebody else.
    for path in ("/logout", "/login"):
        page.goto(f"{elsewhere}{path}")
        page.wait_for_url(f"{base}{path}")
        check.true(f"a form of another site to {path} is refused", "foreign_form" in page.content(), page.content()[:300])
        check.equal("… and changes nothing", context.cookies()[0]["value"], cookie["value"])
    check.equal("still in", page.goto(f"{base}/w/default/projects").status, 200)

    page.click("details.menu summary")
    page.click("details.menu button")
    check.equal("out", (page.url, context.cookies()), (f"{base}/login", []))
    page.go_back()
    page.goto(f"{base}/w/default/projects")
    check.true("the way back leads to the login", "/login" in page.url, page.url)
    context.add_cookies([{"name": "assay", "value": cookie["value"], "url": base}])
    page.goto(f"{base}/w/default/projects")
    check.true("the old cookie is worth nothing", "/login" in page.url, page.url)
    context.close()


class Elsewhere(http.server.BaseHTTPRequestHandler):
    base = ""

    def do_GET(self):
        body = FORM.format(target=f"{self.base}{self.path}", password=PASSWORD).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def check_trail(check, base, key):
    """Everything that happened, asked for with a key that may do that and little else."""
    def ask(path, **headers):
        request = urllib.request.Request(f"{base}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    bearer = {"authorization": f"Bearer {key}"}
    status, trail = ask("/v1/audit?limit=500", **bearer)
    check.equal("the trail can be read", status, 200)
    for action in ("login", "logout", "member.add", "key.create", "user.add", "workspace.add", "key.use"):
        check.true(f"the trail has {action}", f'"action":"{action}"' in trail)
    check.true("… with refused logins", '"failed: refused"' in trail)
    check.equal("the key may do no more", ask("/v1/keys", **bearer)[0], 403)
    basic = base64.b64encode(f"any:{key}".encode()).decode()
    check.equal("programs see pages with a key", ask("/w/default/projects", authorization=f"Basic {basic}")[0], 200)
    check.equal("… and not without", ask("/w/default/projects")[0], 401)


def check_secrets(check, folder, key):
    """Neither passwords nor keys are at rest or in the log."""
    secrets = {"password": PASSWORD.encode(), "key": key.rsplit("_", 1)[1].encode()}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for name, secret in secrets.items():
            check.true(f"no {name} in {path.relative_to(folder)}", secret not in content)


def run(check):
    shots = pathlib.Path(os.environ.get("ASSAY_SCREENSHOTS", common.ROOT / "target" / "screenshots"))
    shots.mkdir(parents=True, exist_ok=True)
    with common.scratch() as folder, sync_playwright() as playwright:
        data = folder / "data"
        common.import_files(data, "review-sentiment", common.DEMO / "review-sentiment.json")
        key = set_up(check, data)
        ready = re.compile(r"address=(127\.0\.0\.1:\d+)")
        server = common.Server(["serve", "--listen", "127.0.0.1:0", "--data", data], ready, folder / "serve.log")
        Elsewhere.base = base = f"http://{server.found}"
        # To a browser localhost and 127.0.0.1 are two sites.
        other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
        threading.Thread(target=other.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            look(check, browser, base, shots)
            in_and_out(check, browser, base, f"http://localhost:{other.server_port}")
            check_trail(check, base, key)
        finally:
            browser.close()
            other.shutdown()
            code = server.stop()
        check.equal("the server ends well on SIGTERM", code, 0)
        check_secrets(check, folder, key)


if __name__ == "__main__":
    common.main("login", run)
