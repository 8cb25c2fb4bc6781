"""GP8: the catalogue of models."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.verdicts import check, expect, fail_as, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


# Named in the official documentation's examples.
_DOCUMENTED_MODELS: Final = ("seedream-5-lite", "seedance-v1-5-pro")


_AN_HOUR: Final = timedelta(hours=1)


def _find_model_lists(history: History) -> Iterator[tuple[HttpExchange, list[dict[str, Any]]]]:
    for each in history.with_operation("models.list"):
        if each.status == 200 and isinstance(each.json, list):
            yield each, [model for model in each.json if isinstance(model, dict)]


@check(
    "GP801",
    "GET /v2/models is a bare list of models, each as documented",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented since SDK 0.4.0; prices and limits are read from it.",
    fix="Return a bare JSON array with every documented field of each model.",
)
def items_are_models(history: History) -> Iterator[Observation]:
    """Require that the model list is an array of valid models.

    Applies to successful list requests. Fails when the body is not valid by the model-list schema,
    and on an aspect ratio that is a single number. Source: documented.
    """
    for each in history.with_operation("models.list"):
        if each.status == 200 and each.method == "GET":
            found = each.parsed.find_violations("model-list")
            yield expect(
                not found, "a list of models", "; ".join(v.message for v in found[:3]), each
            )
    for each, models in _find_model_lists(history):
        ratios = [ratio for model in models for ratio in model.get("supported_aspect_ratios") or ()]
        bare = [ratio for ratio in ratios if str(ratio).isdigit()]
        yield expect(not bare, "ratios of two numbers", f"the ratio {bare[:1]}", each)


@check(
    "GP802",
    "?type= filters exactly: the two lists make up the whole",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented; a model in neither list cannot be found.",
    fix="Filter one stored list by the model's type.",
)
def types_partition_the_list(history: History) -> Iterator[Observation]:
    """Require that `?type=` filters exactly, and that both lists together are the whole.

    Applies to the full list and its two filtered forms. Fails on a model of the wrong type, in both
    or in neither. Source: documented.
    """
    whole: list[object] | None = None
    parts: dict[str, list[object]] = {}
    seen: list[HttpExchange] = []
    for each, models in _find_model_lists(history):
        kind = each.parameters.get("type")
        ids = [model.get("id") for model in models]
        if kind is None:
            whole = ids
        elif kind in {"image", "video"}:
            parts[kind] = ids
            others = [model.get("id") for model in models if model.get("type") != kind]
            yield expect(not others, f"only {kind} models", others, each)
        seen.append(each)
    if whole is not None and len(parts) == 2:
        both = parts["image"] + parts["video"]
        yield expect(
            len(set(map(str, both))) == len(both) and set(map(str, both)) == set(map(str, whole)),
            "every model in one of the two lists",
            f"{len(parts['image'])} and {len(parts['video'])} of {len(whole)}",
            *seen[:3],
        )


@check(
    "GP803",
    "GET /v2/models/{id} is the entry of the list",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented: one such object.",
    fix="Serialize list entries and single models with the same code from the same data.",
)
def models_equal_their_entries(history: History) -> Iterator[Observation]:
    """Require that a model equals its entry in the list.

    Applies to requests for listed models. Fails on another status or any different value. Source:
    documented.
    """
    listed = {
        str(model.get("id")): (each, model)
        for each, models in _find_model_lists(history)
        for model in models
    }
    for each in history.with_operation("models.retrieve"):
        name = each.path.rpartition("/")[2]
        if each.method != "GET" or name not in listed or each.status == 401:
            continue
        where, model = listed[name]
        yield expect(
            each.status == 200 and each.json == model,
            "the entry of the list",
            f"{each.status} {each.body[:120]!r}",
            where,
            each,
        )


@check(
    "GP804",
    "An unknown model is 404, an unknown type 4xx",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="A wrong id must not look like a model.",
    fix="Answer 404 not_found for unknown ids, and validate the type parameter.",
)
def unknown_models_are_404(history: History) -> Iterator[Observation]:
    """Require 404 for an unknown model, and a 4xx for an unknown type.

    Applies to catalogue requests. Fails on a success, and on a body without the envelope. Source:
    inferred.
    """
    for each in history.with_role("unknown-model"):
        yield expect(
            each.status == 404 and each.error,
            "404 in the envelope",
            f"{each.status} {each.body[:100]!r}",
            each,
        )
    for each in history.with_role("bad-type"):
        yield expect(400 <= each.status < 500, "4xx for an unknown type", each.status, each)


@check(
    "GP805",
    "Rates are ordered by price, one for each resolution and sound",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented order; with two rates for one combination the price is undefined.",
    fix="Sort rates by unit_price, and keep one for each combination.",
)
def rates_are_ordered(history: History) -> Iterator[Observation]:
    """Require rates ordered by price, with one for each unit, resolution and sound.

    Applies to the rates of every listed model. Fails on a wrong order and on duplicates. Source:
    documented.
    """
    for each, models in _find_model_lists(history):
        for model in models:
            rates = model.get("pricing", {}).get("rates", [])
            prices = [parse_decimal(rate.get("unit_price")) for rate in rates]
            known = [price for price in prices if price is not None]
            yield expect(
                len(known) == len(prices) and known == sorted(known),
                f"rates of {model.get('id')} by price",
                [str(price) for price in prices],
                each,
            )
            keys = [
                (rate.get("billable_unit"), rate.get("resolution"), rate.get("sound"))
                for rate in rates
            ]
            yield expect(
                len(set(keys)) == len(keys), "one rate for each resolution and sound", keys, each
            )


@check(
    "GP806",
    "Image models have no durations and no sound, video models have durations",
    severity="minor",
    evidence="documented",
    cost="0",
    why="Documented; forms are built from it.",
    fix="Fill supported_durations and supports_sound by the type of the model.",
)
def images_have_no_length(history: History) -> Iterator[Observation]:
    """Require no durations or sound for image models, and durations for video models.

    Applies to every listed model. Fails on a list that contradicts the model's type. Source:
    documented.
    """
    for each, models in _find_model_lists(history):
        for model in models:
            if model.get("type") == "image":
                plain = not model.get("supported_durations") and not model.get("supports_sound")
                yield expect(
                    plain,
                    f"{model.get('id')} without durations and sound",
                    [model.get("supported_durations"), model.get("supports_sound")],
                    each,
                )
            elif model.get("type") == "video":
                yield expect(
                    model.get("supported_durations"),
                    f"{model.get('id')} with durations",
                    model.get("supported_durations"),
                    each,
                )


@check(
    "GP807",
    "An omitted field means the first listed value",
    severity="major",
    evidence="documented",
    cost="1",
    why="Documented; the default decides what is paid.",
    fix="Take each default from the first entry of the catalogue's list.",
)
def first_values_are_defaults(history: History) -> Iterator[Observation]:
    """Require that an omitted field means the first value of the model's list.

    Applies to pairs of requests, one with the first values and one without. Fails when size,
    length, format or price differ. Source: documented.
    """
    for name, group in history.groups.items():
        if not name.startswith("default:"):
            continue
        ends = {each.use: history.ended.get(each.generation) for each in group}
        omitted, explicit = ends.get("omitted"), ends.get("explicit")
        # What has failed shows no defaults.
        if omitted is not None and explicit is not None and omitted.items and explicit.items:
            yield expect(
                _describe_result(omitted) == _describe_result(explicit),
                f"as with the first values: {_describe_result(explicit)}",
                _describe_result(omitted),
                explicit,
                omitted,
            )


def _describe_result(exchange: HttpExchange) -> list[object]:
    item = exchange.items[0] if exchange.items else {}
    usage = exchange.object.get("usage") or {}
    fields = [
        str(item.get(name)) for name in ("width", "height", "duration", "mime_type", "has_sound")
    ]
    return [*fields, str(usage.get("unit_price")), str(usage.get("quantity"))]


@check(
    "GP808",
    "The models of the documentation's examples exist",
    severity="info",
    evidence="assumption",
    cost="0",
    why="Users copy the examples.",
    fix="List the documented models, or change the examples.",
)
def documented_models_exist(history: History) -> Iterator[Observation]:
    """Require that the models of the official documentation's examples exist.

    Applies to the unfiltered list. It informs when `seedream-5-lite` or `seedance-v1-5-pro` is
    missing. Source: documented.
    """
    for each, models in _find_model_lists(history):
        if "type" in each.parameters:
            continue
        ids = {model.get("id") for model in models}
        missing = [name for name in _DOCUMENTED_MODELS if name not in ids]
        yield expect(not missing, "the models of the documentation", f"without {missing}", each)
        yield note(f"{len(ids)} models", each)


def _has_come_back(listed: HttpExchange, earlier: list[HttpExchange]) -> bool:
    """Return whether the models of a list are those of an earlier one, and not of the last."""
    content, *before, last = (sorted(each.json, key=repr) for each in [listed, *earlier])
    return content in before and content != last


@check(
    "GP809",
    "A repeated request returns the same list",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="A varying list cannot be cached or compared.",
    fix="Serve the list in a fixed order from one source.",
)
def lists_repeat(history: History) -> Iterator[Observation]:
    """Require the same model list from repeated requests within an hour.

    Applies to requests with one key, query and headers. Fails when two lists differ, as an error
    where models come and go. Their order is documented nowhere. Source: our choice.
    """
    seen: dict[tuple[object, ...], list[HttpExchange]] = {}
    for each, _models in _find_model_lists(history):
        earlier = seen.setdefault((each.key, each.query, each.request_headers), [])
        if earlier and each.at - earlier[0].at < _AN_HOUR:
            same = earlier[0].json == each.json
            # A list may be changed once; one that is now this and now that has no true form.
            if earlier[-1].json != each.json and _has_come_back(each, earlier):
                wanted = "one list, not two by turns"
                yield fail_as("FAIL", wanted, "another", earlier[-1], each)
            else:
                yield expect(same, "the same list again", "another", earlier[0], each)
        earlier.append(each)
