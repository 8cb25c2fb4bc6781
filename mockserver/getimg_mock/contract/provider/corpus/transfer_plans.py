"""Plans about how bodies travel: in chunks or pieces, compressed, or not at all for a tag."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
    get_kind,
    list_pictured,
)
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.provider.corpus.input_values import build_large_picture
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, DONOR, Delivery, Poll, Ref, Send

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step

_COSTS: Final = "/v2/billing/costs"
_RETRIEVE: Final = "/v2/videos/generations/{}"
_DELIVERIES: Final[tuple[Delivery, ...]] = ("chunked", "pieces", "expect")

_TURNS: Final = 5
"""How often each is tried: what goes wrong once in five is among them."""

_LARGE: Final = 200_000
"""The bytes of a picture whose request no server reads in one piece."""

_MEDIA_TYPES: Final = (
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "Application/JSON",
)
_HEADERS: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (("CONTENT-TYPE", "application/json"), ("ACCEPT", "*/*")),
    (("content-type", "application/json"), ("accept", "application/json, text/plain, */*")),
    (("content-type", "application/json"), ("accept-language", "de"), ("cookie", "a=b")),
    (("content-type", "application/json"), ("user-agent", "")),
)

_CODINGS: Final = ("gzip", "deflate", "gzip;q=0, identity", "identity", "gzip, deflate;q=0.5")


def build_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plans about bodies on their way."""
    image, video = find_cheapest(models, "image"), find_cheapest(models, "video")
    pictured = list_pictured(models, "image")
    yield Plan(
        name="bodies in parts", tier="R2", steps=(*_build_part_steps(image, video, pictured),)
    )
    yield Plan(name="compression", steps=(*_build_coding_steps(image),))
    yield Plan(name="compression of a file", tier="R2", steps=(*_build_file_coding_steps(image),))
    yield Plan(
        name="spellings of application/json",
        tier="R2",
        concurrent=True,
        steps=(*_build_media_type_steps(image, video),),
    )
    yield Plan(
        name="tags of what has changed", tier="R2", keys=2, steps=(*_build_tag_steps(video),)
    )


def _build_part_steps(
    image: ModelJson, video: ModelJson, pictured: Sequence[ModelJson]
) -> Iterator[Step]:
    yield get_balance()
    for turn in range(_TURNS):
        for delivery in _DELIVERIES:
            body = build_small_request(image, prompt=f"Wellen \U0001f30a, {turn}")
            if turn == 1:
                yield _send_in(delivery, image, body | {"prompt": ""}, valid=False, fault="length")
            yield _send_in(delivery, image, body, valid=True)
    large = [{"url": build_large_picture(_LARGE)}]
    for delivery in _DELIVERIES:
        name = f"video, {delivery}"
        yield _send_in(delivery, video, build_small_request(video), valid=True, name=name)
        for model in pictured:
            yield _send_in(delivery, model, build_small_request(model, images=large), valid=True)
    for delivery in _DELIVERIES:
        yield Poll(of=f"video, {delivery}", every=20)
    yield get_balance()


def _build_media_type_steps(image: ModelJson, video: ModelJson) -> Iterator[Step]:
    """Yield orders whose headers are spelled otherwise: neither case nor charset mean anything."""
    body = build_small_request(image)
    for value in _MEDIA_TYPES:
        spelled = (("content-type", value),)
        yield post("image", body, headers=spelled, valid=True, field=f"Content-Type: {value}")
    for headers in _HEADERS:
        yield post("image", body, headers=headers, valid=True)
    spelled = (("content-type", _MEDIA_TYPES[0]),)
    yield post("video", build_small_request(video), headers=spelled, valid=True, name="video")
    yield Poll(of="video", every=20)


def _send_in(delivery: Delivery, model: ModelJson, body: dict[str, Any], **more: Any) -> Send:
    return post(get_kind(model), body, delivery=delivery, field=f"a body: {delivery}", **more)


def _build_coding_steps(image: ModelJson) -> Iterator[Step]:
    """Yield reads that allow a coding, and the same read without one."""
    reads = {
        "models": get("/v2/models"),
        "a model": get(f"/v2/models/{image['id']}"),
        "costs": get(_COSTS, query="start=2026-03-01T00:00:00Z&end=2026-07-02T00:00:00Z"),
        "an error": get(f"/v2/models/no-such-model-{'x' * 80}"),
    }
    for name, read in reads.items():
        group = f"coded {name}"
        yield replace(read, group=group)
        for coding in _CODINGS:
            headers = (("accept-encoding", coding),)
            for _ in range(_TURNS if name == "models" and coding == "gzip" else 1):
                yield replace(read, group=group, headers=headers)
            yield replace(read, method="HEAD", headers=headers)
        yield replace(read, group=group)


def _build_file_coding_steps(image: ModelJson) -> Iterator[Step]:
    yield post("image", build_small_request(image), valid=True, name="image")
    link = Send(link=True, ref=Ref("image", "/data/0/url"), key="none", group="coded file")
    yield link
    for coding in _CODINGS:
        yield replace(link, headers=(("accept-encoding", coding),))
    yield link
    part = ("range", "bytes=0-99")
    yield replace(link, headers=(("accept-encoding", "gzip"), part), group="")


def _build_tag_steps(video: ModelJson) -> Iterator[Step]:
    """Yield reads that name the tag, or the date, of what was shown before it changed."""
    reads = {
        "balance": get_balance(),
        "costs": get(_COSTS, query=DAYS_PLACEHOLDER),
        "status": get(_RETRIEVE, ref=Ref("video")),
    }
    yield post("video", build_small_request(video), valid=True, name="video")
    for name, read in reads.items():
        yield replace(read, name=name)
    yield Poll(of="video")
    for name, read in reads.items():
        for header, source in (("if-none-match", "etag"), ("if-modified-since", "last-modified")):
            yield replace(
                read,
                headers=((header, DONOR),),
                donor=Ref(name, f"header:{source}"),
                use="stale-tag",
            )
        yield read
    for name in ("balance", "costs"):
        yield replace(
            reads[name],
            key="b",
            headers=(("if-none-match", DONOR),),
            donor=Ref(name, "header:etag"),
            use="stale-tag",
        )
        yield replace(reads[name], key="b")
