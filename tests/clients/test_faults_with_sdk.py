"""Faults as the official SDK meets them, with its retries off and on."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import getimg
import httpx
import pytest
from getimg import GetimgAI
from getimg._base_client import SyncAPIClient

from getimg_mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from getimg_mock.world.journal import Exchange

NUMBERS = count(1)
OPERATIONS = ("images.generate", "videos.create", "videos.retrieve", "downloads.retrieve")
RETRIES = 5  # the SDK's default
IMPATIENT = 0.2  # seconds, where only a timeout ends the wait

# The exception that a fault gives where nothing is tried again.
RAISED: dict[str, type[Exception]] = {
    "html": getimg.InternalServerError,
    "hang": getimg.APITimeoutError,
    "hang_body": getimg.APITimeoutError,
    "reset": getimg.APIConnectionError,
    "close": getimg.APIConnectionError,
    "truncate": getimg.APIConnectionError,
    "wrong_length": getimg.APIConnectionError,
    # This one the SDK neither wraps nor tries again.
    "malformed_json": json.JSONDecodeError,
}
HAPPEN = [
    (operation, fault)
    for operation in OPERATIONS
    for fault in RAISED
    if (operation, fault) != ("downloads.retrieve", "malformed_json")
]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """Return a fake that all tests here share, each with a key of its own."""
    with MockServer(video_seconds=0, balance=10) as started:
        yield started


@pytest.fixture(scope="module")
def pool() -> Iterator[httpx.Client]:
    """Return connections for all tests: to make such a client takes longer than most tests."""
    with httpx.Client() as client:
        yield client


class Program:
    """A program that uses the SDK, and has a video and a picture before anything goes wrong."""

    def __init__(self, server: MockServer, pool: httpx.Client) -> None:
        self.key = f"sk_faults_with_sdk_{next(NUMBERS)}"
        self.world = server.app.fake.store.get_or_create(self.key)
        self.world.clock.autojump = True  # its waits cost no time
        self._heard: SimpleQueue[Exchange] = SimpleQueue()
        self.world.journal.subscribe(self._heard.put)
        self._made_of: dict[str, Any] = {
            "base_url": server.url,
            "api_key": self.key,
            "http_client": pool,
            "_strict_response_validation": True,
        }
        client = self.client()
        video = client.videos.generations.create(model="seedance-v1-pro", prompt="Waves")
        image = client.images.generate(model="z-image-turbo", prompt="A lighthouse")
        self.video, self.url = video.id, image.data[0].url
        self.sent("*", 2)

    def client(self, **options: Any) -> GetimgAI:
        """Return the SDK's client, which is in a hurry where it would wait for nothing."""
        faults = {str(rule.behaviour.fault)[:4] for rule in self.world.scenarios}
        hurry = {"timeout": IMPATIENT if "hang" in faults else 20}
        return GetimgAI(**(self._made_of | hurry | options))

    def break_(self, **rule: Any) -> None:
        """Put a rule in force."""
        self.world.scenarios.add(rule, self.world.clock.now())

    def act(self, operation: str, **options: Any) -> Any:
        """Do it with a client of these options, and return what the SDK gives."""
        client = self.client(**options)
        match operation:
            case "images.generate":
                return client.images.generate(model="z-image-turbo", prompt="Another")
            case "videos.create":
                return client.videos.generations.create(model="seedance-v1-pro", prompt="More")
            case "videos.retrieve":
                return client.videos.generations.retrieve(self.video)
            case "downloads.retrieve":
                # The SDK has no word for it, but its own client fetches what it is told to.
                return client.get(self.url, cast_to=httpx.Response)
        raise AssertionError(f"nobody knows how to do {operation}")

    @property
    def hits(self) -> int:
        """How often any rule acted."""
        return sum(rule.hits for rule in self.world.scenarios)

    def sent(self, operation: str, times: int) -> list[Exchange]:
        """Return the next exchanges, of an operation only; the last may only just be recorded."""
        found = [self._heard.get(timeout=20) for _ in range(times)]
        assert all(fnmatchcase(each.operation, operation) for each in found)
        return found

    def cost_of(self, exchange: Exchange) -> Decimal:
        """Return what the generation cost that an exchange made."""
        return self.world.generations[str(exchange.generation)].product.total_cost


@pytest.fixture
def program(server: MockServer, pool: httpx.Client) -> Program:
    """Return a program with a key of its own."""
    return Program(server, pool)


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keep the SDK from sleeping between its tries; return how many retries it had left."""
    left: list[int] = []

    def remember(_: SyncAPIClient, *, retries_taken: int, max_retries: int, **__: Any) -> None:
        left.append(max_retries - retries_taken)

    monkeypatch.setattr(SyncAPIClient, "_sleep_for_retry", remember)
    return left


@pytest.mark.parametrize(("operation", "fault"), HAPPEN)
def test_without_retries_a_fault_is_an_exception(
    program: Program, operation: str, fault: str
) -> None:
    """Of the kind that the SDK has for it, at every point."""
    program.break_(on=operation, fault=fault)
    with pytest.raises(RAISED[fault]):
        program.act(operation, max_retries=0)
    assert program.hits == 1


@pytest.mark.parametrize(("operation", "fault"), HAPPEN)
def test_with_its_retries_the_sdk_survives_what_it_retries(
    program: Program, slept: list[int], operation: str, fault: str
) -> None:
    """Two faults in a row cost two retries, and the third answer is the right one."""
    program.break_(on=operation, fault=fault, first=2)
    if fault == "malformed_json":
        with pytest.raises(RAISED[fault]):
            program.act(operation)
        assert (program.hits, slept) == (1, [])
    else:
        assert program.act(operation) is not None
        assert (program.hits, slept) == (2, [RETRIES, RETRIES - 1])


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (operation, fault)
        for operation in OPERATIONS
        for fault in ("drip", "wrong_type")
        if (operation, fault) != ("videos.retrieve", "wrong_type")
    ],
)
def test_the_sdk_puts_up_with_a_slow_answer_and_a_wrong_type(
    program: Program, operation: str, fault: str
) -> None:
    """It reads whatever is JSON, whatever it is called."""
    program.break_(on=operation, fault=fault)
    assert program.act(operation, max_retries=0) is not None
    assert program.hits == 1


def test_a_poll_of_a_wrong_type_is_a_text_where_the_sdk_is_not_strict(program: Program) -> None:
    """The union of its statuses is read from nothing but JSON: a trap for who trusts the types."""
    program.break_(on="videos.retrieve", fault="wrong_type")
    with pytest.raises(getimg.APIResponseValidationError):
        program.act("videos.retrieve")
    assert isinstance(program.act("videos.retrieve", _strict_response_validation=False), str)


def test_media_and_links_may_be_bad_without_the_sdk_noticing(program: Program) -> None:
    """A status of 200 is no picture: whoever downloads must look."""
    program.break_(fault="corrupt_media", first=1)
    corrupt = program.act("downloads.retrieve").content
    right = program.act("downloads.retrieve").content
    assert (len(corrupt), corrupt[:20]) == (len(right), right[:20])
    assert corrupt != right
    program.break_(on="images.generate", fault="expired_url")
    program.url = program.act("images.generate").data[0].url
    with pytest.raises(getimg.APIStatusError) as caught:
        program.act("downloads.retrieve")
    assert caught.value.status_code == 410


ERRORS: dict[str, tuple[type[getimg.APIStatusError], bool]] = {
    "invalid_api_key": (getimg.AuthenticationError, False),
    "parameter_missing": (getimg.BadRequestError, False),
    "invalid_parameter": (getimg.BadRequestError, False),
    "quota_exceeded": (getimg.APIStatusError, False),
    "not_found": (getimg.NotFoundError, False),
    "content_policy_violation": (getimg.UnprocessableEntityError, False),
    "rate_limit": (getimg.RateLimitError, True),
    "concurrency": (getimg.RateLimitError, True),
    "server_error": (getimg.InternalServerError, True),
    "unavailable": (getimg.InternalServerError, True),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_error_is_its_exception_after_as_many_tries(
    program: Program, operation: str, name: str
) -> None:
    """Documented: 429 and 5xx are retried, the others are not."""
    raised, retried = ERRORS[name]
    program.break_(on=operation, error=name)
    with pytest.raises(raised) as caught:
        program.act(operation)
    assert caught.value.body is not None
    assert program.hits == (1 + RETRIES if retried else 1)


def test_the_journal_tells_a_retry_from_a_new_request(program: Program) -> None:
    """By the one thing that the SDK sends: x-stainless-retry-count."""
    program.break_(on="images.generate", error="server_error", first=2)
    program.act("images.generate")
    headers = [dict(each.request_headers) for each in program.sent("images.generate", 3)]
    assert [each[b"x-stainless-retry-count"] for each in headers] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("operation", ["images.generate", "videos.create"])
@pytest.mark.parametrize("lost", [{"fault": "close"}, {"fault": "reset"}, {"status": 500}], ids=str)
def test_commit_then_fail_and_the_default_retries_charge_twice(
    program: Program, operation: str, lost: dict[str, Any]
) -> None:
    """The program sees one success; ledger and journal show that it paid for two."""
    charged = program.world.ledger.charged
    program.break_(on=operation, after_commit=True, first=1, **lost)
    program.act(operation)
    first, second = program.sent(operation, 2)
    assert str(first.fault).endswith("after commit")
    assert second.fault is None
    for each in (first, second):
        assert [effect.what for effect in each.effects] == ["generation", "hold", "charge"]
    assert first.generation != second.generation
    assert program.cost_of(first) == program.cost_of(second) > 0
    assert program.world.ledger.charged - charged == 2 * program.cost_of(first)


def test_an_answer_that_is_always_lost_is_charged_six_times(program: Program) -> None:
    """The most that one call of the SDK can cost."""
    charged = program.world.ledger.charged
    program.break_(on="images.generate", after_commit=True, error="server_error")
    with pytest.raises(getimg.InternalServerError):
        program.act("images.generate")
    sent = program.sent("images.generate", 1 + RETRIES)
    assert len({each.generation for each in sent}) == 1 + RETRIES
    assert program.world.ledger.charged - charged == sum(map(program.cost_of, sent))


def test_without_retries_nothing_is_charged_twice(program: Program) -> None:
    """Which is why a careful program turns them off for what costs money."""
    program.break_(on="images.generate", after_commit=True, fault="close", first=1)
    with pytest.raises(getimg.APIConnectionError):
        program.act("images.generate", max_retries=0)
    (sent,) = program.sent("images.generate", 1)
    assert [effect.what for effect in sent.effects] == ["generation", "hold", "charge"]
    assert len(program.world.generations) == 3


def test_retry_after_is_what_the_sdk_waits(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documented: up to a minute it is obeyed to the letter."""
    monkeypatch.undo()
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    program.break_(on="images.generate", error="rate_limit", retry_after=17, first=1)
    program.act("images.generate")
    assert waited == [17]


@pytest.mark.parametrize(
    "oddity", ["unknown_fields", "nulls", "unknown_mime_type", "reordered_keys", "long_strings"]
)
def test_the_sdk_survives_every_legal_oddity(program: Program, oddity: str) -> None:
    """Its strict mode, too: they are legal."""
    program.break_(oddity=oddity)
    assert program.act("images.generate").status == "completed"
    assert program.act("videos.create").status == "pending"
    assert program.act("videos.retrieve").status == "completed"
    assert len(program.client().models.list()) > 5
    assert program.client().billing.retrieve_balance().currency == "USD"


def test_the_sdk_shows_an_error_code_of_a_later_version(program: Program) -> None:
    """The exception is chosen by status alone."""
    program.break_(oddity="unknown_error_code")
    with pytest.raises(getimg.NotFoundError) as caught:
        program.client().models.retrieve("none")
    assert "a_code_of_a_later_version" in str(caught.value)
