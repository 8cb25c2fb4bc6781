"""Plans about reference images: their URLs, their roles and how many a model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import (
    PIXEL,
    build_small_request,
    find_largest_resolution,
    find_upright_ratio,
    get_kind,
    list_pictured,
)
from getimg_mock.contract.plans import Plan, get, get_balance, post
from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.provider.corpus.input_values import (
    LARGE_TEXT,
    OTHER_BYTES,
    PICTURES,
    PUBLIC_URLS,
    ROLES,
    UNFETCHABLE_URLS,
    WIDE_PICTURE,
    build_large_picture,
    encode_large_body,
    encode_large_picture,
)
from getimg_mock.contract.provider.corpus.refused_plans import build_refused_plan
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, Poll, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson, ModelKind
    from getimg_mock.contract.steps import Send, Step


_MISSING_URL: Final = "https://example.com/no-such-picture-5d1f.png"
"""The public address of nothing."""

_LARGEST: Final = 10 * 1024 * 1024
"""The size of the largest picture that may be sent in a request."""

_LARGE: Final = 8 * 1024 * 1024
"""The size of another one beside it, with which the body is as large as may be."""


def build_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plans about reference images."""
    kinds: tuple[ModelKind, ...] = ("image", "video")
    for kind in kinds:
        yield build_refused_plan(f"{kind}s: references", _build_reference_steps(kind, models))
        yield Plan(
            name=f"{kind}s: references that fit",
            tier="R2",
            concurrent=True,
            steps=tuple(_build_allowed_reference_steps(kind, models)),
        )
    for pictured in list_pictured(models, "video"):
        yield Plan(
            name="a video whose reference is missing",
            tier="R2",
            steps=tuple(_build_missing_reference_steps(pictured)),
        )


def _build_reference_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    for pictured in list_pictured(models, kind):
        yield from _build_faulty_reference_steps(kind, pictured)
    yield from _build_later_reference_steps(kind, models)
    yield from _build_excess_steps(kind, models)
    yield from _build_role_combination_steps(kind, models)


def _build_faulty_reference_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    role = (
        "reference_image" if "reference_image" in model["supported_references"] else "first_frame"
    )
    for url in UNFETCHABLE_URLS:
        image = {"url": url, "role": role}
        yield post(
            kind,
            build_small_request(model) | {"images": [image]},
            valid=False,
            fault="reference-url",
            field=url[:60],
        )
    for name, url in OTHER_BYTES.items():
        yield post(
            kind,
            build_small_request(model) | {"images": [{"url": url, "role": role}]},
            valid=False,
            fault="reference-bytes",
            field=name,
        )


def _build_excess_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    """Yield orders with one reference of each role more than each model takes."""
    for candidate in models:
        if candidate["type"] != kind:
            continue
        supported = candidate["supported_references"]
        for each in ROLES:
            if kind == "image" and each != "reference_image":
                continue
            images = [{"url": PIXEL, "role": each}] * (supported.get(each, 0) + 1)
            if each == "last_frame" and supported.get("first_frame"):
                images = [*images, {"url": PIXEL, "role": "first_frame"}]
            fault = "reference-count" if supported.get(each) else "reference-role"
            yield post(
                kind,
                build_small_request(candidate) | {"images": images},
                valid=False,
                fault=fault,
                field=f"{candidate['id']}: {len(images)} with {each}",
            )


def _build_later_reference_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    """Yield faults in the second of two references: a service may check the first alone."""
    model = next(
        (
            each
            for each in models
            if each["type"] == kind and each["supported_references"].get("reference_image", 0) > 1
        ),
        None,
    )
    if model is None:
        return
    good = {"url": PIXEL, "role": "reference_image"}
    (name, other), *_ = OTHER_BYTES.items()
    for fault, field, bad in (
        ("reference-url", UNFETCHABLE_URLS[0][:60], good | {"url": UNFETCHABLE_URLS[0]}),
        ("reference-bytes", name, good | {"url": other}),
        ("reference-role", "an unknown role", good | {"role": "style_image"}),
    ):
        yield post(
            kind,
            build_small_request(model) | {"images": [good, bad]},
            valid=False,
            fault=fault,
            field=f"the second: {field}",
        )


def _build_role_combination_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    model = next(
        (m for m in models if m["type"] == kind and len(m["supported_references"]) == 3), None
    )
    if kind == "video" and model is not None:
        for roles in (
            ("last_frame",),
            ("reference_image", "first_frame"),
            ("first_frame", "reference_image"),
            ("first_frame", "last_frame", "reference_image"),
        ):
            images = [{"url": PIXEL, "role": each} for each in roles]
            yield post(
                kind,
                build_small_request(model) | {"images": images},
                valid=False,
                fault="reference-role",
                field=" with ".join(roles),
            )


def _build_allowed_reference_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Step]:
    pictured = list_pictured(models, kind)
    for cheapest in pictured:
        role = next(iter(cheapest["supported_references"]))
        for each in cheapest["supported_references"]:
            if each != "last_frame":
                yield from _build_turned_steps(cheapest, each)
        if role != "last_frame":
            yield from _build_wide_steps(cheapest, role)
    yield from _build_count_steps(kind, models)
    for cheapest in pictured:
        yield from _build_picture_steps(kind, cheapest)


def _build_picture_steps(kind: ModelKind, cheapest: ModelJson) -> Iterator[Step]:
    """Yield orders with pictures of all forms and sizes that a model takes."""
    role = next(iter(cheapest["supported_references"]))
    for name, url in PICTURES.items() if role != "last_frame" else ():
        yield post(
            kind,
            build_small_request(cheapest) | {"images": [{"url": url, "role": role}]},
            valid=True,
            use="model-value",
            field=name,
        )
    yield from _build_public_url_steps(kind, cheapest)
    if kind == "image":
        few = [{"url": LARGE_TEXT}, {"url": build_large_picture(_LARGE)}]
        few = few[: cheapest["supported_references"].get(role, 1)]
        body = build_small_request(cheapest)
        large = encode_large_body(body | {"images": few}, encode_large_picture(_LARGEST))
        for each in (body | {"images": [{"url": PIXEL}]}, large):
            yield post(kind, each, valid=True, use="model-value")


def _build_count_steps(kind: ModelKind, models: Sequence[ModelJson]) -> Iterator[Send]:
    """Yield orders with as many references of each role as each model takes."""
    for model in models:
        if model["type"] != kind:
            continue
        for each, most in model["supported_references"].items():
            images = [{"url": PIXEL, "role": each}] * min(most, 8)
            if each == "last_frame":
                images = [{"url": PIXEL, "role": "first_frame"}, *images[:1]]
            yield post(
                kind,
                build_small_request(model) | {"images": images},
                valid=True,
                use="model-value",
                field=f"{len(images)} with {each}",
            )
            if each == "last_frame":
                yield post(
                    kind,
                    build_small_request(model) | {"images": images[::-1]},
                    valid=True,
                    use="model-value",
                    field="the last frame named first",
                )


def _build_turned_steps(model: ModelJson, role: str) -> Iterator[Step]:
    """Yield an order of all that makes work slow, in an upright form, and its file.

    Its references say that they are turned, which must not count for what is made of them.
    """
    kind, count = get_kind(model), min(model["supported_references"][role], 8)
    order: dict[str, Any] = {"images": [{"url": PICTURES["a JPEG"], "role": role}] * count}
    if ratio := find_upright_ratio(model):
        order["aspect_ratio"] = ratio
    if kind == "image" and model["supported_resolutions"]:
        order["resolution"] = find_largest_resolution(model)
    if kind == "video":  # a way of its own for references may forget what else was ordered
        order["duration"] = sorted(model["supported_durations"])[:3][-1]
        order |= {"sound": True} if model.get("supports_sound") else {}
    body = build_small_request(model) | order
    name = f"turned, {role}"
    yield post(kind, body, valid=True, use="model-value", field="turned JPEGs", name=name)
    if kind == "video":
        yield Poll(of=name)
    yield request_file(f"{name}.now" if kind == "video" else name)


def _build_wide_steps(model: ModelJson, role: str) -> Iterator[Step]:
    """Yield an order without a ratio, which its reference does not decide."""
    kind, images = get_kind(model), [{"url": WIDE_PICTURE, "role": role}]
    order = build_small_request(model, images=images)
    yield post(kind, order, valid=True, use="model-value", field="a wide picture", name="wide")
    if kind == "video":
        yield Poll(of="wide")
    yield request_file("wide.now" if kind == "video" else "wide")


def _build_public_url_steps(kind: ModelKind, model: ModelJson) -> Iterator[Send]:
    """Yield orders with all forms of a URL, as many in each as the model takes."""
    supported = model["supported_references"]
    role = next((each for each in supported if each != "last_frame"), None)
    if role is None:
        return
    count = min(supported[role], 8)
    for first in range(0, len(PUBLIC_URLS), count):
        urls = PUBLIC_URLS[first : first + count]
        images = [{"url": url} | ({"role": role} if kind == "video" else {}) for url in urls]
        yield post(
            kind,
            build_small_request(model) | {"images": images},
            valid=True,
            use="model-value",
            field=f"references by URL, from the form {first + 1} on",
        )


def _build_missing_reference_steps(model: ModelJson) -> Iterator[Step]:
    """Yield a video that a service may begin, and cannot finish: it fails, and costs nothing."""
    role = next((each for each in model["supported_references"] if each != "last_frame"), None)
    if role is None:
        return
    images = [{"url": _MISSING_URL, "role": role}]
    yield get_balance()
    yield get("/v2/billing/costs", query=DAYS_PLACEHOLDER)
    yield post("video", build_small_request(model, images=images), name="video")
    yield Poll(of="video")
    yield get_balance()
    yield get("/v2/videos/generations/{}", ref=Ref("video"))
    yield get("/v2/billing/costs", query=DAYS_PLACEHOLDER)
    yield get_balance()
