"""Providers that take what they should refuse, or refuse what they should take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering

if TYPE_CHECKING:
    from collections.abc import Callable

Repair = "Callable[[dict[str, Any]], None]"


def lenient(repair: Callable[[dict[str, Any]], None]) -> Callable[[Asked, Scene], Reply | None]:
    """Repair a body before it is judged, as a lenient provider does in effect.

    A body that needs no repair goes on as it came: written anew, even one in UTF-16 would pass.
    """

    def answer(asked: Asked, scene: Scene) -> Reply | None:
        body = asked.json
        if asked.submits and isinstance(body, dict):
            before = json.dumps(body)
            repair(body)
            if json.dumps(body) == before:
                return None
            asked.body = json.dumps(body).encode()
            return scene.send(asked)
        return None

    return answer


def refuse(
    matches: Callable[[dict[str, Any]], bool], status: int = 400
) -> Callable[[Asked, Scene], Reply | None]:
    """Refuse a body that is right."""

    def answer(asked: Asked, _scene: Scene) -> Reply | None:
        body = asked.json
        if asked.submits and asked.opens and isinstance(body, dict) and matches(body):
            reply = refuse_all(asked, _scene)
            reply.status = status
            return reply
        return None

    return answer


def refuse_all(_asked: Asked, _scene: Scene) -> Reply:
    """Refuse a request, whatever it is."""
    error = {"message": "No.", "type": "invalid_request_error", "param": None}
    reply = Reply(400, {}, b"")
    reply.say({"error": error | {"code": "invalid_parameter"}})
    return reply


def text(body: dict[str, Any], name: str) -> str:
    """Return the text of a field, or an empty one."""
    return body[name] if isinstance(body.get(name), str) else ""


def _default_model(body: dict[str, Any]) -> None:
    body.setdefault("model", "z-image-turbo")


def _default_prompt(body: dict[str, Any]) -> None:
    body.setdefault("prompt", "something nice")


def _null_is_absent(body: dict[str, Any]) -> None:
    for name in [name for name, value in body.items() if value is None]:
        if name not in {"model", "prompt"}:
            del body[name]


def _coerce(body: dict[str, Any]) -> None:
    if isinstance(body.get("duration"), str) and body["duration"].isdigit():
        body["duration"] = int(body["duration"])


def _truthy(body: dict[str, Any]) -> None:
    if body.get("sound") in ("true", 1):
        body["sound"] = True


def _prompt_to_text(body: dict[str, Any]) -> None:
    if "prompt" in body and not isinstance(body["prompt"], str):
        body["prompt"] = json.dumps(body["prompt"])


def _lower(body: dict[str, Any]) -> None:
    if text(body, "output_format"):
        body["output_format"] = body["output_format"].lower().strip()


def _jpg(body: dict[str, Any]) -> None:
    if text(body, "output_format") in {"jpg", "gif"}:
        body["output_format"] = "jpeg"


def _any_resolution(body: dict[str, Any]) -> None:
    if text(body, "resolution") in {"8K", "144p", "1k"}:
        del body["resolution"]


def _any_ratio(body: dict[str, Any]) -> None:
    if text(body, "aspect_ratio") in {"5:7", "0:0", "16x9", "9:21"}:
        del body["aspect_ratio"]


def _clamp(body: dict[str, Any]) -> None:
    seconds = body.get("duration")
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds < 1e9:
        body["duration"] = max(4, min(12, int(seconds)))


def _cut_to_the_longest(body: dict[str, Any]) -> None:
    seconds = body.get("duration")
    if isinstance(seconds, int) and not isinstance(seconds, bool) and 12 < seconds < 10**9:
        body["duration"] = 12


def _cut_prompt(body: dict[str, Any]) -> None:
    if text(body, "prompt"):
        body["prompt"] = body["prompt"][:4096]


def _empty_prompt(body: dict[str, Any]) -> None:
    if body.get("prompt") == "":
        body["prompt"] = " "


def _cut_references(body: dict[str, Any]) -> None:
    """Leave out references that repeat the first."""
    images = body.get("images")
    if isinstance(images, list) and len(images) > 1 and images.count(images[0]) == len(images):
        body["images"] = images[:1]


def _take_the_first_reference(body: dict[str, Any]) -> None:
    """Look at the first of several references alone, where the others say what it says."""
    images = body.get("images")
    if isinstance(images, list) and len(images) == 2 and isinstance(images[0], dict):
        body["images"] = [images[0], images[0]]


def _roles(body: dict[str, Any]) -> None:
    images = body.get("images")
    for image in images if isinstance(images, list) else ():
        if isinstance(image, dict) and str(image.get("role")) in {"style", "", "reference_image "}:
            image["role"] = "reference_image"


def _urls(starts: tuple[str, ...]) -> Callable[[dict[str, Any]], None]:
    def repair(body: dict[str, Any]) -> None:
        images = body.get("images")
        for image in images if isinstance(images, list) else ():
            if isinstance(image, dict) and str(image.get("url")).startswith(starts):
                image["url"] = "https://example.com/cat.png"

    return repair


def _replace_model(body: dict[str, Any]) -> None:
    if body.get("model") == "no-such-model":
        body["model"] = "z-image-turbo"


def _any_film(body: dict[str, Any]) -> None:
    if body.get("model") == "no-such-model" and "duration" in body:
        body["model"] = "seedance-v1-5-pro"


def _trim_model(body: dict[str, Any]) -> None:
    if text(body, "model"):
        body["model"] = body["model"].strip().lower()


def _any_kind(body: dict[str, Any]) -> None:
    if str(body.get("model")).startswith("seedance") and "duration" not in body:
        body["model"] = "z-image-turbo"
        body.pop("resolution", None)


def _any_content_type(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits:
        asked.headers["content-type"] = "application/json"
        return scene.send(asked)
    return None


def _lax_json(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and asked.json is None:
        text = asked.body.decode("utf-8", "replace")
        for tried in (text + "}", text.replace(",}", "}"), text.replace("'", '"')):
            try:
                json.loads(tried)
            except (ValueError, RecursionError):
                continue
            asked.body = tried.encode()
            return scene.send(asked)
    return None


def _bad_bytes(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits:
        asked.body = asked.body.decode("utf-8", "replace").encode()
        return scene.send(asked)
    return None


def _array_of_one(asked: Asked, scene: Scene) -> Reply | None:
    body = asked.json
    if asked.submits and isinstance(body, list) and len(body) == 1:
        asked.body = json.dumps(body[0]).encode()
        return scene.send(asked)
    return None


def _unbounded(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and len(asked.body) > 10 * 1024 * 1024:
        asked.body = b'{"model":"z-image-turbo","prompt":"a"}'
        return scene.send(asked)
    return None


def _too_large_in_text(asked: Asked, scene: Scene) -> Reply:
    reply = scene.send(asked)
    if reply.status == 413:
        reply.raw(b'{"detail":"Request Entity Too Large"}')
    return reply


def _erratic(asked: Asked, scene: Scene) -> Reply | None:
    body = asked.json
    if isinstance(body, dict) and "seed" in body:
        return refuse(lambda _: True)(asked, scene)
    return None


def _eight(body: dict[str, Any]) -> bool:
    return isinstance(body.get("images"), list) and len(body["images"]) == 8


def _no_resolution(body: dict[str, Any]) -> bool:
    return {"model", "prompt"} <= set(body) and "resolution" not in body


def _garbles(asked: Asked, scene: Scene) -> Reply | None:
    body = asked.json
    prompt = text(body, "prompt") if isinstance(body, dict) else ""
    if asked.submits and any("\u0590" <= letter <= "\u05ff" for letter in prompt):
        reply = refuse(lambda _: True)(asked, scene)
        if reply is not None:
            misread = prompt.encode().decode("latin-1")
            error = reply.json["error"] | {"message": f"Unsupported script: '{misread}'."}
            reply.say({"error": error})
        return reply
    return None


def _float_refused(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and b'"duration":5.0' in asked.body:
        return refuse(lambda _: True)(asked, scene)
    return None


def _astral(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and any(byte >= 0xF0 for byte in asked.body):
        reply = scene.send(asked)
        reply.status = 500
        return reply
    return None


def _ranges(edit: Callable[[Asked], None]) -> Callable[[Asked, Scene], Reply | None]:
    def answer(asked: Asked, scene: Scene) -> Reply | None:
        if asked.path == "/v2/billing/costs":
            edit(asked)
            return scene.send(asked)
        return None

    return answer


def _assume_zone(asked: Asked) -> None:
    asked.query = "&".join(
        part + "Z"
        if part.count(":") == 2
        and part[-1].isdigit()
        and "+" not in part
        and "%2B" not in part
        and "-05" not in part
        else part
        for part in asked.query.split("&")
    )


def _long_ranges(asked: Asked) -> None:
    asked.query = asked.query.replace("end=2026-08-29", "end=2026-08-28")


def _swap(asked: Asked) -> None:
    values = asked.parameters
    if {"start", "end"} <= set(values) and values["end"] < values["start"]:
        asked.query = f"start={values['end']}&end={values['start']}"


VALIDATION: tuple[Mutant, ...] = tuple(
    Mutant(
        name=name,
        kind="validation",
        breaks=breaks,
        wrap=answering(answer),
        blocker=breaks in {"GP210", "GP216"},
    )
    for name, breaks, answer in (
        ("model-has-a-default", "GP201", lenient(_default_model)),
        ("prompt-has-a-default", "GP201", lenient(_default_prompt)),
        ("null-is-absent", "GP202", lenient(_null_is_absent)),
        ("texts-become-numbers", "GP202", lenient(_coerce)),
        ("truthy-is-true", "GP202", lenient(_truthy)),
        ("prompts-become-texts", "GP202", lenient(_prompt_to_text)),
        ("formats-without-case", "GP203", lenient(_lower)),
        ("jpg-is-jpeg", "GP203", lenient(_jpg)),
        ("roles-are-guessed", "GP203", lenient(_roles)),
        ("any-resolution", "GP204", lenient(_any_resolution)),
        ("any-aspect-ratio", "GP204", lenient(_any_ratio)),
        ("durations-are-clamped", "GP204", lenient(_clamp)),
        ("too-long-videos-are-cut", "GP204", lenient(_cut_to_the_longest)),
        ("refuses-a-listed-ratio", "GP204", refuse(lambda b: b.get("aspect_ratio") == "9:16")),
        ("refuses-a-listed-resolution", "GP204", refuse(lambda b: b.get("resolution") == "4K")),
        ("long-prompts-are-cut", "GP205", lenient(_cut_prompt)),
        ("empty-prompts-pass", "GP205", lenient(_empty_prompt)),
        ("prompt-of-4096-refused", "GP205", refuse(lambda b: len(str(b.get("prompt"))) == 4096)),
        (
            "prompt-counted-in-bytes",
            "GP205",
            refuse(lambda b: len(str(b.get("prompt")).encode("utf-8", "replace")) > 4096),
        ),
        ("unknown-fields-by-name", "GP206", _erratic),
        ("repairs-json", "GP207", _lax_json),
        ("repairs-utf8", "GP207", _bad_bytes),
        ("takes-an-array-of-one", "GP207", _array_of_one),
        ("any-content-type", "GP208", _any_content_type),
        ("references-are-cut", "GP209", lenient(_cut_references)),
        ("first-reference-is-checked", "GP210", lenient(_take_the_first_reference)),
        ("fetches-plain-http", "GP210", lenient(_urls(("http://",)))),
        (
            "fetches-loopback",
            "GP210",
            lenient(_urls(("https://localhost", "https://127", "https://[::1]"))),
        ),
        ("fetches-the-metadata-service", "GP210", lenient(_urls(("https://169.254",)))),
        (
            "fetches-private-addresses",
            "GP210",
            lenient(_urls(("https://10.", "https://192.168", "https://172.16"))),
        ),
        ("fetches-numeric-hosts", "GP210", lenient(_urls(("https://2130706433", "https://0x7f")))),
        ("reads-files", "GP210", lenient(_urls(("file:",)))),
        ("takes-bare-base64", "GP210", lenient(_urls(("iVBOR",)))),
        ("takes-svg-and-gif", "GP210", lenient(_urls(("data:image/gif", "data:image/svg")))),
        ("no-size-limit", "GP211", _unbounded),
        ("too-large-outside-the-envelope", "GP211", _too_large_in_text),
        ("unknown-model-is-replaced", "GP212", lenient(_replace_model)),
        ("unknown-model-makes-a-film", "GP212", lenient(_any_film)),
        ("model-without-case", "GP212", lenient(_trim_model)),
        ("video-model-makes-images", "GP212", lenient(_any_kind)),
        ("crashes-on-astral", "GP213", _astral),
        ("garbles-what-it-refuses", "GP213", _garbles),
        ("refuses-5.0", "GP214", _float_refused),
        ("refuses-sound-false", "GP215", refuse(lambda b: b.get("sound") is False)),
        ("refuses-references", "GP215", refuse(_eight)),
        ("resolution-is-required", "GP215", refuse(_no_resolution)),
        ("assumes-utc", "GP510", _ranges(_assume_zone)),
        ("ranges-of-181-days", "GP510", _ranges(_long_ranges)),
        ("swaps-start-and-end", "GP510", _ranges(_swap)),
    )
)
