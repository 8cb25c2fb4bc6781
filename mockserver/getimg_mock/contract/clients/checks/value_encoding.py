"""GC104 to GC106: texts, ids and moments that need encoding in a request."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    NO_RETRIES,
    VIDEO,
    Case,
    ClientCall,
    image,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_json_answer
from getimg_mock.contract.clients.checks.message_variants import IMAGE_ANSWER
from getimg_mock.contract.clients.checks.request_bodies import read_fields
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.model_choice import PIXEL
from getimg_mock.contract.verdicts import expect, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_ODD_PROMPTS: Final = (
    "astral \U0001f3d4\ufe0f \U0001f469\u200d\U0001f680",
    "combining e\u0301 a\u0308\u0323",
    "rtl \u05e9\u05dc\u05d5\u05dd \u202eabc\u202c",
    'zero \u0000 tab \t line \n quote " back \\',
    "\ufeffbom \u2028 \u2029 \ufffd \uffff",
    # What shells, templates, browsers, word processors and editors write otherwise.
    "$PATH ${HOME} %PATH% ~ `true` $(true)",
    " 100% of %s, %41 {x} ${y} &amp; <b> \\n \u201cquoted\u201d it\u2019s\u00a0\u2026 \uff21\r\n",
)
_ODD_IDS: Final = (
    "a/b?c=#d",
    "with space+plus%2F",
    "\u00fc\u4e2d",
    "..",
    "../billing/balance",
    ".",
    " Padded-Id~ ",
)
_LONGEST_PROMPT: Final = 4096
"""The characters that a prompt may have, as documented."""
_FILLINGS: Final = ("and on ", "und \u00fcber ", "\u5c71\u3068", "\U0001f3d4")
"""Texts of one to four bytes a character, and the last of two units of UTF-16."""
_LARGE: Final = 12 * 1024 * 1024
_LARGE_REAL: Final = 10_600_000
"""How many characters a reference has: 10 MiB is what its picture may have, and not its text."""
_ODD_MODEL: Final = "Vendor/Model-X.5"
"""A model that is not in the catalogue yet, in letters of both cases."""
_LESS_USUAL: Final = {"aspect_ratio": "21:9", "resolution": "3K", "output_format": "webp"}
"""Values that models of today have, besides those that most have in common."""
_JPEG: Final = f"data:image/jpeg;base64,{b64encode(bytes.fromhex('ffd8ffe0') + bytes(24)).decode()}"
_ODD_LINK: Final = (
    "https://files.example/%7Ejo/p%2Fq+r.png?u=https%3A%2F%2Fx.example%2F&sig=a%2Bb%3D&e=#top"
)
_FRAMES: Final = [
    {"url": f"https://files.example/{role}.png", "role": role}
    for role in ("last_frame", "first_frame")
]


def cases(stream: Stream) -> Iterator[Case]:
    """Yield the cases."""
    prompts = [f"{text} {stream.letters[:8]}" for text in _ODD_PROMPTS]
    ends = f"at both ends {stream.letters[:8]} "
    prompts += [_lengthen_prompt(ends, filling) for filling in _FILLINGS]
    images = tuple(image(prompt=each) for each in prompts)
    videos = tuple(video(prompt=each).instead_of("generate_image") for each in prompts)
    yield Case(name="unicode", settings={"video_seconds": 1}, calls=(*images, *videos))
    yield from _build_reference_cases()
    ids = [(op, each) for op in ("retrieve_video", "model") for each in _ODD_IDS]
    yield Case(
        name="odd-ids",
        options=NO_RETRIES,
        calls=tuple(ClientCall(op=op, args={"id": each}) for op, each in ids),
    )
    yield from _build_cost_cases()


def _build_reference_cases() -> Iterator[Case]:
    any_answer = fault_actions.answer_instead(build_json_answer(200, IMAGE_ANSWER))
    answer = FaultRule(on="images.generate", do=any_answer, label="any references", must=False)
    large = Case(name="large-body", calls=(image(images=list(_large_references())),))
    yield large.with_changes(rules=(answer,), patience=None)
    # A program gets it in a line, and one of them is beyond 10 MiB as text already.
    one = image(images=[build_reference(_LARGE_REAL)])
    yield large.with_changes(name="large-body-real", calls=(one,), rules=(answer,), real_time=True)
    longest = {"images": _FRAMES, "duration": 12, "sound": True}
    yield Case(
        name="ordered-references",
        calls=(
            image(model=_ODD_MODEL, images=_list_references(), **_LESS_USUAL),
            ClientCall(op="submit_video", args=VIDEO | longest),
            video(**longest).instead_of("submit_video"),
        ),
        settings={"video_seconds": 1},
        rules=(answer,),
    )


def _build_cost_cases() -> Iterator[Case]:
    zones = ("+02:00", "-11:30", "+00:00")
    yield Case(name="zones", calls=tuple(_read_costs(20 + n, z) for n, z in enumerate(zones)))
    moments = tuple(
        replace(each, args={name: datetime.fromisoformat(text) for name, text in each.args.items()})
        for each in (_read_costs(20 + n, z) for n, z in enumerate(zones[:2]))
    )
    yield Case(name="zones-of-objects", calls=moments, options=NO_RETRIES, patience=None)
    yield Case(name="no-zone", options=NO_RETRIES, calls=(_read_costs(28, ""),))


def _lengthen_prompt(ends: str, filling: str) -> str:
    """Return the longest prompt that the API takes, which begins and ends with a text."""
    return ends + filling * ((_LONGEST_PROMPT - 2 * len(ends)) // len(filling)) + ends


def _list_references() -> list[dict[str, str]]:
    """Return references in an order that neither their addresses nor their names give them.

    The first one comes again, one is a picture that is no PNG, and one has an address that changes
    when it is decoded and encoded.
    """
    names = ("lake.png", "old/tree.jpg", "bird.webp", "Zebra.png", "anvil.jpg")
    hosts = ("pictures.example", "files.example")
    links = [f"https://{hosts[place % 2]}/{name}?v={9 - place}" for place, name in enumerate(names)]
    return [
        {"url": link, "role": "reference_image"} for link in (*links, _ODD_LINK, links[0], _JPEG)
    ]


def _read_costs(day: int, zone: str) -> ClientCall:
    """Return the call that reads the costs from a moment of August to one after its end."""
    return ClientCall(
        op="costs",
        args={"start": f"2026-08-{day}T09:41:27{zone}", "end": f"2026-09-01T18:05:43{zone}"},
    )


@cache
def _large_references() -> tuple[dict[str, str], ...]:
    """Return two references inline: just under 10 MiB each, and 25 MiB together with the rest."""
    one = build_reference(_LARGE)
    return (one, one)


@cache
def build_reference(size: int) -> dict[str, str]:
    """Return a reference inline that takes so many characters."""
    head, _, pixel = PIXEL.partition(",")
    # A picture may be followed by bytes that are none of it.
    link = f"{head},{b64encode(b64decode(pixel) + bytes(size * 3 // 4)).decode()}"
    return {"url": link, "role": "reference_image"}


@client_check(
    "GC104",
    "A prompt arrives character by character as it was given, references too, in their order",
    severity="major",
    evidence="standard",
    why="A changed or truncated prompt gives another picture; a body may have 25 MiB.",
    fix="Encode JSON as UTF-8 and do not change the text.",
    source="RFC 8259, section 8; that a body may have 25 MiB is documented",
    cases=("unicode", "large-body", "large-body-real", "ordered-references"),
)
def prompts_arrive_as_they_were(history: ClientHistory) -> Iterator[Observation]:
    """Demands that prompts and references arrive exactly as given.

    Tries emoji, combining and right-to-left characters, control characters, signs that templates
    and HTML read otherwise, and prompts of the full length of one to four bytes a character. The
    references have an order of their own, one comes twice, and the last frame comes first; model
    and values are not those that most know, and a body has 24 MiB. Fails when a character is
    changed, lost or normalised, or when nothing is sent.
    """
    for outcome in history.calls("generate_image", "generate_video", "submit_video"):
        sent = [each for each in history.during(outcome) if each.submits]
        asked = outcome.args["prompt"]
        if not sent:
            yield fail(f"the prompt {asked!a} sent", outcome.shown)
        for each in sent:
            body = read_fields(each)
            got = body.get("prompt")
            yield expect(got == asked, f"the prompt {asked!a}", f"{got!a}", each)
            images, got = outcome.args.get("images"), body.get("images")
            if got == images:  # references can be 24 MiB: their size is for a breach alone
                yield expect(got == images, "the references given", "", each)
            else:
                size = f"references of {_size(images)} characters"
                yield fail(size, f"{_size(got)}, or others", each)


def _size(value: Any) -> int:
    return len(json.dumps(value))


@client_check(
    "GC105",
    "Ids are percent-encoded in paths; one that is a dot segment is refused",
    severity="blocker",
    evidence="standard",
    why="An id from outside must not select another endpoint.",
    fix="Encode every path parameter whole, slashes included; refuse '.' and '..'.",
    source="RFC 3986, sections 3.3 and 5.2.4",
    cases=("odd-ids",),
)
def ids_are_encoded(history: ClientHistory) -> Iterator[Observation]:
    """Demands that an id with reserved characters is percent-encoded as one path segment.

    Fails when the id reaches another path or query, or when an id that is not sent raises no error.
    """
    for outcome in history.calls("retrieve_video", "model"):
        asked = outcome.args["id"]
        start = "/v2/videos/generations/" if outcome.op == "retrieve_video" else "/v2/models/"
        for each in history.during(outcome):
            target = each.target
            inside = target.removeprefix(start)
            whole = target.startswith(start) and unquote(inside) == asked
            plain = "/" not in inside and "?" not in inside and inside not in {".", ".."}
            yield expect(
                whole and plain,
                f"{start} and the id {asked!r}, encoded, or no request",
                target,
                each,
            )
        if not history.during(outcome):
            yield expect(
                outcome.kind == "error", "an error for an id that cannot be sent", outcome.shown
            )


@client_check(
    "GC106",
    "Moments are sent with a zone, and '+' is encoded",
    severity="major",
    evidence="documented",
    why="The documentation requires the zone; a '+' that is not encoded arrives as a space.",
    fix="Refuse a datetime without a zone, or add the intended zone; encode '+' as %2B.",
    cases=("zones", "zones-of-objects", "no-zone"),
)
def moments_have_a_zone(history: ClientHistory) -> Iterator[Observation]:
    """Demands that the range of a cost query has a time zone and denotes the same instants.

    Fails when a `+` is not encoded, or when a time without a zone is sent or silently accepted.
    """
    for outcome in history.calls("costs"):
        sent = history.during(outcome)
        if history.case == "zones-of-objects" and not sent:
            continue  # a client may take texts alone
        zoneless = _parse_utc(outcome.args["start"]) is None
        if not sent:
            yield expect(zoneless and outcome.kind == "error", "the moments sent", outcome.shown)
        for each in sent:
            found = parse_qs(each.query)
            for name in ("start", "end"):
                got = _parse_utc(next(iter(found.get(name, [""]))))
                asked = _parse_utc(outcome.args[name])
                expected = f"{name}={outcome.args[name]}" if asked else f"{name} with a zone"
                right = got is not None and (asked is None or got == asked)
                yield expect(right, expected, each.query, each)


def _parse_utc(text: str | datetime) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None
