"""GP4: downloaded files, compared with the fields of their results."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.model_choice import rank_resolution
from getimg_mock.contract.provider.delivered_files import list_files, list_items, list_twins
from getimg_mock.contract.provider.final_looks import bytes_stay
from getimg_mock.contract.provider.media_probe import probe_media, sniff_mime_type
from getimg_mock.contract.verdicts import check, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


_DURATION_LEEWAY: Final = 0.15

_MISSING: Final = 0.5
_MISSING_PART: Final = 0.1
"""How many seconds, or which part of a video, a track may be shorter than the video."""

_FEW_PROMPTS: Final = 2
"""Of so many prompts, chance gives all the same one of two samples too often."""

_FORMATS: Final = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


@check(
    "GP404",
    "Content-Type, bytes and output_format agree with mime_type",
    severity="major",
    evidence="documented",
    cost="T",
    why="Clients name the file after the requested format.",
    fix="Encode the file in the requested format, and set mime_type and Content-Type from that "
    "format.",
)
def formats_are_as_promised(history: History) -> Iterator[Observation]:
    """Require that Content-Type, bytes and `output_format` agree with `mime_type`.

    Applies to downloaded files and their items. Fails when the header, the file's signature or the
    requested format differs. Source: documented.
    """
    for got, result, item in list_files(history):
        promised = str(item.get("mime_type"))
        # That the header equals the field is inferred.
        seen = expect(got.kind == promised, f"Content-Type: {promised}", got.kind, result, got)
        yield replace(seen, status="INFO") if seen.failed and not history.own else seen
        yield expect(
            sniff_mime_type(got.body) == promised,
            f"bytes of {promised}",
            sniff_mime_type(got.body),
            result,
            got,
        )
    for result, item in list_items(history):
        made = history.submitted.get(result.generation)
        if made is not None and made.operation == "images.generate":
            asked = _FORMATS.get(str(made.asked.get("output_format", "jpeg")))
            if asked is not None:  # GP203 reports an unknown format that is accepted
                yield expect(
                    item.get("mime_type") == asked,
                    f"{asked}, as requested",
                    item.get("mime_type"),
                    made,
                    result,
                )


@check(
    "GP405",
    "Width, height, aspect, duration, fps and sound track are as the fields say",
    severity="major",
    evidence="documented",
    cost="T",
    why="Layouts and players are built from these fields.",
    fix="Fill the fields from the finished file, and make the file in the requested aspect and "
    "length.",
)
def sizes_are_as_promised(history: History) -> Iterator[Observation]:
    """Require that size, aspect, duration, frame rate and sound track agree with the fields.

    Applies to decoded files and their items. Fails on a difference beyond rounding, and on a file
    that cannot be decoded. Source: documented.
    """
    for got, result, item in list_files(history):
        found = probe_media(got.body)
        yield expect(not found.flaw, "a file that can be decoded", found.flaw, result, got)
        if found.flaw:
            continue
        size = (item.get("width") or found.width, item.get("height") or found.height)
        yield expect(
            size == (found.width, found.height),
            f"{size[0]}x{size[1]}",
            f"{found.width}x{found.height}",
            result,
            got,
        )
        yield from _check_track(got, result, item)
        made = history.submitted.get(result.generation)
        if made is not None:
            yield from _check_order(history, made, got)
    for result, item in list_items(history):
        yield from _check_aspect(history, result, item)


def _check_track(
    got: HttpExchange, result: HttpExchange, item: dict[str, Any]
) -> Iterator[Observation]:
    found = probe_media(got.body)
    seconds, rate = parse_decimal(item.get("duration")), parse_decimal(item.get("fps"))
    if found.mime_type != "video/mp4":
        return
    if seconds is not None:
        close = (
            found.duration is not None and abs(found.duration - float(seconds)) <= _DURATION_LEEWAY
        )
        yield expect(close, f"a video of {seconds} s", found.duration, result, got)
    if rate is not None:
        close = found.fps is not None and abs(found.fps - float(rate)) <= 0.1
        yield expect(close, f"{rate} frames per second", found.fps, result, got)
    for name, length in (("sound", found.sound_seconds), ("pictures", found.picture_seconds)):
        if length is not None and found.duration:
            missing = found.duration - length
            long = missing <= max(_MISSING, _MISSING_PART * found.duration)
            yield expect(long, f"{name} to the end", f"{length:.2f} s", result, got)
    if isinstance(item.get("has_sound"), bool):
        yield expect(
            found.has_sound == item["has_sound"],
            "a sound track" if item["has_sound"] else "no sound track",
            found.has_sound,
            result,
            got,
        )


def _check_order(history: History, made: HttpExchange, got: HttpExchange) -> Iterator[Observation]:
    """Require the file that was ordered, also where the fields of the result say nothing."""
    found = probe_media(got.body)
    model = history.find_model(made.asked.get("model")) or {}
    if found.width and found.height:
        yield from _compare_aspect(model, made, got, found.width / found.height)
    if made.operation != "videos.create" or found.duration is None:
        return
    lengths = model.get("supported_durations") or [None]
    wanted = parse_decimal(made.asked.get("duration", lengths[0]))
    if wanted is not None:
        close = abs(found.duration - float(wanted)) <= _DURATION_LEEWAY
        yield expect(close, f"{wanted} s, as ordered", found.duration, made, got)
    if made.asked.get("sound") is True and model.get("supports_sound"):
        yield expect(found.has_sound, "a sound track, as ordered", found.has_sound, made, got)


def _compare_aspect(
    model: dict[str, Any], made: HttpExchange, shown: HttpExchange, aspect: float
) -> Iterator[Observation]:
    ratios = model.get("supported_aspect_ratios") or [None]
    ratio = str(made.asked.get("aspect_ratio", ratios[0]))
    across, _, down = ratio.partition(":")
    if across.isdigit() and down.isdigit() and int(down):
        close = abs(aspect / (int(across) / int(down)) - 1) < 0.06
        yield expect(close, f"an aspect of {ratio}", f"{aspect:.3f}", made, shown)


def _check_aspect(
    history: History, result: HttpExchange, item: dict[str, Any]
) -> Iterator[Observation]:
    made = history.submitted.get(result.generation)
    width, height = parse_decimal(item.get("width")), parse_decimal(item.get("height"))
    if made is None or not width or not height:
        return
    model = history.find_model(made.asked.get("model")) or {}
    yield from _compare_aspect(model, made, result, float(width / height))
    wanted_seconds = made.asked.get("duration")
    if wanted_seconds is not None and item.get("duration") is not None:
        yield expect(
            parse_decimal(item["duration"]) == parse_decimal(wanted_seconds),
            f"{wanted_seconds} s, as requested",
            item["duration"],
            made,
            result,
        )


@check(
    "GP412",
    "A larger resolution has more pixels",
    severity="major",
    evidence="common-sense",
    cost="T",
    why="The price is for the size. Results of one model and aspect ratio are compared.",
    fix="Make the file in the resolution that was requested and charged.",
)
def dearer_is_larger(history: History) -> Iterator[Observation]:
    """Require more pixels in a result whose resolution has a larger name, whatever it costs.

    Applies to results of one model and aspect ratio, by their fields or else their files. Fails
    when one of a larger resolution is not larger. Source: our choice.
    """
    sizes = {
        path: found.width * found.height
        for got, _, item in list_files(history)
        if (path := str(item.get("url")))
        and (found := probe_media(got.body)).width
        and found.height
    }
    kinds: dict[tuple[str, str], dict[str, list[tuple[int, HttpExchange]]]] = {}
    for result, item in list_items(history):
        made = history.submitted.get(result.generation)
        model = history.find_model(made.asked.get("model")) if made is not None else None
        width, height = parse_decimal(item.get("width")), parse_decimal(item.get("height"))
        pixels = int(width * height) if width and height else sizes.get(str(item.get("url")))
        if made is None or model is None or not pixels:
            continue
        named = [
            str(made.asked.get(field) or (model.get(f"supported_{field}s") or [""])[0])
            for field in ("aspect_ratio", "resolution")
        ]
        kind = kinds.setdefault((str(model["id"]), named[0]), {})
        kind.setdefault(named[1], []).append((pixels, result))
    for sizes_of_kind in kinds.values():
        yield from _compare_resolutions(sizes_of_kind)


def _compare_resolutions(
    found: dict[str, list[tuple[int, HttpExchange]]],
) -> Iterator[Observation]:
    """Require that each result of a resolution has more pixels than all of the next smaller."""
    ranked = sorted((name for name in found if rank_resolution(name)[0]), key=rank_resolution)
    for small, large in pairwise(ranked):
        few, one = max(found[small], key=itemgetter(0))
        for many, other in found[large]:
            wanted = f"more than {few} pixels for {large} instead of {small}"
            yield expect(many > few, wanted, f"{many} pixels", one, other)


@check(
    "GP406",
    "has_sound is what was requested, where the model supports sound",
    severity="minor",
    evidence="documented",
    cost="T",
    why="Sound has its own price.",
    fix="Pass sound through to the model, and set has_sound from what was made.",
)
def sound_is_as_asked(history: History) -> Iterator[Observation]:
    """Require that `has_sound` is what was requested, where the model supports sound.

    Applies to completed videos. Fails when the field differs from the request. Source: documented.
    """
    for result, item in list_items(history):
        made = history.submitted.get(result.generation)
        if made is None or made.operation != "videos.create" or "has_sound" not in item:
            continue
        model = history.find_model(made.asked.get("model")) or {}
        wanted = bool(made.asked.get("sound", False)) and bool(model.get("supports_sound"))
        yield expect(
            item["has_sound"] is wanted, f"has_sound {wanted}", item["has_sound"], made, result
        )


@check(
    "GP410",
    "Two downloads of one link are byte for byte the same",
    severity="major",
    evidence="common-sense",
    cost="T",
    across=bytes_stay,
    why="Finished work does not change; resumed downloads and checks by hash depend on it.",
    fix="Store the file once; do not encode it anew for each download.",
)
def downloads_repeat(history: History) -> Iterator[Observation]:
    """Require identical bytes from repeated downloads of one link.

    Applies to whole downloads, at the end of the run too. Fails when two of one path differ.
    Source: our choice.
    """
    seen: dict[str, HttpExchange] = {}
    for got, _result, _item in list_files(history):
        first = seen.setdefault(got.path, got)
        if first is not got:
            yield expect(
                first.body == got.body,
                "the same bytes again",
                f"{len(first.body)} and {len(got.body)} bytes",
                first,
                got,
            )


@check(
    "GP413",
    "Orders with different prompts do not get one file",
    severity="blocker",
    evidence="common-sense",
    cost="T",
    why="A picture of another prompt was paid for, and may show what only another order should. "
    "A provider may give all orders one sample: so those of two workspaces are compared.",
    fix="Let the key of a cache, and the name of a file that is being made, name the generation.",
)
def prompts_have_files_of_their_own(history: History) -> Iterator[Observation]:
    """Require that the pictures of a workspace differ, unless they are those of the other too.

    Applies to downloads for the same prompts of two workspaces. Fails when all of each workspace
    are one file, and those of the other another: no sample for all, and not the prompt, explains
    that. Source: our choice.
    """
    found: dict[str, dict[str, HttpExchange]] = {}
    for made, got, _item in list_twins(history):
        found.setdefault(made.key, {})[str(made.asked.get("prompt"))] = got
    if len(found) == 2 and all(len(prompts) > _FEW_PROMPTS for prompts in found.values()):
        mine, theirs = found.values()
        one, other = ({each.body for each in prompts.values()} for prompts in (mine, theirs))
        yield expect(
            len(one) > 1 or len(other) > 1 or one == other,
            "pictures of different prompts that differ",
            f"one file for all {len(mine)} prompts of a workspace, another for the other's",
            *mine.values(),
        )
