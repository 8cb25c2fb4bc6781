"""Plans about keys, paths, methods, rate limits and the catalogue."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import Plan, encode_body, get, get_balance, post
from getimg_mock.contract.provider.corpus.generations import build_borrowed_link_steps, request_file
from getimg_mock.contract.steps import Poll, Ref, Send, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from getimg_mock.contract.model_choice import ModelJson, ModelKind
    from getimg_mock.contract.steps import Key, Step

_RETRIEVE: Final = "/v2/videos/generations/{}"
# The last is nobody's, and to our fake one that no longer opens anything.
_BAD_KEYS: Final = {
    "no key": None,
    "an empty key": "Bearer ",
    "no scheme": "{key}",
    "another scheme": "Basic c2tfYTpi",
    "a bogus key": "Bearer not-a-key",
    "two keys": "Bearer a b",
    "the word only": "Bearer",
    "another scheme, good key": "Token {key}",
    "a key cut off": "Bearer sk",
    "only the prefix": "Bearer sk_",
    "a key in quotes": 'Bearer "{key}"',
    "a key without its underscore": "Bearer sk-contract",
    "the word null": "Bearer null",
    "a key that is withdrawn": "Bearer sk_mock_invalid",
}
# What the fake may be told to show: each is legal, so every check must hold under it.
_ODDITIES: Final = (
    "unknown_fields",
    "nulls",
    "unknown_mime_type",
    "unknown_error_code",
    "reordered_keys",
    "long_strings",
)
_KEY_NAMES: Final = ("api_key", "key", "access_token", "token", "authorization")
_WRITE_METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")
_MAX_LIMIT: Final = 120
"""The highest limit that is tried: what it takes to reach it is bought."""

_SCHEMES: Final = {
    "bearer": "bearer {key}",
    "BEARER": "BEARER {key}",
    "two spaces": "Bearer  {key}",
}


def build_plans(models: Sequence[ModelJson], limits: Mapping[str, int]) -> Iterator[Plan]:
    """Yield the plans about who may do what, and where."""
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    yield Plan(name="the catalogue", steps=(*_build_catalogue_steps(models),))
    reads = [step for step in _build_operation_steps(image, video) if step.method == "GET"]
    posts = [step for step in _build_operation_steps(image, video) if step.method == "POST"]
    yield Plan(name="bad keys", steps=(*_build_bad_key_steps(reads), *_build_no_key_steps()))
    yield Plan(name="bad keys that would pay", tier="R1", steps=(*_build_bad_key_steps(posts),))
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
    yield Plan(
        name="two workspaces", tier="R2", keys=2, steps=(*_build_two_workspace_steps(video),)
    )
    yield Plan(
        name="files of two workspaces",
        tier="R2",
        keys=2,
        steps=(*_build_two_workspace_file_steps(image, video),),
    )
    yield Plan(name="paths", steps=(*_build_path_steps(image),))
    yield Plan(name="methods", tier="R1", steps=(*_build_method_steps(image),))
    yield Plan(
        name="methods on a video and its file",
        tier="R2",
        steps=(*_build_video_method_steps(video),),
    )
    for oddity in _ODDITIES:
        rule = json.dumps(
            {
                "on": ["videos.retrieve", "models.list", "models.retrieve", "billing.*"],
                "oddity": oddity,
            }
        )
        yield Plan(
            name=f"an odd provider: {oddity}",
            tier="R2",
            rules=(rule,),
            steps=(*_build_oddity_steps(image, video),),
        )
    images, videos = limits.get("image", 0), limits.get("video", 0)
    yield Plan(
        name="more images than the limit",
        tier="R3",
        world=(("image_rpm", images or 3),),
        keys=1 if images else 2,
        clock=True,
        anywhere=0 < images <= _MAX_LIMIT,
        steps=(*_build_image_burst_steps(image, video, images or 3, at_once=images > 0),),
    )
    yield Plan(
        name="more videos than the limit",
        tier="R3",
        world=(("video_rpm", videos or 2),),
        clock=True,
        anywhere=0 < videos <= _MAX_LIMIT,
        steps=(*_build_video_burst_steps(video, videos or 2, at_once=videos > 0),),
    )
    yield Plan(
        name="more at once than the limit",
        tier="R3",
        world=(("concurrent", 1),),
        clock=True,
        steps=(*_build_concurrent_steps(video),),
    )
    yield Plan(
        name="remaining within a window",
        tier="R2",
        clock=True,
        anywhere=True,
        world=(("image_rpm", 5), ("video_rpm", 5)),
        steps=(*_build_remaining_steps(image, video),),
    )


def _build_oddity_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    yield get("/v2/models")
    yield get(f"/v2/models/{image['id']}")
    yield post("image", build_small_request(image))
    yield post("video", build_small_request(video), name="video")
    yield Poll(of="video")
    yield get_balance()
    yield get("/v2/models/no-such-model")
    yield get("/v2/billing/costs", query="start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z")


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


def _build_catalogue_steps(models: Sequence[ModelJson]) -> Iterator[Step]:
    yield get("/v2/models")
    yield get("/v2/models")
    yield get("/v2/models", query="type=image")
    yield get("/v2/models", query="type=video")
    for model in models:
        yield get(f"/v2/models/{model['id']}")
    for name in ("no-such-model", models[0]["id"].upper(), models[0]["id"] + "x", "%20"):
        yield get(f"/v2/models/{name}", use="unknown-model")
    for kind in ("audio", "IMAGE", "image,video", ""):
        yield get("/v2/models", query=f"type={kind}", use="bad-type")
    yield get("/v2/models")
    yield Wait(seconds=2)
    yield get("/v2/models")


def _build_bad_key_steps(operations: Sequence[Send]) -> Iterator[Step]:
    for name, value in _BAD_KEYS.items():
        for step in operations:
            yield _set_authorization(step, value, fault="key", field=name)


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
        order = post(_get_kind(model), build_small_request(model), key="raw", use="key-elsewhere")
        for name in _KEY_NAMES:
            yield replace(order, body=encode_body(build_small_request(model) | {name: "{key}"}))
            yield replace(order, query=f"{name}={{key}}")
        yield replace(order, headers=(*order.headers, ("x-api-key", "{key}")))


def _build_scheme_steps() -> Iterator[Step]:
    for name, value in _SCHEMES.items():
        for path in ("/v2/models", "/v2/billing/balance"):
            yield _set_authorization(get(path), value, group=f"scheme:{name}")


def _get_kind(model: ModelJson) -> ModelKind:
    return "image" if model["type"] == "image" else "video"


def _build_quota_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    yield post("video", build_small_request(video), valid=True, name="video")
    yield Poll(of="video")
    yield get_balance()
    yield get(_RETRIEVE, ref=Ref("video"), use="quota-before")
    for step in _build_operation_steps(image, video):
        yield _set_authorization(step, "Bearer not-a-key", fault="key", field="a bogus key")
    yield get(_RETRIEVE, ref=Ref("video"), use="quota-after")
    yield get_balance()


def _build_two_workspace_steps(video: ModelJson) -> Iterator[Step]:
    yield get_balance(key="b")
    yield post("video", build_small_request(video), valid=True, name="video")
    yield get(_RETRIEVE, ref=Ref("video"), key="b", use="foreign")
    for _ in range(2):
        yield get(_RETRIEVE.replace("{}", "req-01ZZZZZZZZZZZZ"), key="b", use="unknown-for-b")
    yield Poll(of="video")
    yield get(_RETRIEVE, ref=Ref("video"), key="b", use="foreign")
    yield get(_RETRIEVE.replace("{}", "req-01ZZZZZZZZZZZZ"), key="b", use="unknown-for-b")
    yield post("video", build_small_request(video), key="b", valid=True, name="other")
    yield Poll(of="other", key="b")
    yield get(_RETRIEVE, ref=Ref("other"), use="foreign")
    yield get_balance(key="b")
    yield get_balance()


def _build_two_workspace_file_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    """Yield the same orders of two workspaces by turns, and each file with the other's signature.

    What is the same on all files of one, and another on all of the other, names the workspace.
    """
    keys: tuple[Key, ...] = ("a", "b")
    for turn in range(2):
        for key in keys:
            name = f"{key}{turn}"
            yield post(
                "image",
                build_small_request(image, prompt=f"Picture {turn}"),
                valid=True,
                key=key,
                name=name,
                use="twin",
            )
            yield request_file(name)
            yield Wait(seconds=1.5)
    for key in keys:
        yield post("video", build_small_request(video), valid=True, key=key, name=key)
        yield Poll(of=key, key=key)
    for one, other in (("a0", "b0"), ("a.now", "b.now"), ("a0", "b.now")):
        yield from build_borrowed_link_steps(one, other)
    yield get_balance(key="b")
    yield get_balance()


def _build_path_steps(image: ModelJson) -> Iterator[Step]:
    yield get("/v2/models", group="models", use="canonical-path")
    for path in (
        "/v2/models/",
        "/V2/models",
        "/v2/Models",
        "//v2/models",
        "/v2//models",
        "/v2/%6Dodels/x/..",
        "/v2/models%2f",
    ):
        yield get(path, group="models", use="odd-path")
    yield get("/v2/billing/balance", group="balance", use="canonical-path")
    for path in (
        "/v2/models/..%2fbilling%2fbalance",
        "/v2/models/%2e%2e/billing/balance",
        "/v2/billing/balance/",
        "/v2/billing/BALANCE",
        "/v2/billing/balance;a=b",
        "/v2/videos/generations/..%2F..%2Fbilling%2Fbalance",
        "/v2/billing/balance%00",
        "/v2/billing/balance%20",
    ):
        yield get(path, group="balance", use="odd-path")
    name = image["id"]
    yield get(f"/v2/models/{name}", group="model", use="canonical-path")
    for path in (
        f"/v2/models/{name}/",
        f"/v2/models/{name.upper()}",
        f"/v2/models/{name}%20",
        f"/v2/models/x%2f{name}",
        f"/v2/models/{name}%00",
    ):
        yield get(path, group="model", use="odd-path")
    for path in (
        "/",
        "/v2",
        "/v2/",
        "/v2/nothing",
        "/v2/images",
        "/v2/billing",
        "/v3/models",
        "/v2/images/generations/req-01ZZZZZZZZZZZZ",
        "/favicon.ico",
        "/.env",
    ):
        yield get(path, use="unknown-path")
        yield get(path, key="none", use="unknown-path")


def _build_method_steps(image: ModelJson) -> Iterator[Step]:
    yield get_balance()
    paths = {
        "/v2/images/generations": ("GET", "PUT", "DELETE", "PATCH"),
        "/v2/videos/generations": ("GET", "PUT", "DELETE", "PATCH"),
        "/v2/models": _WRITE_METHODS,
        "/v2/billing/balance": _WRITE_METHODS,
        "/v2/billing/costs": _WRITE_METHODS,
        f"/v2/models/{image['id']}": _WRITE_METHODS,
    }
    for path, methods in paths.items():
        yield from _build_wrong_method_steps(methods, path=path)
    yield get_balance()


def _build_video_method_steps(video: ModelJson) -> Iterator[Step]:
    yield post("video", build_small_request(video), valid=True, name="video")
    yield Poll(of="video")
    yield request_file("video.now")
    yield get_balance()
    yield from _build_wrong_method_steps(_WRITE_METHODS, path=_RETRIEVE, ref=Ref("video"))
    yield from _build_wrong_method_steps(
        _WRITE_METHODS, link=True, ref=Ref("video.now", "/data/0/url"), key="none"
    )
    yield get_balance()
    yield get(_RETRIEVE, ref=Ref("video"))
    yield request_file("video.now")


def _build_wrong_method_steps(methods: Sequence[str], **where: Any) -> Iterator[Send]:
    for method in methods:
        yield Send(
            method=method,
            use="wrong-method",
            body=b"{}" if method != "GET" else None,
            headers=(("content-type", "application/json"),),
            **where,
        )
    for method in ("HEAD", "OPTIONS"):
        yield Send(method=method, use="side-method", **where)


def _build_image_burst_steps(
    image: ModelJson, video: ModelJson, limit: int, *, at_once: bool
) -> Iterator[Step]:
    yield get_balance(key="b")
    for turn in range(min(limit, _MAX_LIMIT) + at_once):
        yield post(
            "image",
            build_small_request(image, prompt=f"Burst {turn}"),
            use="burst",
            together=at_once,
            group="burst" if at_once else "",
        )
    yield get_balance()
    for turn in range(2):
        yield post(
            "image",
            build_small_request(image, prompt=f"Too fast {turn}"),
            use="burst",
            name="limited",
        )
    yield get_balance()
    yield post("image", build_small_request(image), key="b", use="other-key")
    yield post("video", build_small_request(video), use="other-kind", name="video")
    yield get("/v2/models", use="reads-at-limit")
    yield get_balance(use="reads-at-limit")
    yield Poll(of="video", every=2)
    yield Wait(until=Ref("limited", "header:x-ratelimit-reset"), seconds=0.2)
    yield post(
        "image",
        build_small_request(image, prompt="After the wait"),
        use="after-wait",
        ref=Ref("limited", "header:x-ratelimit-reset"),
    )
    yield get_balance()


def _build_video_burst_steps(video: ModelJson, limit: int, *, at_once: bool) -> Iterator[Step]:
    count = min(limit, _MAX_LIMIT)
    yield get_balance()
    for turn in range(count):
        yield post(
            "video",
            build_small_request(video, prompt=f"Burst {turn}"),
            use="burst",
            together=at_once,
            group="burst" if at_once else "",
            name=f"video {turn}",
        )
    for turn in range(2):
        yield post(
            "video",
            build_small_request(video, prompt=f"Too fast {turn}"),
            use="burst",
            name="limited",
        )
    polls = [Poll(of=f"video {turn}") for turn in range(count)]
    yield from polls if at_once else ()  # what was bought is looked after before any long wait
    yield Wait(until=Ref("limited", "header:retry-after"))
    # Sent only where the refusal has said how long to wait.
    yield post(
        "video",
        build_small_request(video, prompt="After the wait"),
        use="after-wait",
        name="waited",
        ref=Ref("limited", "header:retry-after"),
    )
    yield from () if at_once else polls
    yield Poll(of="waited")
    yield get_balance()


def _build_concurrent_steps(video: ModelJson) -> Iterator[Step]:
    yield post("video", build_small_request(video), valid=True, name="video")
    yield post(
        "video", build_small_request(video, prompt="One too many"), name="limited", use="concurrent"
    )
    yield Poll(of="video")
    yield get_balance()
    yield post(
        "video", build_small_request(video, prompt="Now it goes"), use="after-wait", name="second"
    )
    yield Poll(of="second")
    yield get_balance()


def _build_remaining_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    for turn in range(3):
        yield post("image", build_small_request(image, prompt=f"Picture {turn}"), name="image")
        yield post("video", build_small_request(video, prompt=f"Film {turn}"), name=f"film {turn}")
        yield Wait(seconds=5)
    yield get(_RETRIEVE, ref=Ref("film 2"))
    for turn in range(3):
        yield Poll(of=f"film {turn}")
    yield Wait(until=Ref("film 2", "header:x-ratelimit-reset"), seconds=1)
    yield post("image", build_small_request(image, prompt="A new window"))
    yield get(_RETRIEVE, ref=Ref("film 2"))
