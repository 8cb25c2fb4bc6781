"""What the page at `/__mock__/` is served from: files, selection by id, session, streams."""

from __future__ import annotations

import json
import re
import socket
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from getimg_mock import MockServer
from getimg_mock.cli.serve import judge_client
from getimg_mock.control.page_files import load_page_files
from getimg_mock.redaction import shorten_key
from getimg_mock.world.identities import derive_workspace_id
from tests.control.client import Client

if TYPE_CHECKING:
    from getimg_mock import WorkspaceHandle

HTML = {"accept": "text/html,application/xhtml+xml"}
LARGEST = 150 * 1024


class TestFiles:
    """The files of the page."""

    def test_a_browser_gets_the_page_and_a_program_the_document(self, client: Client) -> None:
        """By `Accept`, as nothing else differs."""
        page = client.request("GET", "/__mock__/", headers=HTML)
        assert page.headers["content-type"].startswith("text/html")
        assert client.get("/__mock__/").json["openapi"] == "3.1.0"

    def test_the_page_is_light_and_fetches_nothing_from_elsewhere(self) -> None:
        """It works offline, and fits into a wheel."""
        files = load_page_files()
        assert sum(len(each.data) for each in files.values()) <= LARGEST
        for path, each in files.items():
            text = each.data.decode()
            text = text.replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://", text), path

    def test_the_policy_allows_no_inline_script(self, client: Client) -> None:
        """So that a string from outside could not run even where it was not escaped."""
        page = client.request("GET", "/__mock__/", headers=HTML)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert b"<style" not in page.body
        assert not re.search(rb"<script(?! type=.module. src=)", page.body)

    def test_without_a_slash_it_is_redirected(self, client: Client) -> None:
        """Its files are addressed relative to it."""
        found = client.request("GET", "/__mock__", headers=HTML)
        assert (found.status, found.headers["location"]) == (307, "__mock__/")

    def test_root_welcomes_browsers_and_stays_a_404_for_programs(self, client: Client) -> None:
        """A client of the API that asks for a wrong path needs the API's error."""
        page = client.request("GET", "/", headers=HTML)
        assert page.status == 200
        assert f"export GETIMG_AI_BASE_URL={client.url}".encode() in page.body
        assert client.get("/").status == 404
        assert client.get("/", accept="application/json").code == "not_found"


class TestSelection:
    """A page has no key: it selects a workspace by its id."""

    def test_an_id_selects_the_workspace_of_its_key(self, client: Client) -> None:
        """In a header, or for a GET in the query."""
        client.image()
        chosen = derive_workspace_id(client.key)
        for path, headers in (
            ("/__mock__/workspace", {"x-mock-workspace": chosen}),
            (f"/__mock__/workspace?workspace={chosen}", {}),
        ):
            found = _ask(client.url, "GET", path, headers)
            assert found["generations"]["completed"] == 1

    def test_an_unknown_id_opens_nothing(self, server: MockServer, client: Client) -> None:
        """Looking must not create workspaces."""
        before = len(list(server.app.fake.store))
        found = _ask(client.url, "GET", "/__mock__/workspace", {"x-mock-workspace": "0" * 16})
        assert found["error"]["code"] == "unknown_workspace"
        assert len(list(server.app.fake.store)) == before

    def test_a_change_by_query_is_refused(self, client: Client) -> None:
        """Only a header, which other pages cannot send unasked, may select for a change."""
        client.image()
        chosen = derive_workspace_id(client.key)
        found = _ask(client.url, "POST", f"/__mock__/reset?workspace={chosen}", {})
        assert found["error"]["code"] == "invalid_api_key"

    @pytest.mark.parametrize(
        ("key", "shown"),
        [
            ("sk_a_real_key_of_32_characters__1", "sk_...s__1"),
            ("sk_cli_5", "sk_..._5"),
            ("sk_a", "sk_..."),
        ],
    )
    def test_keys_are_shortened(self, key: str, shown: str) -> None:
        """Told apart, and never shown whole."""
        assert shorten_key(key) == shown
        assert key not in shorten_key(key)


class TestWorkspaces:
    """`GET /__mock__/workspaces`."""

    def test_lists_all_without_their_keys(self, client: Client) -> None:
        """It needs no key, and shows none."""
        client.image()
        listed = _ask(client.url, "GET", "/__mock__/workspaces", {})
        own = next(e for e in listed["workspaces"] if e["id"] == derive_workspace_id(client.key))
        assert own["exchanges"] == 1
        assert client.key not in json.dumps(listed)

    def test_shows_requests_that_reached_none(self, client: Client) -> None:
        """A wrong key is the commonest reason for an empty page."""
        Client(client.url, "not_a_key").get("/v2/models")
        last = _ask(client.url, "GET", "/__mock__/workspaces", {})["unassigned"][-1]
        assert (last["path"], last["status"]) == ("/v2/models", 401)
        assert last["error"]["code"] == "invalid_api_key"
        assert last["authorization"].startswith("Bearer not")
        assert "not_a_key" not in last["authorization"]


class TestViews:
    """What the views are made from."""

    def test_generations_are_paged(self, ws: WorkspaceHandle, client: Client) -> None:
        """The newest first: `skip` leaves out so many of them."""
        for number in range(5):
            client.image(prompt=f"picture {number}")
        told = _call(ws, "GET", "/generations", last=2, skip=1)
        assert told["total"] == 5
        assert [each["prompt"] for each in told["generations"]] == ["picture 2", "picture 3"]

    def test_files_and_thumbnails_are_no_downloads(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """Looking at a picture leaves no trace in the journal."""
        made = client.image().json["id"]
        before = ws.journal.count()
        small = _call(ws, "GET", f"/generations/{made}/thumbnail")
        whole = _call(ws, "GET", f"/generations/{made}/file")
        assert small[:4] == b"RIFF"
        assert len(small) < 20_000
        link = ws.generations[made].as_json()["link"]
        assert ws.journal.count() == before
        assert client.get(link).body == whole

    def test_a_thumbnail_is_made_once_within_the_budget_of_media(
        self, server: MockServer, ws: WorkspaceHandle, client: Client
    ) -> None:
        """Nothing is drawn before it is looked at; ten thousand do not fill the memory."""
        cache = server.app.fake.cache
        made = client.image(prompt="drawn once").json["id"]
        before = cache.size
        first = _call(ws, "GET", f"/generations/{made}/thumbnail")
        assert cache.size == before + len(first)
        assert _call(ws, "GET", f"/generations/{made}/thumbnail") == first
        assert cache.size == before + len(first) <= cache.budget

    def test_a_pending_generation_has_no_file(self, ws: WorkspaceHandle, client: Client) -> None:
        """Said in words, not as a broken picture."""
        made = client.video()
        with pytest.raises(Exception, match="is pending: only completed ones have a file"):
            _call(ws, "GET", f"/generations/{made}/file")

    def test_the_timeline_has_steps_and_twins(self, ws: WorkspaceHandle, client: Client) -> None:
        """Submissions that were paid twice name each other; commands are where they happened."""
        client.image()
        client.image()
        ws.clock.advance(minutes=3)
        ws.ledger.top_up("5")
        told = _call(ws, "GET", "/journal/timeline")
        first, second = told["exchanges"]
        assert (first["paid_before"], first["paid_again"]) == (None, 2)
        assert (second["paid_before"], second["paid_again"]) == (1, None)
        assert [each["command"] for each in told["steps"]] == ["clock.advance", "ledger.top_up"]
        assert told["steps"][0]["ended_at"] > told["steps"][0]["at"]

    def test_a_retry_is_found_however_far_it_is_from_the_first(
        self, ws: WorkspaceHandle, client: Client
    ) -> None:
        """The page shows a hundred lines; the one that was paid before may not be among them."""
        client.image()
        ws.scenarios.add(status=503, on="images.generate", times=1)
        client.image()
        client.image(prompt="another")
        client.image()
        told = _call(ws, "GET", "/journal/timeline", last=2)
        assert [each["paid_before"] for each in told["exchanges"]] == [None, 1]

    def test_steps_hold_no_keys(self, ws: WorkspaceHandle) -> None:
        """A fork names another key, and so may a rule."""
        ws.fork("sk_the_copy_of_a_secret")
        ws.scenarios.add(status=500, key="sk_the_copy_of_a_secret")
        assert "sk_the_copy_of_a_secret" not in json.dumps(_call(ws, "GET", "/journal/timeline"))

    def test_costs_are_told_by_day(self, ws: WorkspaceHandle, client: Client) -> None:
        """Charges of a day, in US dollars."""
        client.image()
        ((_, cost),) = _call(ws, "GET", "/ledger")["costs"].items()
        assert cost == "0.04"


class TestRequests:
    """`POST /__mock__/requests`: a request as the client of the workspace."""

    def test_is_charged_and_recorded(self, client: Client) -> None:
        """It is a request like any other."""
        body = {"model": "seedream-5-lite", "prompt": "A heron"}
        sent = {"method": "POST", "path": "/v2/images/generations", "body": body}
        told = client.post("/__mock__/requests", sent).json
        assert (told["status"], told["json"]["status"]) == (200, "completed")
        assert told["json"]["data"][0]["url"].startswith(client.url)
        assert client.get("/__mock__/journal/count").json["count"] == 1

    @pytest.mark.parametrize("path", ["/__mock__/reset", "http://example.com/", "v2/models", ""])
    def test_reaches_the_api_alone(self, client: Client, path: str) -> None:
        """Neither the controls nor another host."""
        told = client.post("/__mock__/requests", {"method": "POST", "path": path})
        assert told.code == "invalid_value"


class TestVerdict:
    """`GET /__mock__/verdict`."""

    def test_is_given_where_the_contract_is(self) -> None:
        """A double charge is named with its exchanges."""
        with MockServer() as server:
            server.app.judge = judge_client
            client = Client(server.url, "sk_verdict")
            server.workspace("sk_verdict").scenarios.add("lost-response")
            with pytest.raises(OSError, match=r"closed|reset"):
                client.image()
            client.image()
            told = client.get("/__mock__/verdict").json
            broken = {each["check"]: each["exchanges"] for each in told["findings"]}
            assert broken["GC402"] == [1, 2]

    def test_elsewhere_it_is_said_who_gives_one(self, client: Client) -> None:
        """Not a failure of the client."""
        told = client.get("/__mock__/verdict").json
        assert told["judged"] == 0
        assert "verify_client" in told["reason"]


class TestSession:
    """The control token as a cookie."""

    @pytest.fixture
    def guarded(self) -> Any:
        """Run a fake that asks for a token."""
        with MockServer(control_token="a secret token") as server:
            yield server.url

    def test_a_token_is_exchanged_for_a_cookie(self, guarded: str) -> None:
        """The cookie opens the controls; it is out of reach of scripts and other sites."""
        client = Client(guarded, "sk_session")
        assert client.get("/__mock__/workspaces").code == "token_required"
        given = client.post("/__mock__/session", {"token": "a secret token"})
        cookie = given.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "secret" not in cookie
        name = cookie.partition(";")[0]
        assert client.get("/__mock__/workspaces", cookie=name).status == 200
        assert client.get("/__mock__/workspaces", cookie=name[:-1]).status == 401

    @pytest.mark.parametrize("token", ["wrong", "", None, 7])
    def test_another_token_is_refused(self, guarded: str, token: Any) -> None:
        """And sets no cookie."""
        found = Client(guarded, "sk_session").post("/__mock__/session", {"token": token})
        assert found.status == 401
        assert "set-cookie" not in found.headers

    def test_the_page_itself_needs_none(self, guarded: str) -> None:
        """It has nothing to hide, and must ask for the token."""
        found = Client(guarded, "sk_session").request("GET", "/__mock__/", headers=HTML)
        assert found.status == 200


class TestChanges:
    """`GET /__mock__/changes`."""

    def test_tells_at_once_and_after_a_change(self, client: Client, server: MockServer) -> None:
        """One event each, with the summary of the workspace."""
        server.workspace(client.key).summary()
        chosen = derive_workspace_id(client.key)
        parts = urlsplit(client.url)
        with socket.create_connection((parts.hostname or "", parts.port or 80), 30) as raw:
            target = f"/__mock__/changes?workspace={chosen}"
            raw.sendall(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
            stream = raw.makefile("rb")
            assert _next_event(stream)["workspace"]["balance"] == "100"
            client.image()
            assert _next_event(stream)["workspace"]["balance"] == "99.96"
            server.workspace(client.key).scenarios.add("flaky")
            assert _next_event(stream)["workspace"]["rules"] > 0

    def test_no_key_is_logged_or_sent_to_the_page(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Neither by requests of the page nor by those of the client that it shows."""
        with MockServer(quiet=False) as server:
            key = "sk_a_secret_that_is_never_shown_9f3a"
            Client(server.url, key).image()
            told = _ask(server.url, "GET", "/__mock__/workspaces", {})
            page = told["workspaces"][0]["id"]
            shown = [told, _ask(server.url, "GET", f"/__mock__/journal?workspace={page}", {})]
            shown.append(_ask(server.url, "GET", f"/__mock__/snapshot?workspace={page}", {}))
        logged = capfd.readouterr()
        assert "POST /v2/images/generations" in logged.out + logged.err
        assert key not in logged.out + logged.err + json.dumps(shown)

    def test_another_pages_stream_is_refused(self, client: Client) -> None:
        """An `EventSource` of another site names its origin."""
        found = client.get("/__mock__/changes", origin="http://evil.example")
        assert (found.status, found.code) == (403, "foreign_origin")


def _next_event(stream: Any) -> Any:
    for line in stream:
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))
    raise AssertionError("the stream ended")


def _call(ws: WorkspaceHandle, method: str, path: str, **values: Any) -> Any:
    return ws._channel.call(method, path, values)


def _ask(url: str, method: str, path: str, headers: dict[str, str]) -> Any:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
