"""Plans about keys: which are refused, and what belongs to another workspace."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
    get_kind,
    list_pictured,
)
from getimg_mock.contract.plans import Plan, encode_body, get, get_balance, post
from getimg_mock.contract.provider.corpus.bad_keys import (
    BAD_KEYS,
    FOREIGN_KEY,
    LENGTHS,
    LONG_KEY,
    NEAR_KEYS,
    PATTERNS,
    WORDS_FOR_NO_KEY,
)
from getimg_mock.contract.provider.corpus.file_steps import (
    build_borrowed_link_steps,
    request_file,
)
from getimg_mock.contract.provider.corpus.input_values import build_large_picture
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, DONOR, Poll, Ref, Send, Wait, name_days

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson, ModelKind
    from getimg_mock.contract.steps import Key, Step

_COSTS: Final = "/v2/billing/costs"
_RETRIEVE: Final = "/v2/videos/generations/{}"

_UNREAD: Final = 1_100_000
"""The bytes of a picture whose request a gate may pass on unread: over 1 MiB in all."""

# A plan is one connection: a gateway that remembers who opened it lets these in.
_LATER_BAD_KEYS: Final = ("no key", "a bogus key", "an empty key")

_KEY_NAMES: Final = ("api_key", "key", "access_token", "token", "authorization")

BOOKS: Final = "books"
"""The role of reads of a range by both keys at the same moment; each turn has its own range."""

_BOOK_TURNS: Final = 6

TWIN: Final = "twin"
"""The role of orders that two workspaces make alike, by turns."""

GATE: Final = "gate"
"""The role of requests without a good key that a gate could let pass."""

_TRUSTED_HEADERS: Final = (
    ("x-forwarded-for", "127.0.0.1"),
    ("x-real-ip", "10.0.0.1"),
    ("user-agent", "ELB-HealthChecker/2.0"),
    ("user-agent", "kube-probe/1.31"),
    ("x-internal", "1"),
    ("origin", "https://getimg.ai"),
    ("cookie", "session=1"),
)

_COOKIE: Final = "header:set-cookie"
_COOKIES: Final = ("cookie", f"theme=dark; {DONOR}")

_WRONG_TURNS: Final = 6
_WRONG_KEYS: Final = 4

_SCHEMES: Final = {
    "bearer": "bearer {key}",
    "BEARER": "BEARER {key}",
    "two spaces": "Bearer  {key}",
}


def build_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plans about keys, and about what belongs to another workspace."""
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    reads = [step for step in _build_operation_steps(image, video) if step.method == "GET"]
    posts = [step for step in _build_operation_steps(image, video) if step.method == "POST"]
    yield Plan(name="bad keys", steps=(*_build_bad_key_steps(reads), *_build_no_key_steps()))
    yield Plan(name="ways past the gate", steps=(*_build_gate_steps(reads),))
    yield Plan(
        name="bad keys that would pay",
        tier="R1",
        steps=(*_build_bad_key_steps(posts), *_build_large_steps(list_pictured(models, "image"))),
    )
    yield Plan(name="bad keys after a good one", steps=(*_build_later_bad_key_steps(reads),))
    yield Plan(
        name="bad keys after a good one that would pay",
        tier="R1",
        steps=(*_build_later_bad_key_steps(posts),),
    )
    yield Plan(name="near misses of a key", steps=(*_build_near_key_steps(reads),))
    yield Plan(
        name="near misses of a key that would pay",
        tier="R1",
        steps=(*_build_near_key_steps(posts),),
    )
    yield Plan(name="right keys after wrong ones", steps=(*_build_right_key_steps(image),))
    yield Plan(name="keys elsewhere", steps=(*_build_misplaced_key_steps(),))
    yield Plan(
        name="keys elsewhere that would pay",
        tier="R1",
        steps=(*_build_paying_misplaced_key_steps((image, video)),),
    )
    yield Plan(name="schemes", steps=(*_build_scheme_steps(),))
    yield Plan(
        name="refused keys use up nothing", tier="R2", steps=(*_build_quota_steps(image, video),)
    )
    yield from _build_workspace_plans(image, video)


def _build_workspace_plans(image: ModelJson, video: ModelJson) -> Iterator[Plan]:
    yield Plan(
        name="two workspaces", tier="R2", keys=2, steps=(*_build_two_workspace_steps(video),)
    )
    yield Plan(
        name="books of two workspaces",
        tier="R2",
        keys=2,
        steps=(*_build_two_workspace_book_steps(image),),
    )
    yield Plan(
        name="files of two workspaces",
        tier="R2",
        keys=2,
        steps=(*_build_two_workspace_file_steps(image, video),),
    )


def _build_operation_steps(image: ModelJson, video: ModelJson) -> Iterator[Send]:
    yield post("image", build_small_request(image))
    yield post("video", build_small_request(video))
    yield get(_RETRIEVE.replace("{}", "req-01ZZZZZZZZZZZZ"))
    yield get("/v2/models")
    yield get(f"/v2/models/{image['id']}")
    yield get_balance()
    yield get("/v2/billing/costs", query="start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z")


def _set_authorization(step: Send, authorization: str | None, **more: Any) -> Send:
    extra = (("authorization", authorization),) if authorization is not None else ()
    return replace(step, key="raw", headers=(*extra, *step.headers), **more)


def _build_bad_key_steps(operations: Sequence[Send]) -> Iterator[Step]:
    for name, value in BAD_KEYS.items():
        for step in operations:
            yield _set_authorization(step, value, fault="key", field=name)


def _build_large_steps(pictured: Sequence[ModelJson]) -> Iterator[Step]:
    """Yield orders without a good key whose bodies do not fit into a gate."""
    images = [{"url": build_large_picture(_UNREAD)}]
    for model in pictured:
        order = post("image", build_small_request(model, images=images))
        for name in ("no key", "a bogus key"):
            field = f"{name}, with a large body"
            yield _set_authorization(order, BAD_KEYS[name], fault="key", field=field)


def _build_later_bad_key_steps(operations: Sequence[Send]) -> Iterator[Step]:
    """Yield requests without a good key on a connection over which one with it was answered."""
    for step in operations:
        for name in _LATER_BAD_KEYS:
            yield get_balance()
            yield _set_authorization(step, BAD_KEYS[name], fault="key", field=f"{name}, later")


def _build_near_key_steps(operations: Sequence[Send]) -> Iterator[Step]:
    for step in operations:
        for name, value in NEAR_KEYS.items():
            yield _set_authorization(step, value, fault="near-key", field=name)
    for place in range(1, 8):
        name = f"a key with one character changed, in eighth {place + 1}"
        step, value = operations[-1], f"Bearer {{key/{place}}}"
        yield _set_authorization(step, value, fault="near-key", field=name)
    for length in LENGTHS:
        name, value = f"{LONG_KEY}, {length}", f"Bearer {'sk_contract_'.ljust(length, '5')}"
        yield _set_authorization(operations[-1], value, fault="near-key", field=name)


def _build_gate_steps(reads: Sequence[Send]) -> Iterator[Step]:
    """Yield reads without a good key that a gate could let pass: by method, header or path."""
    for step in reads:
        for value in (None, "Bearer not-a-key"):
            head = replace(step, method="HEAD")
            yield _set_authorization(head, value, use=GATE, field="HEAD")
    for word in (*WORDS_FOR_NO_KEY, *PATTERNS):
        yield _set_authorization(get_balance(), f"Bearer {word}", use=GATE, field=f"Bearer {word}")
    yield _set_authorization(get_balance(), FOREIGN_KEY, use=GATE, field="letters beyond ASCII")
    for length in LENGTHS:
        value = f"Bearer {'5' * length}"
        yield _set_authorization(get_balance(), value, use=GATE, field=f"{length} digits")
    for path in ("/v2/models", "/v2/billing/balance"):
        for name, value in _TRUSTED_HEADERS:
            step = get(path, headers=((name, value),))
            yield _set_authorization(step, None, use=GATE, field=f"{name}: {value}")
        for odd in (f"{path}/", f"/{path}", f"{path}.json", f"{path}?health=1", path.upper()):
            yield _set_authorization(get(odd), None, use=GATE, field=odd)


def _build_right_key_steps(image: ModelJson) -> Iterator[Step]:
    """Yield many wrong keys within seconds, and after each few of them the right ones.

    A service that locks a caller out after some of them locks out all who share an address.
    """
    wrong = (NEAR_KEYS["an unknown key"], NEAR_KEYS["a key with one character changed"])
    model = get(f"/v2/models/{image['id']}")
    for turn in range(_WRONG_TURNS):
        for place in range(_WRONG_KEYS):
            value = wrong[place % 2] if turn % 2 else f"Bearer sk_wrong{turn}{place}5d1f"
            name = "another unknown key" if place else "an unknown key"
            yield _set_authorization(get_balance(), value, fault="near-key", field=name)
        for step in (get_balance(), model, get_balance(key="b")):
            yield replace(step, use="right-key")
        yield replace(model, use="right-key", together=True, group=f"new {turn}")
        yield replace(get_balance(), use="right-key", together=True, group=f"new {turn}")
    # White space after a value is no part of it (RFC 9110, 5.5).
    for space in (" ", "\t"):
        yield _set_authorization(get_balance(), f"Bearer {{key}}{space}", use="right-key")


def _build_no_key_steps() -> Iterator[Step]:
    kinds: tuple[ModelKind, ...] = ("image", "video")
    for kind in kinds:
        for body in (b"", b"{}", b"[1", b'{"model":"no-such-model","prompt":""}'):
            yield post(kind, body, key="none", use="no-key-bad-body")
    yield get("/v2/models", query="type=audio", key="none", use="no-key-bad-body")
    yield get("/v2/models/no-such-model", key="none", use="no-key-bad-body")
    yield get("/v2/billing/costs", key="none", use="no-key-bad-body")


def _build_misplaced_key_steps() -> Iterator[Step]:
    for name in _KEY_NAMES:
        yield get("/v2/billing/balance", query=f"{name}={{key}}", key="raw", use="key-elsewhere")
    for header in ("x-api-key", "api-key", "proxy-authorization", "cookie"):
        yield get(
            "/v2/billing/balance", headers=((header, "{key}"),), key="raw", use="key-elsewhere"
        )


def _build_paying_misplaced_key_steps(models: Sequence[ModelJson]) -> Iterator[Step]:
    for model in models:
        order = post(get_kind(model), build_small_request(model), key="raw", use="key-elsewhere")
        for name in _KEY_NAMES:
            yield replace(order, body=encode_body(build_small_request(model) | {name: "{key}"}))
            yield replace(order, query=f"{name}={{key}}")
        yield replace(order, headers=(*order.headers, ("x-api-key", "{key}")))


def _build_scheme_steps() -> Iterator[Step]:
    for name, value in _SCHEMES.items():
        for path in ("/v2/models", "/v2/billing/balance"):
            yield _set_authorization(get(path), value, group=f"scheme:{name}")


def _build_quota_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    yield get_balance()
    yield post("video", build_small_request(video), valid=True, name="video")
    yield Poll(of="video")
    yield get_balance()
    yield get(_RETRIEVE, ref=Ref("video"), use="quota-before")
    for step in _build_operation_steps(image, video):
        yield _set_authorization(step, "Bearer not-a-key", fault="key", field="a bogus key")
    yield get(_RETRIEVE, ref=Ref("video"), use="quota-after")
    yield get_balance()
    look = get(_RETRIEVE, ref=Ref("video"))
    for name in ("no key", "a bogus key", "no scheme", "another scheme, good key"):
        field = f"{name}, for a video that exists"
        yield _set_authorization(look, BAD_KEYS[name], fault="key", field=field)
    for name in ("no key", "a bogus key"):
        head = replace(look, method="HEAD")
        yield _set_authorization(head, BAD_KEYS[name], use=GATE, field="HEAD of a video")
    for name, value in NEAR_KEYS.items():
        yield _set_authorization(look, value, fault="near-key", field=name)


def _build_two_workspace_steps(video: ModelJson) -> Iterator[Step]:
    yield get_balance(key="b")
    yield get(_COSTS, query=DAYS_PLACEHOLDER, key="b")
    yield post("video", build_small_request(video), valid=True, name="video")
    yield get(_RETRIEVE, ref=Ref("video"), key="b", use="foreign")
    for _ in range(2):
        yield get(_RETRIEVE.replace("{}", "req-01ZZZZZZZZZZZZ"), key="b", use="unknown-for-b")
    yield Poll(of="video")
    yield get(_RETRIEVE, ref=Ref("video"), key="b", use="foreign")
    yield get(_RETRIEVE, ref=Ref("video"), key="b", alter="other-case-id", use="malformed-id")
    yield get(_RETRIEVE.replace("{}", "req-01ZZZZZZZZZZZZ"), key="b", use="unknown-for-b")
    yield get_balance(key="b")
    yield get(_COSTS, query=DAYS_PLACEHOLDER, key="b")
    yield post("video", build_small_request(video), key="b", valid=True, name="other")
    yield Poll(of="other", key="b")
    yield get(_RETRIEVE, ref=Ref("other"), use="foreign")
    yield from _build_foreign_path_steps()
    yield get_balance(key="b")
    yield get_balance()


def _build_foreign_path_steps() -> Iterator[Step]:
    """Yield ways of one workspace to a video of another: by HEAD, by a way up, by a list."""
    look = get(_RETRIEVE, ref=Ref("video"), key="b", use="foreign-path")
    yield replace(look, method="HEAD")
    for way in ("/..%2f", "/../", "%2f..%2f"):
        path = f"{_RETRIEVE}{way}{DONOR}"
        yield replace(look, path=path, ref=Ref("other"), donor=Ref("video"))
    for kind in ("videos", "images"):
        yield get(f"/v2/{kind}/generations", key="b", use="foreign-path")


def _build_two_workspace_book_steps(image: ModelJson) -> Iterator[Step]:
    """Yield reads of the same range by both keys within a second, by turns, around purchases."""
    keys: tuple[Key, ...] = ("a", "b")
    for turn in range(_BOOK_TURNS):
        if turn == _BOOK_TURNS // 2:
            yield Wait(seconds=4)
        order = build_small_request(image, prompt=f"Only one of two buys it, {turn}")
        yield post("image", order, valid=True, key="b" if turn == _BOOK_TURNS - 1 else "a")
        # Twice in succession the same key is first: its purchase shows from turn to turn.
        order_of_keys = keys if turn // 2 % 2 else keys[::-1]
        for key in order_of_keys[::-1]:
            yield get(_COSTS, query=name_days(turn + 1), key=key, use=BOOKS)
        first, second = order_of_keys
        yield get_balance(key=first, name="balance")
        # A cookie that came with one key says nothing beside another, nor without one.
        kept = get_balance(headers=(_COOKIES,), donor=Ref("balance", _COOKIE))
        yield replace(kept, key=second)
        yield _set_authorization(kept, None, use=GATE, field="a cookie")
        for key in keys:
            yield get(_COSTS, query=name_days(turn + 1), key=key, use=BOOKS)


def _build_two_workspace_file_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    """Yield the same requests of two workspaces by turns, and files with each other's signature.

    What is the same on all files of one, and another on all of the other, names the workspace: by
    these turns, it is no time, and no server of several that answer in rotation.
    """
    keys: tuple[Key, ...] = ("a", "b")
    for turn, first in enumerate((0, 1, 1, 0)):
        for key in (keys[first], keys[1 - first]):
            name = f"{key}{turn}"
            yield post(
                "image",
                build_small_request(image, prompt=f"Picture {turn}"),
                valid=True,
                key=key,
                name=name,
                use=TWIN,
            )
            yield request_file(name)
    for key in keys:
        yield post("video", build_small_request(video), valid=True, key=key, name=key)
    yield from (Poll(of=key, key=key) for key in keys)
    for one, other in (("a0", "b0"), ("a.now", "b.now"), ("a0", "b.now")):
        yield from build_borrowed_link_steps(one, other)
    yield get_balance(key="b")
    yield get_balance()
