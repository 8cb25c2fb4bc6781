"""Plans about the catalogue, paths, methods, and what a provider may legally add to answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.provider.corpus.file_steps import (
    request_file,
)
from getimg_mock.contract.provider.corpus.input_values import OBJECT_MEMBERS
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, Poll, Ref, Send, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step

_COSTS: Final = "/v2/billing/costs"
_RETRIEVE: Final = "/v2/videos/generations/{}"

# Legal variations of answers: every check has to accept them.
_ODDITIES: Final = (
    "unknown_fields",
    "nulls",
    "unknown_mime_type",
    "unknown_error_code",
    "reordered_keys",
    "long_strings",
)

_MANY_LISTS: Final = 40
"""How often the list is read in succession: one wrong list in twenty is missed with 13 %."""

_READERS: Final = (
    (),
    (("accept-language", "de-DE,de;q=0.9"), ("accept", "application/json")),
    (),
    (("user-agent", "GetimgAI/Python 0.4.0"), ("x-stainless-lang", "python")),
    (),
    (("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"), ("accept", "text/html,*/*;q=0.8")),
)
"""Headers of readers that must be told the same; half of them say nothing."""

_WRITE_METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")
_OVERRIDES: Final = ("x-http-method-override", "x-http-method", "x-method-override")


_ODD_MODEL_LIST_PATHS: Final = (
    "/v2/models/",
    "/V2/models",
    "/v2/Models",
    "//v2/models",
    "/v2//models",
    "/v2/%6Dodels/x/..",
    "/v2/models%2f",
)
_ODD_BALANCE_PATHS: Final = (
    "/v2/models/..%2fbilling%2fbalance",
    "/v2/models/%2e%2e/billing/balance",
    "/v2/billing/balance/",
    "/v2/billing/BALANCE",
    "/v2/billing/balance;a=b",
    "/v2/videos/generations/..%2F..%2Fbilling%2Fbalance",
    "/v2/billing/balance%00",
    "/v2/billing/balance%20",
)
_UNKNOWN_PATHS: Final = (
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
)


def build_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plans about the catalogue, paths and methods, and about legal oddities."""
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    yield Plan(name="the catalogue", concurrent=True, steps=(*_build_catalogue_steps(models),))
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


def _build_catalogue_steps(models: Sequence[ModelJson]) -> Iterator[Step]:
    yield get("/v2/models")
    yield get("/v2/models")
    yield get("/v2/models", query="type=image")
    yield get("/v2/models", query="type=video")
    for model in models:
        yield get(f"/v2/models/{model['id']}")
    near = (models[0]["id"].upper(), models[0]["id"] + "x", "%20")
    for name in ("no-such-model", *near, *OBJECT_MEMBERS):
        yield get(f"/v2/models/{name}", use="unknown-model")
    for kind in ("audio", "IMAGE", "image,video", ""):
        yield get("/v2/models", query=f"type={kind}", use="bad-type")
    yield get("/v2/models")
    yield Wait(seconds=2)
    for turn in range(_MANY_LISTS):
        at_once = turn >= _MANY_LISTS // 2
        yield get(
            "/v2/models",
            headers=_READERS[turn % len(_READERS)],
            together=at_once,
            group="lists on new connections" if at_once else "",
        )
    yield get("/v2/models", delivery="http/1.0")
    yield get("/v2/models/no-such-model", use="unknown-model", delivery="http/1.0")
    for headers in _READERS[1:2]:
        yield get(f"/v2/models/{models[0]['id']}", headers=headers)
        yield get_balance(headers=headers)
        yield get(_COSTS, query=DAYS_PLACEHOLDER, headers=headers)


def _build_path_steps(image: ModelJson) -> Iterator[Step]:
    model = f"/v2/models/{image['id']}"
    odd_model_paths = (
        f"{model}/",
        f"/v2/models/{image['id'].upper()}",
        f"{model}%20",
        f"/v2/models/x%2f{image['id']}",
        f"{model}%00",
    )
    for group, plain, odd in (
        ("models", "/v2/models", _ODD_MODEL_LIST_PATHS),
        ("balance", "/v2/billing/balance", _ODD_BALANCE_PATHS),
        ("model", model, odd_model_paths),
    ):
        yield get(plain, group=group, use="canonical-path")
        for path in odd:
            yield get(path, group=group, use="odd-path")
    for path in _UNKNOWN_PATHS:
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
    yield from _build_override_steps(image)
    yield get_balance()


def _build_override_steps(image: ModelJson) -> Iterator[Send]:
    """Yield reads that name another method in a header, or in the query."""
    order = replace(post("image", build_small_request(image)), method="GET", use="side-method")
    for name in _OVERRIDES:
        yield replace(order, headers=(*order.headers, (name, "POST")))
    yield replace(order, query="_method=POST")


def _build_video_method_steps(video: ModelJson) -> Iterator[Step]:
    yield post("video", build_small_request(video), valid=True, name="video")
    yield Poll(of="video")
    yield request_file("video.now")
    yield get_balance()
    yield from _build_wrong_method_steps(_WRITE_METHODS, path=_RETRIEVE, ref=Ref("video"))
    yield from _build_wrong_method_steps(
        _WRITE_METHODS, link=True, ref=Ref("video.now", "/data/0/url"), key="none"
    )
    for name in _OVERRIDES:
        yield get(_RETRIEVE, ref=Ref("video"), headers=((name, "DELETE"),))
    yield get(_RETRIEVE, ref=Ref("video"), query="_method=DELETE")
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


def _build_oddity_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    yield get("/v2/models")
    yield get(f"/v2/models/{image['id']}")
    yield post("image", build_small_request(image))
    yield post("video", build_small_request(video), name="video")
    yield Poll(of="video")
    yield get_balance()
    yield get("/v2/models/no-such-model")
    yield get("/v2/billing/costs", query="start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z")
