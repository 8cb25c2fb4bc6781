"""Hypothesis strategies for plans: valid requests, requests with one known fault, sequences.

Written for our schemas. What is drawn depends on the catalogue and on the drawing alone, never on
what a provider answered; a drawn plan is plain data, so Hypothesis can shrink it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from getimg_mock.contract.corpus.choices import PIXEL
from getimg_mock.contract.plans import Plan, Poll, Ref, Send, Wait, balance, encoded, get, post
from getimg_mock.contract.verdicts import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from getimg_mock.contract.corpus.choices import Model
    from getimg_mock.contract.plans import Step
    from getimg_mock.contract.targets import Target
    from getimg_mock.contract.verdicts import Check, Verdict

_OPTIONAL: Final = {"aspect_ratio": "supported_aspect_ratios", "resolution":
                    "supported_resolutions"}  # fmt: skip
_COSTS: Final = "start=2026-08-20T00:00:00Z&end=2026-12-31T23:59:59Z"


def prompts() -> st.SearchStrategy[str]:
    """Draw texts that any provider must take: 1 to 4096 characters, in every script."""
    letters = st.characters(exclude_categories=["Cs"])
    plain = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=60)
    return st.one_of(plain, st.text(letters, min_size=1, max_size=60), st.just("a" * 4096))


def odd_values() -> st.SearchStrategy[Any]:
    """Draw JSON values of every type, with the numbers and texts that break parsers."""
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64), st.floats(allow_nan=False,
                                                                         allow_infinity=False),
        st.sampled_from(["", " ", "null", "true", "0", "\u0000", "\U0001f30a", "\ufeff", "%s"]),
        st.text(max_size=10),
    )  # fmt: skip
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                    max_size=3),
        max_leaves=6,
    )  # fmt: skip


@st.composite
def valid_bodies(draw: st.DrawFn, model: Model) -> dict[str, Any]:
    """Draw a request that a model must take."""
    body: dict[str, Any] = {"model": model["id"], "prompt": draw(prompts())}
    for name, listed in _OPTIONAL.items():
        if model[listed] and draw(st.booleans()):
            body[name] = draw(st.sampled_from(model[listed]))
    if model["type"] == "image":
        if draw(st.booleans()):
            body["output_format"] = draw(st.sampled_from(["png", "jpeg", "webp"]))
    else:
        if draw(st.booleans()):
            body["duration"] = draw(st.sampled_from(model["supported_durations"]))
        if draw(st.booleans()):
            body["sound"] = draw(st.booleans()) if model["supports_sound"] else False
    if draw(st.booleans()) and model["supported_references"]:
        body["images"] = draw(references(model))
    return draw(shuffled(body))


@st.composite
def references(draw: st.DrawFn, model: Model) -> list[dict[str, Any]]:
    """Draw references that a model must take."""
    supported = model["supported_references"]
    roles = [role for role in supported if role != "last_frame" or "first_frame" in supported]
    role = draw(st.sampled_from(roles))
    url = st.sampled_from([PIXEL, "https://example.com/cat.png", "https://example.org/a%20b.webp"])
    count = draw(st.integers(1, min(supported[role], 8)))
    images = [{"url": draw(url), "role": role} for _ in range(count)]
    if role == "last_frame":
        images = [{"url": draw(url), "role": "first_frame"}, images[0]]
    return images


@st.composite
def shuffled(draw: st.DrawFn, body: dict[str, Any]) -> dict[str, Any]:
    """Draw an order of the fields, which means nothing."""
    names = draw(st.permutations(sorted(body)))
    return {name: body[name] for name in names}


@st.composite
def submissions(draw: st.DrawFn, models: Sequence[Model]) -> Send:
    """Draw a request for a generation that must be accepted."""
    model = draw(st.sampled_from(list(models)))
    return post("image" if model["type"] == "image" else "video", draw(valid_bodies(model)),
                valid=True)  # fmt: skip


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "model": lambda value: isinstance(value, str),
    "prompt": lambda value: isinstance(value, str),
    "aspect_ratio": lambda value: isinstance(value, str),
    "resolution": lambda value: isinstance(value, str),
    "output_format": lambda value: isinstance(value, str),
    "sound": lambda value: isinstance(value, bool),
    "images": lambda value: isinstance(value, list),
    "duration": lambda value: not isinstance(value, bool) and isinstance(value, (int, float)),
}


@st.composite
def faulty(draw: st.DrawFn, models: Sequence[Model]) -> Send:
    """Draw a request with exactly one known fault, which must be refused."""
    model = draw(st.sampled_from(list(models)))
    kind = "image" if model["type"] == "image" else "video"
    body = draw(valid_bodies(model))
    fields = [name for name in _TYPES if name != ("duration" if kind == "image" else
                                                  "output_format") and
              (kind == "video" or name != "sound")]  # fmt: skip
    fault = draw(st.sampled_from(["missing", "type", "model-value", "length", "malformed"]))
    field = ""
    if fault == "missing":
        field = draw(st.sampled_from(["model", "prompt"]))
        del body[field]
    elif fault == "type":
        field = draw(st.sampled_from(fields))
        right = _TYPES[field]
        body[field] = draw(odd_values().filter(lambda value: not right(value)))
    elif fault == "model-value":
        field = draw(st.sampled_from(list(_OPTIONAL)))
        listed = model[_OPTIONAL[field]]
        body[field] = draw(st.text(max_size=8).filter(lambda value: value not in listed))
    elif fault == "length":
        body["prompt"] = draw(st.sampled_from(["", "a" * 4097, "\U0001f30a" * 5000]))
    data: Any = body
    if fault == "malformed":
        whole = encoded(body)
        data = whole[: draw(st.integers(0, len(whole) - 1))]
    return post(kind, data, valid=False, fault=fault, field=field)  # type: ignore[arg-type]


@st.composite
def plans(draw: st.DrawFn, models: Sequence[Model]) -> Plan:
    """Draw a sequence: submissions good and bad by two keys, looks, downloads and steps of time."""
    steps: list[Step] = [balance(), balance(key="b"),
                         get("/v2/billing/costs", query=_COSTS, use="costs-before")]  # fmt: skip
    videos: list[tuple[str, str]] = []
    images: list[str] = []
    for turn in range(draw(st.integers(1, 8))):
        key = draw(st.sampled_from(["a", "a", "b"]))
        what = draw(st.sampled_from(["good", "good", "bad", "look", "wait", "money", "file"]))
        if what == "good":
            step = draw(submissions(models))
            name = f"{step.operation} {turn}"
            if step.operation == "videos.create":
                videos.append((name, key))
            else:
                images.append(name)
            steps.append(_named(step, name, key))
        elif what == "bad":
            steps.append(_named(draw(faulty(models)), "", key))
        elif what == "look" and videos:
            name, owner = draw(st.sampled_from(videos))
            steps.append(get("/v2/videos/generations/{}", ref=Ref(name), key=owner))
            other = "b" if owner == "a" else "a"
            steps.append(get("/v2/videos/generations/{}", ref=Ref(name), key=other, use="foreign"))
        elif what == "file" and images:
            steps.append(Send(link=True, ref=Ref(draw(st.sampled_from(images)), "/data/0/url"),
                              key="none"))  # fmt: skip
        elif what == "wait":
            steps.append(Wait(seconds=draw(st.sampled_from([0.001, 1, 30, 90, 3600]))))
        else:
            steps.append(balance(key=key))
    steps += [Poll(of=name, key=key, every=20) for name, key in videos]  # type: ignore[arg-type]
    steps += [
        balance(),
        balance(key="b"),
        get("/v2/billing/costs", query=_COSTS, use="costs-after"),
    ]
    return Plan(name="drawn", tier="R2", steps=tuple(steps), keys=2, clock=True)


def _named(step: Send, name: str, key: str) -> Send:
    from dataclasses import replace  # noqa: PLC0415 - beside its one use

    return replace(step, name=name, key=key)  # type: ignore[arg-type]


def drawn_plans(models: Sequence[Model], *, seed: int = 0, count: int = 50) -> list[Plan]:
    """Return `count` drawn plans; the same for the same seed."""
    found: list[Plan] = []

    @_seeded(seed, count)
    @given(plans(models))
    def collect(plan: Plan) -> None:
        found.append(plan)

    collect()
    from dataclasses import replace  # noqa: PLC0415 - beside its one use

    return [replace(plan, name=f"drawn {number}") for number, plan in enumerate(found, 1)]


def _seeded(number: int, count: int) -> Callable[[Any], Any]:
    configured = settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    def decorate(test: Any) -> Any:
        return seed(number)(configured(test))

    return decorate


def smallest(check: Check, target: Target, *, tries: int = 200) -> Verdict | None:
    """Return the verdict on the smallest drawn plan that breaks `check`, or None if none does.

    The plan that shrinking ends with is run and judged once more, so the verdict is its own.
    """

    def breaks(plan: Plan) -> bool:
        return judged(check, [target.run(plan)], own=target.own).broken

    try:
        plan = find(
            plans(target.models), breaks,
            settings=settings(max_examples=tries, database=None, deadline=None,
                              suppress_health_check=list(HealthCheck)),
        )  # fmt: skip
    except NoSuchExample:
        return None
    return judged(check, [target.run(plan)], own=target.own)
