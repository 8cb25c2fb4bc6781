"""What the tests do on the page: open a view, press what copies or saves, and fill a fake."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import expect

from getimg_mock.redaction import shorten_key

if TYPE_CHECKING:
    from playwright.sync_api import Download, Page

    from getimg_mock import MockServer
    from tests.control.client import Client

VIEWS: Final = ("gallery", "timeline", "clock", "scenarios", "money", "models", "workspaces")

REFUSED: Final = ("the server responded with a status of 400",)
"""What Chromium itself says of a refused command, next to the message of the page."""

STOPPED: Final = ("ERR_",)
"""What Chromium says of a stream whose server stops."""

# Submissions that are on their way at once: the answer to each is read before more are sent.
_BATCH: Final = 50


def show(page: Page, client: Client, view: str) -> None:
    """Open a view of the workspace of a client's key."""
    page.goto(f"{client.url}/__mock__/#{view}")
    expect(page.locator("#connection")).to_have_text("Live")
    # Keys of these tests differ at their end.
    page.locator("#workspace").select_option(label=shorten_key(client.key))
    expect(page.locator("main h1")).to_be_visible()


def confirm(page: Page, verb: str) -> None:
    """Press the button of the open question."""
    page.get_by_role("dialog").get_by_role("button", name=verb).click()


def copied(page: Page, name: str) -> str:
    """Press a button that copies, and return what it copied."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name=name).click()
    # Not the message: that of an earlier copy may still be shown.
    page.wait_for_function("async () => (await navigator.clipboard.readText()) !== ''")
    return str(page.evaluate("navigator.clipboard.readText()"))


def downloaded(page: Page, button: Any) -> bytes:
    """Press a button that saves a file, and return the file."""
    with page.expect_download() as waiting:
        button.click()
    download: Download = waiting.value
    return download.path().read_bytes()


def fill(server: MockServer, key: str, count: int) -> None:
    """Submit many images over one connection, many on their way at once."""
    parts = urlsplit(server.url)
    body = b'{"model": "z-image-turbo", "prompt": "many"}'
    head = (
        f"POST /v2/images/generations HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection = HTTPConnection(parts.netloc, timeout=60)
    connection.connect()
    stream = connection.sock.makefile("rb")
    for done in range(0, count, _BATCH):
        batch = min(_BATCH, count - done)
        connection.sock.sendall((head.encode() + body) * batch)
        for _ in range(batch):
            _read_answer(stream)
    stream.close()
    connection.close()


def _read_answer(stream: Any) -> None:
    status = stream.readline()
    assert b" 200 " in status, status
    length = 0
    for line in iter(stream.readline, b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
