"""GET /v2/downloads/{id}/{index}?exp&sig: a link that is good, altered, unknown or expired."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from getimg_mock import schemas
from tests.api.driver import START, Driver

DAY = 86400
SMALL = {"model": "z-image-turbo", "resolution": "1K"}


@pytest.fixture
def api() -> Driver:
    """Return a fake with the default settings."""
    return Driver.of(video_seconds=0)


@pytest.fixture
def url(api: Driver) -> str:
    """Return the link of a finished picture."""
    link: str = api.image(**SMALL).json["data"][0]["url"]
    return link


def test_the_link_has_the_documented_form(api: Driver) -> None:
    """Documented: same host, id, item, `exp` in unix seconds and a hexadecimal `sig`."""
    body = api.image(**SMALL).json
    parts = urlsplit(body["data"][0]["url"])
    query = parse_qs(parts.query)
    assert parts.path == f"/v2/downloads/{body['id']}/0"
    assert list(query) == ["exp", "sig"]
    assert re.fullmatch("[0-9a-f]{64}", query["sig"][0])


def test_the_link_expires_when_the_file_is_deleted(api: Driver) -> None:
    """Inferred: `exp` is `deletes_at`, which is written in UTC with milliseconds and Z."""
    item = api.image(**SMALL).json["data"][0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", item["deletes_at"])
    deletes_at = datetime.fromisoformat(item["deletes_at"])
    assert parse_qs(urlsplit(item["url"]).query)["exp"] == [str(int(deletes_at.timestamp()))]
    assert deletes_at == START + timedelta(seconds=DAY)


def test_the_link_needs_no_key(api: Driver, url: str) -> None:
    """Documented; a key that is sent does not matter, not even a wrong one."""
    assert api.request("GET", url.removeprefix("http://testserver"), key=None).status == 200
    assert api.request("GET", url.removeprefix("http://testserver"), key="nonsense").status == 200


@pytest.mark.parametrize("moment", [START, START + timedelta(milliseconds=1, microseconds=1)])
def test_the_link_works_until_the_last_millisecond(moment: datetime) -> None:
    """Good one millisecond before `deletes_at`, gone at it."""
    api = Driver.of(start=moment)
    item = api.image(**SMALL).json["data"][0]
    deletes_at = datetime.fromisoformat(item["deletes_at"])
    clock = api.workspace().clock
    clock.advance_to(deletes_at - timedelta(milliseconds=1))
    assert api.download(item["url"]).status == 200
    clock.advance_to(deletes_at)
    reply = api.download(item["url"])
    assert (reply.status, reply.error["code"]) == (410, "url_expired")
    assert schemas.violations("error", reply.json) == []


@pytest.mark.parametrize("retention", [0, 0.001, 1, 1.5, 3600, 10**9])
def test_the_retention_is_a_setting(retention: float) -> None:
    """`--retention`: no file goes before its time, and none stays a second longer."""
    api = Driver.of(start=START + timedelta(milliseconds=250), retention=retention)
    deletes_at = datetime.fromisoformat(api.image(**SMALL).json["data"][0]["deletes_at"])
    kept = (deletes_at - START).total_seconds() - 0.25
    assert retention <= kept < retention + 1


def test_the_file_of_a_video_lives_from_its_completion(api: Driver) -> None:
    """Time in the queue does not count against the retention."""
    slow = Driver.of(video_seconds=1000)
    video_id = slow.video().json["id"]
    slow.advance(5000)
    deletes_at = datetime.fromisoformat(slow.poll(video_id).json["data"][0]["deletes_at"])
    assert deletes_at == START + timedelta(seconds=1000 + DAY)
    assert api.poll(api.video().json["id"]).json["data"][0]["deletes_at"] < deletes_at.isoformat()


def _altered(url: str, change: str) -> str:
    exp, sig = re.findall(r"exp=(\d+)&sig=([0-9a-f]+)", url)[0]
    base = url.partition("?")[0]
    return {
        "another signature": f"{base}?exp={exp}&sig={'0' * 64}",
        "last digit": f"{base}?exp={exp}&sig={sig[:-1]}{'0' if sig[-1] != '0' else '1'}",
        "cut off": f"{base}?exp={exp}&sig={sig[:-1]}",
        "longer": f"{base}?exp={exp}&sig={sig}0",
        "capitals": f"{base}?exp={exp}&sig={sig.upper()}",
        "no signature": f"{base}?exp={exp}",
        "empty signature": f"{base}?exp={exp}&sig=",
        "later": f"{base}?exp={int(exp) + 1}&sig={sig}",
        "much later": f"{base}?exp={10**14}&sig={sig}",
        "leading zero": f"{base}?exp=0{exp}&sig={sig}",
        "other digits": f"{base}?exp={''.join(chr(0x630 + ord(digit)) for digit in exp)}",
        "plus": f"{base}?exp=%2B{exp}&sig={sig}",
        "endless": f"{base}?exp={'9' * 5000}&sig={sig}",
        "no expiry": f"{base}?sig={sig}",
        "nothing": base,
        "no text": f"{base}?exp={exp}&sig=%ff%00%ed%a0%80",
        "twice, wrong first": f"{base}?exp={exp}&sig=00&sig={sig}",
    }[change]


@pytest.mark.parametrize(
    "change",
    [
        "another signature",
        "last digit",
        "cut off",
        "longer",
        "capitals",
        "no signature",
        "empty signature",
        "later",
        "much later",
        "leading zero",
        "other digits",
        "plus",
        "endless",
        "no expiry",
        "nothing",
        "no text",
        "twice, wrong first",
    ],
)
def test_an_altered_link_gets_no_bytes(api: Driver, url: str, change: str) -> None:
    """Our choice: 403 `invalid_signature`, whatever was altered."""
    reply = api.download(_altered(url, change))
    assert (reply.status, reply.error["code"]) == (403, "invalid_signature")
    assert schemas.violations("error", reply.json) == []


@pytest.mark.parametrize(
    "index", ["1", "00", "-1", "x", "+0", "0.0", "\N{ARABIC-INDIC DIGIT ZERO}", "9" * 5000, "%30"]
)
def test_there_is_no_other_item(api: Driver, url: str, index: str) -> None:
    """A generation has one item; 404 is our choice."""
    reply = api.download(url.replace("/0?", f"/{index}?"))
    assert (reply.status, reply.error["code"]) == (404, "not_found")


def test_the_link_of_one_generation_does_not_open_another(api: Driver, url: str) -> None:
    """The signature covers the id."""
    body = api.image(**SMALL).json
    own = re.findall(r"req-[0-9A-Z]+", url)[0]
    assert api.download(url.replace(own, body["id"])).status == 403


def test_the_same_id_in_another_workspace_is_signed_otherwise() -> None:
    """Each workspace signs with a key of its own: one seed gives every key other links."""
    one, other = Driver.of(), Driver.of()
    mine = one.image(**SMALL).json["data"][0]["url"]
    other.key = "sk_other"
    theirs = other.post("/v2/images/generations", {"prompt": "x"} | SMALL, key="sk_other").json
    assert one.download(theirs["data"][0]["url"]).status == 404
    assert other.download(mine).status == 404


def test_an_unfinished_video_has_no_file() -> None:
    """Whoever guesses the link before the end finds nothing there."""
    api = Driver.of(video_seconds=10)
    video_id = api.video().json["id"]
    workspace = api.workspace()
    expires = int((START + timedelta(seconds=10 + DAY)).timestamp())
    guess = f"/v2/downloads/{video_id}/0?exp={expires}"
    link = f"{guess}&sig={workspace.sign_link(video_id, 0, expires)}"
    assert api.download(link).status == 404
    api.advance(10)
    assert api.poll(video_id).json["data"][0]["url"] == f"http://testserver{link}"


def test_a_failed_video_has_no_file() -> None:
    """404, as for what never was."""
    api = Driver.of(video_seconds=0, fail_rate=1)
    video_id = api.video().json["id"]
    expires = int((START + timedelta(seconds=DAY)).timestamp())
    signature = api.workspace().sign_link(video_id, 0, expires)
    assert api.download(f"/v2/downloads/{video_id}/0?exp={expires}&sig={signature}").status == 404


def test_the_statuses_are_settings() -> None:
    """What getimg.ai answers is unknown: whoever knows better can say so."""
    api = Driver.of(tampered_status=401, expired_status=403, unknown_download_status=410)
    url = api.image(**SMALL).json["data"][0]["url"]
    assert api.download(url + "0").status == 401
    assert api.download("/v2/downloads/req-01NOTHING/0?exp=1&sig=00").status == 410
    api.advance(2 * DAY)
    assert api.download(url).status == 403


def test_an_expired_link_with_a_wrong_signature_tells_nothing_of_its_expiry(
    api: Driver, url: str
) -> None:
    """Signature first: what is not signed is not judged further."""
    api.advance(2 * DAY)
    assert api.download(url + "0").status == 403


def test_a_download_is_a_read(api: Driver, url: str) -> None:
    """It costs nothing, counts nowhere and carries no rate-limit header."""
    before = api.books()
    reply = api.download(url)
    assert reply.status == 200
    assert reply.header("x-ratelimit-limit") is None
    assert api.books() == before


def test_the_file_is_named_after_its_generation(api: Driver, url: str) -> None:
    """A browser and `curl -OJ` save it under a name with the right ending."""
    generation = re.findall(r"req-[0-9A-Z]+", url)[0]
    reply = api.download(url)
    assert reply.header("content-disposition") == f'inline; filename="{generation}.jpg"'
    assert reply.header("content-type") == "image/jpeg"
    assert reply.header("content-length") == str(len(reply.body))


def test_the_same_link_gives_the_same_bytes(api: Driver, url: str) -> None:
    """Deterministic: a second fake with the same seed makes the same link and the same file."""
    other = Driver.of()
    same = other.image(**SMALL).json["data"][0]["url"]
    assert same == url
    assert api.download(url).body == api.download(url).body == other.download(url).body


def test_head_says_everything_but_the_bytes(api: Driver, url: str) -> None:
    """HTTP's rule for HEAD; a wrong link is told by its status."""
    get, head = api.download(url), api.download(url, method="HEAD")
    assert (head.status, head.body, head.headers) == (200, b"", get.headers)
    assert api.download(url + "0", method="HEAD").status == 403


def test_dates_on_the_file_are_those_of_the_workspaces_clock(api: Driver, url: str) -> None:
    """`Date` and `Last-Modified` belong to one time, which a test can move."""
    api.advance(60)
    reply = api.download(url)
    assert reply.header("last-modified") == "Tue, 01 Sep 2026 12:00:00 GMT"
    assert reply.header("date") == "Tue, 01 Sep 2026 12:01:00 GMT"
    assert START.tzinfo is UTC
