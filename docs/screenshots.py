"""Makes docs/screenshots/: `python -m docs.screenshots`, or `make screenshots`.

The main pages, light and dark, of a stack of its own with a few notes and a dead letter in it, so
that a picture shows the same whoever makes it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Producer
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from devstack import admin
from devstack.errors import DevstackError
from devstack.ports import Ports
from devstack.stack import Stack

FOLDER = Path(__file__).parent / "screenshots"
TOPIC = "user-events"
Pictures = dict[str, tuple[Callable[[Page], object], int | None]]
ADA = {"username": "ada", "password": "correct horse battery staple"}
NOTES = [
    (
        "Reading list",
        "A Philosophy of Software Design\nDesigning Data-Intensive Applications",
        "books",
    ),
    (
        "Sourdough",
        "500 g flour, 350 g water, 100 g starter, 10 g salt.\nFold it every hour.",
        "kitchen",
    ),
    (
        "Lisbon in May",
        "Tram 28 before eight. Pastéis de Belém.\nTickets are in the blue folder.",
        "travel",
    ),
    ("Flat: questions", "Heating, from when?\nWho has the second key?", "home, to do"),
    (
        "Ideas for the talk",
        "Begin with the outage.\nOne picture of the event's way, no more.",
        "work, to do",
    ),
    ("Garden", "Tomatoes to the wall, beans where the peas were.", "home"),
]
BROKEN = ["hello?", '{"type": "user.created.v1"}', None]

EVENTS = """
INSERT INTO event_log
    (topic, partition, "offset", type, user_id, version, event_time, outcome, recorded_at)
SELECT 'user-events', n % 12, 1000 + n, 'user.updated.v1', gen_random_uuid(), n,
    at - n * interval '0.05 s', outcome, at
FROM generate_series(29, 1, -1) AS minute,
    LATERAL generate_series(1, 4 + minute * 7 % 9) AS n,
    LATERAL (VALUES (
        now() - minute * interval '1 min',
        CASE WHEN n > 10 THEN 'duplicate' WHEN n > 8 THEN 'superseded' ELSE 'applied' END
    )) AS event (at, outcome)
"""


def open_conflict(page: Page) -> None:
    """The note of another window was saved in between."""
    page.goto("/notes/")
    page.get_by_role("link", name="Lisbon in May").click()
    with page.context.new_page() as other:
        other.goto(page.url)
        other.locator("#content").fill("Tram 28 before eight.\nTickets are with Grace.")
        other.locator("#state", has_text="Saved").wait_for()
        other.wait_for_selector("#editor:not([data-dirty])")
    page.locator("#content").fill(
        "Tram 28 before eight.\nTickets are in the blue folder, both of them."
    )
    page.locator("#conflict").wait_for()


def open_note(page: Page) -> None:
    page.goto("/notes/")
    page.get_by_role("link", name="Sourdough").click()


def open_path(path: str) -> Callable[[Page], object]:
    return lambda page: page.goto(path, wait_until="networkidle")


# By the name of the picture: how one comes there, and how high it is; None is down to the end.
ADAS = {
    "front": (open_path("/"), None),
    "notes": (open_path("/notes/"), 700),
    "note": (open_note, 700),
    "conflict": (open_conflict, None),
    "api": (open_path("/api/v1/notes/"), None),
}
ADMINS = {
    "pipeline": (open_path("/admin/notes/pipeline/"), 1400),
    "dead-letters": (open_path("/admin/notes/inbox/deadletter/"), 500),
}


def sign_in(context: BrowserContext, account: dict[str, str], path: str) -> None:
    page = context.new_page()
    page.goto(f"/login/?next={path}")
    page.get_by_label("Username").fill(account["username"])
    page.get_by_label("Password").fill(account["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")


def write_notes(context: BrowserContext) -> None:
    """Registers Ada, and writes her notes."""

    def post(path: str, data: dict[str, Any], **headers: str) -> Any:
        answer = context.request.post(path, data=data, headers=headers, fail_on_status_code=True)
        return answer.json()

    post("/api/v1/users/", {**ADA, "email": "ada@example.com"})
    token = post("/api/v1/auth/token/", ADA)["access"]
    for title, content, tags in NOTES:
        note = {"title": title, "content": content, "tags": tags.split(", ")}
        post("/api/v1/notes/", note, Authorization=f"Bearer {token}")


def make_dead_letters(bootstrap_servers: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for value in BROKEN:
        producer.produce(TOPIC, key="not-an-id", value=value)
    producer.flush()


def log_events(notes_database: str) -> None:
    """Half an hour of them, for the plots."""
    with psycopg.connect(notes_database) as connection:
        connection.execute(EVENTS)


def shoot(context: BrowserContext, width: int, pictures: Pictures) -> None:
    for name, (open_page, height) in pictures.items():
        with context.new_page() as page:
            page.set_viewport_size({"width": width, "height": height or 700})
            open_page(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                path = FOLDER / f"{name}-{scheme}.png"
                page.screenshot(path=path, full_page=height is None, animations="disabled")


def take(browser: Browser, stack: Stack) -> None:
    """The pictures of a stack that has just been made."""
    make_dead_letters(stack.kafka.bootstrap_servers)
    log_events(stack.notes_db.url)
    options = {"base_url": stack.gateway_url, "locale": "en-GB"}
    with browser.new_context(**options) as context:
        write_notes(context)
        sign_in(context, ADA, "/notes/")
        shoot(context, 1100, ADAS)
    password = admin.password_file(stack.folder).read_text().strip()
    with browser.new_context(**options) as context:
        sign_in(context, {"username": admin.USERNAME, "password": password}, "/admin/notes/")
        shoot(context, 1400, ADMINS)


def find_chromium() -> str | None:
    """The path of one; that without a window of its own first, which takes a quarter less."""
    programs = ("chromium-headless-shell", "chromium", "google-chrome")
    return next(filter(None, map(shutil.which, programs)), None)


def main() -> None:
    program = find_chromium()
    if not program:
        sys.exit("Screenshots need Chromium: on Debian, apt install chromium-headless-shell.")
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), Ports.free(), durable=False, report=print) as stack,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=["--no-sandbox"]) as browser,
    ):
        take(browser, stack)


if __name__ == "__main__":
    try:
        main()
    except DevstackError as error:
        sys.exit(str(error))
