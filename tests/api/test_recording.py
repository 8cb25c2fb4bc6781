"""What the journal says of each exchange, and what it must never say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.in_process.exchange import InProcessExchange, Request
from getimg_mock.setting_values import Span
from getimg_mock.world.journal import MAX_BODY
from getimg_mock.world.snapshots import restore_workspace, take_snapshot
from tests.api.driver import IMAGE, KEY, START, VIDEO, Driver, Impatient

if TYPE_CHECKING:
    from getimg_mock.world.journal import Exchange as JournalExchange

SECRET = "sk_a_long_and_secret_key"


@dataclass
class Crowd(Driver):
    """Many clients of one fake at once: each is stepped until it waits for the clock."""

    waiting: list[InProcessExchange] = field(default_factory=list)

    def step(self) -> None:
        """Let everybody go on who can."""
        self.waiting = [each for each in self.waiting if not each.resume()]

    def begin(self, **fields: Any) -> None:
        """Ask for a picture; the answer may come later."""
        headers = [
            (b"authorization", f"Bearer {self.key}".encode()),
            (b"content-type", b"application/json"),
        ]
        body = json.dumps(IMAGE | fields).encode()
        target = b"/v2/images/generations"
        request = Request("POST", "http", "127.0.0.1", 4010, target, headers, body)
        self.waiting.append(InProcessExchange(self.app, request, Impatient()))
        self.step()

    @property
    def exchanges(self) -> list[JournalExchange]:
        """What the journal has."""
        return list(self.workspace().journal)


def crowd(**values: Any) -> Crowd:
    """Return a crowd at a new fake with these settings."""
    return Crowd(Driver.of(**values).app)


def what(exchange: JournalExchange) -> list[str]:
    """Return the effects of an exchange by name."""
    return [effect.what for effect in exchange.effects]


# Effects ----------------------------------------------------------------------------------------


def test_each_exchange_has_its_own_effects() -> None:
    """A picture is made, held and charged; reading changes nothing."""
    api = Driver.of(video_seconds=30)
    api.image()
    video = api.video().json["id"]
    api.balance()
    api.advance(30)
    api.balance()
    api.poll(video)
    api.poll(video)
    assert [(each.operation, what(each)) for each in api.workspace().journal] == [
        ("images.generate", ["generation", "hold", "charge"]),
        ("videos.create", ["generation", "hold"]),
        ("billing.balance", []),
        ("billing.balance", []),
        ("videos.retrieve", ["charge"]),
        ("videos.retrieve", []),
    ]


def test_a_refused_exchange_has_no_effects() -> None:
    """Neither money nor a generation."""
    api = Driver.of(balance=0)
    api.image()
    api.image(resolution="64K")
    assert [(each.status, each.effects, each.generation) for each in api.workspace().journal] == [
        (402, (), None),
        (400, (), None),
    ]


def test_a_failed_picture_shows_hold_and_release() -> None:
    """On its own exchange, which is the refusal."""
    api = Driver.of()
    api.image(prompt="A bird mock:fail=content_policy_violation")
    (exchange,) = api.workspace().journal
    assert (exchange.status, what(exchange)) == (422, ["generation", "hold", "release"])


@given(times=st.lists(st.integers(1, 50), min_size=1, max_size=8), crossing=st.booleans())
def test_pictures_that_take_their_time_keep_their_effects_apart(
    *, times: list[int], crossing: bool
) -> None:
    """Several requests at once, in whatever order they end, and others that look meanwhile."""
    api = crowd(balance=1000)
    for number, seconds in enumerate(times):
        api.begin(prompt=f"{number} mock:seconds={seconds}")
    assert api.exchanges == []
    while api.waiting:
        api.workspace().advance_to_next_event()
        if crossing:
            api.get("/v2/billing/balance")
        api.step()
    made = [each for each in api.exchanges if each.operation == "images.generate"]
    assert len(made) == len(times)
    for exchange in made:
        assert what(exchange) == ["generation", "hold", "charge"]
        assert {effect.generation for effect in exchange.effects} == {exchange.generation}
        number, _, seconds = json.loads(exchange.request_body)["prompt"].partition(" mock:seconds=")
        charged = exchange.effects[-1]
        assert charged.at == START + timedelta(seconds=int(seconds)), number
    others = [each for each in api.exchanges if each.operation != "images.generate"]
    assert all(each.effects == () for each in others)
    ledger = [entry for entry in api.workspace().ledger.entries if entry.what != "credit"]
    told = [effect for each in made for effect in each.effects if effect.amount is not None]
    assert sorted(told, key=repr) == sorted(ledger, key=repr)


def test_the_time_of_an_exchange_is_when_the_request_came() -> None:
    """And the journal is in the order of the answers."""
    api = crowd()
    api.begin(prompt="mock:seconds=60")
    api.workspace().advance(20)
    api.get("/v2/models")
    api.workspace().advance(40)
    api.step()
    assert [(each.operation, each.at - START) for each in api.exchanges] == [
        ("models.list", timedelta(seconds=20)),
        ("images.generate", timedelta(0)),
    ]
    assert [each.number for each in api.exchanges] == [1, 2]


def test_what_belongs_to_nobody_is_in_the_fakes_own_journal() -> None:
    """Requests without a right key, unknown paths and links."""
    api = Driver.of()
    api.get("/v2/models", key=None)
    api.get("/v2/models", key="no key")
    api.get("/v3/models")
    api.download("http://testserver/v2/downloads/req-none/0?exp=1&sig=2")
    api.get("/v2/models")
    assert [each.status for each in api.app.fake.journal] == [401, 401, 404, 404]
    assert [each.status for each in api.workspace().journal] == [200]


def test_a_download_is_in_the_journal_of_its_workspace() -> None:
    """It needs no key, but it has an owner."""
    api = Driver.of()
    made = api.image(output_format="png").json
    api.download(made["data"][0]["url"])
    exchange = list(api.workspace().journal)[-1]
    assert (exchange.operation, exchange.generation) == ("downloads.retrieve", made["id"])
    assert (len(exchange.body), exchange.size > MAX_BODY) == (MAX_BODY, True)


# Bodies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [MAX_BODY - 1, MAX_BODY, MAX_BODY + 1, 10 * MAX_BODY])
def test_bodies_are_cut_and_their_size_is_told(size: int) -> None:
    """A reference of 10 MiB must not fill the journal."""
    api = Driver.of()
    api.request("POST", "/v2/images/generations", body=b" " * size)
    (exchange,) = api.workspace().journal
    assert (len(exchange.request_body), exchange.request_size) == (min(size, MAX_BODY), size)
    assert exchange.as_json()["request"]["size"] == size


@pytest.mark.parametrize(
    "sent",
    [
        {"method": "POST", "target": "/v2/images/generations", "body": b"x" * 10 * MAX_BODY},
        {"method": "GET", "target": "/v2/models", "headers": [("x-long", "x" * MAX_BODY)]},
        {"method": "GET", "target": "/v2/models?" + "x" * MAX_BODY},
    ],
    ids=["body", "header", "query"],
)
def test_the_journal_is_bounded_in_bytes(sent: dict[str, Any]) -> None:
    """Whatever is large about the requests: of 64 KiB each, a MiB holds sixteen."""
    api = Driver.of(journal_mib=1)
    for _ in range(40):
        api.request(**sent)
    kept = [each.number for each in api.workspace().journal]
    assert 12 <= len(kept) <= 16
    assert kept[-1] == 40


# Keys -------------------------------------------------------------------------------------------


def artefacts(api: Driver, key: str) -> str:
    """Return everything that is kept of exchanges, and what may be exported."""
    world = api.app.fake.store.get_or_create(key)
    journals = [*world.journal, *api.app.fake.journal]
    shown = [each.as_json() for each in journals]
    return json.dumps(shown) + repr(journals) + json.dumps(take_snapshot(world))


@pytest.mark.parametrize(
    "request_",
    [
        {"target": "/v2/models"},
        {"target": f"/v2/models?api_key={SECRET}"},
        {"target": f"/v2/models/{SECRET}"},
        {"target": f"/v2/{SECRET}"},
        {"target": "/v2/models", "headers": [("x-api-key", SECRET)]},
        {"target": "/v2/models", "headers": [("cookie", f"key={SECRET}")]},
        {"target": "/v2/models", "headers": [("proxy-authorization", f"Basic {SECRET}")]},
        {"target": "/v2/models", "headers": [("referer", f"https://x/?k={SECRET}")]},
        {"target": "/v2/models", "headers": [(f"x-{SECRET}", "1")]},
        {"target": "/v2/models", "headers": [("authorization", f"bearer   {SECRET}")]},
        {"target": "/v2/models", "headers": [("authorization", SECRET)]},
        {"target": "/v2/models", "headers": [("authorization", f"Basic {SECRET}")]},
        {"target": "/v2/models", "headers": [("authorization", f"Bearer {SECRET} x")]},
        {"target": "/v2/models", "headers": [("authorization", f"Bearer Bearer {SECRET}")]},
    ],
    ids=str,
)
def test_the_key_of_a_request_is_nowhere(request_: dict[str, Any]) -> None:
    """Wherever the client wrote it: journals are attached to bug reports."""
    api = Driver.of()
    api.get(**({"key": SECRET} | request_))
    assert SECRET not in artefacts(api, SECRET)


@pytest.mark.parametrize("prompt", [SECRET, f"My key is {SECRET}!", "x" * (MAX_BODY - 60) + SECRET])
@pytest.mark.parametrize("extra", [0, 3, 9, 20])
def test_the_key_is_in_no_body_either(prompt: str, extra: int) -> None:
    """Nor a part of it where the body is cut."""
    api = Driver.of()
    body = {"model": "x", "prompt": prompt[: -extra or None] + "!" + SECRET}
    api.post("/v2/images/generations", body, key=SECRET)
    (exchange,) = api.app.fake.store.get_or_create(SECRET).journal
    assert SECRET.encode() not in exchange.request_body
    assert SECRET not in artefacts(api, SECRET).replace(json.dumps(prompt), "")
    assert not exchange.request_body.endswith(SECRET[:8].encode())


def test_a_key_with_a_mistake_is_not_told_back_to_the_journal() -> None:
    """The hint to whoever sent it names it; the record does not."""
    api = Driver.of()
    reply = api.get("/v2/models", key="sk_mock_brokee")
    assert "sk_mock_brokee" in str(reply.header("x-mock-hint"))
    (exchange,) = api.app.fake.journal
    assert "sk_mock_brokee" not in json.dumps(exchange.as_json()) + repr(exchange)


def test_enough_of_a_key_stays_to_tell_it_from_others() -> None:
    """Its last four letters, where it is long."""
    api = Driver.of()
    api.get(f"/v2/models?key={SECRET}", key=SECRET)
    api.get("/v2/models", key="sk_tiny")
    kept = [
        dict(exchange.request_headers)[b"authorization"]
        for key in (SECRET, "sk_tiny")
        for exchange in api.app.fake.store.get_or_create(key).journal
    ]
    assert kept == [b"Bearer sk_..._key", b"Bearer sk_..."]
    (exchange,) = api.app.fake.store.get_or_create(SECRET).journal
    assert exchange.query == "key=sk_..."


# Rules ------------------------------------------------------------------------------------------


def test_an_exchange_names_the_rules_that_acted_on_it() -> None:
    """The strongest first; a rule that had no say is not among them."""
    api = Driver.of()
    world = api.workspace()
    for rule in ({"oddity": "nulls"}, {"error": "not_found"}, {"error": "rate_limit"}):
        world.scenarios.add(rule, START)
    api.get("/v2/models")
    (exchange,) = world.journal
    assert exchange.rules == ("rule-3", "rule-1")
    assert exchange.fault == "429 rate_limit"


def test_a_poll_can_be_chosen_by_what_its_video_is() -> None:
    """Model, prompt and state of the generation, although the request has neither."""
    api = Driver.of(video_seconds=30)
    one = api.video(prompt="A red kite").json["id"]
    other = api.video(prompt="A heron").json["id"]
    rule = {"on": "videos.retrieve", "prompt": "kite", "model": "seedance-*", "state": "completed"}
    api.workspace().scenarios.add({**rule, "error": "server_error"}, START)
    assert [api.poll(each).status for each in (one, other)] == [200, 200]
    api.advance(30)
    assert [api.poll(each).status for each in (one, other)] == [500, 200]


def test_the_driver_of_these_tests_has_the_usual_key() -> None:
    """Or its journals would be somebody else's."""
    api = Driver.of()
    api.post("/v2/videos/generations", VIDEO)
    assert len(api.workspace(KEY).journal) == 1


def test_a_link_belongs_to_the_workspace_that_signed_it() -> None:
    """A fork has the same generations: rules and journal of the other must not be touched."""
    api = Driver.of()
    made = api.image(model="z-image-turbo").json
    world = api.workspace()
    fork = restore_workspace("sk_fork", take_snapshot(world), world.settings)
    fork = api.app.fake.store.replace(fork)
    # The one that was used last comes first where the store looks.
    for first in (KEY, "sk_fork"):
        api.workspace(first)
    fork.scenarios.add({"on": "downloads.retrieve", "error": "server_error"}, START)
    expires = int((START + timedelta(days=1)).timestamp())
    signed = fork.sign_link(made["id"], 0, expires)
    theirs = f"/v2/downloads/{made['id']}/0?exp={expires}&sig={signed}"
    assert api.download(made["data"][0]["url"]).status == 200
    assert api.download(theirs).status == 500
    assert api.download(theirs.replace("sig=", "sig=0")).status == 403
    assert [each.operation for each in fork.journal] == ["downloads.retrieve"]
    assert len(world.journal) == 3


def test_settings_that_change_are_in_force_for_what_comes() -> None:
    """The share of failures, too, which is looked up with every video."""
    api = Driver.of(video_seconds=0)
    world = api.workspace()
    world.settings = replace(world.settings, fail_rate=1, video_seconds=Span(5, 5))
    one = world.generations[api.video().json["id"]]
    assert one.transition.seconds == 5
    assert one.transition.failure is not None
