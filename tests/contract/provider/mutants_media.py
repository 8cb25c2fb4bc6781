"""Providers whose files, links and times are wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_shape import result
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

if TYPE_CHECKING:
    from collections.abc import Callable


def _url(edit: Callable[[str], str]) -> Any:
    def change(body: dict[str, Any]) -> None:
        body["data"][0]["url"] = edit(body["data"][0]["url"])

    return result(change)


def _item(name: str, edit: Callable[[Any], Any]) -> Any:
    def change(body: dict[str, Any]) -> None:
        if body["data"][0].get(name) is not None:
            body["data"][0][name] = edit(body["data"][0][name])

    return result(change)


def resigned(asked: Asked, scene: Scene, **changes: Any) -> Reply | None:
    """Serve a link as if its signature were right."""
    parts = asked.path.split("/")
    for workspace in scene.fake.store.find_holders(parts[3]):
        generation = workspace.generations[parts[3]]
        deletes_at = generation.deletes_at
        if deletes_at is None:
            return None
        now = workspace.clock.now()
        exp = int(changes.get("exp") or deletes_at.timestamp())
        if now.timestamp() >= exp and not changes.get("late"):
            return None
        asked.query = f"exp={exp}&sig={workspace.sign_link(parts[3], 0, exp)}"
        asked.path = "/".join([*parts[:4], "0"])
        return scene.send(asked)
    return None


def _ignores_sig(asked: Asked, scene: Scene) -> Reply | None:
    if asked.downloads and parse_qs(asked.query).get("sig"):
        return resigned(asked, scene)
    return None


def _issued(asked: Asked, scene: Scene, *, anyones: bool) -> Reply:
    """Serve any file of which the link has an expiry and a signature that were given out."""
    known = scene.memory.setdefault("issued", {})
    query = parse_qs(asked.query)
    whose = known.get((query.get("exp", [""])[0], query.get("sig", [""])[0]))
    if asked.downloads and whose is not None:
        parts = asked.path.split("/")
        owners = [each.key for each in scene.fake.store.find_holders(parts[3])]
        if parts[4] == "0" and (anyones or whose in owners):
            reply = resigned(asked, scene)
            if reply is not None:
                return reply
    reply = scene.send(asked)
    if reply.completed:
        query = parse_qs(urlsplit(reply.json["data"][0]["url"]).query)
        known[query["exp"][0], query["sig"][0]] = asked.key
    return reply


def _of_another_workspace(asked: Asked, scene: Scene) -> Reply:
    """Serve a file to a signature of another workspace, but not to another of its own."""
    owners = [each.key for each in scene.fake.store.find_holders(asked.path.split("/")[-2])]
    query = parse_qs(asked.query)
    pair = (query.get("exp", [""])[0], query.get("sig", [""])[0])
    if asked.downloads and scene.memory.get("issued", {}).get(pair) in owners:
        return scene.send(asked)
    return _issued(asked, scene, anyones=True)


def _ignores_missing_sig(asked: Asked, scene: Scene) -> Reply | None:
    if asked.downloads and not parse_qs(asked.query).get("sig"):
        return resigned(asked, scene)
    return None


def _exp_unsigned(asked: Asked, scene: Scene) -> Reply | None:
    query = parse_qs(asked.query)
    if asked.downloads and query.get("exp") and query.get("sig"):
        for workspace in scene.fake.store.find_holders(asked.path.split("/")[3]):
            deletes_at = workspace.generations[asked.path.split("/")[3]].deletes_at
            if deletes_at is None:
                return None
            real = int(deletes_at.timestamp())
            if workspace.verify_signature(query["sig"][0], asked.path.split("/")[3], 0, real):
                return resigned(asked, scene, exp=query["exp"][0])
    return None


def _any_item(asked: Asked, scene: Scene) -> Reply | None:
    if asked.downloads and asked.path.endswith("/1"):
        return resigned(asked, scene)
    return None


def _never_expires(asked: Asked, scene: Scene) -> Reply | None:
    reply = scene.send(asked)
    if asked.downloads and reply.status == 410:
        for workspace in scene.fake.store.find_holders(asked.path.split("/")[3]):
            exp = int((workspace.clock.now() + timedelta(hours=1)).timestamp())
            return resigned(asked, scene, exp=exp)
    return reply


def _expires_early(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.downloads and reply.status == 200:
        for workspace in scene.fake.store.find_holders(asked.path.split("/")[3]):
            exp = int(parse_qs(asked.query)["exp"][0])
            if exp - workspace.clock.now().timestamp() < 60:
                reply.status = 410
                reply.say({"error": {"code": "url_expired", "message": "Gone."}})


def _wants_key(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.downloads and "authorization" not in asked.headers and reply.status < 300:
        reply.status = 401
        reply.say({"error": {"code": "invalid_api_key", "message": "No key."}})


def _pngs_want_key(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.headers.get("content-type") == "image/png":
        _wants_key(asked, reply, _scene)


def _octets(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.downloads and reply.status == 200:
        reply.headers["content-type"] = "application/octet-stream"


def _damaged(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.downloads and reply.status == 200 and asked.method == "GET":
        reply.raw(reply.body[: len(reply.body) // 3])


def _noise(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.downloads and reply.status == 200 and asked.method == "GET":
        scene.memory["n"] = scene.memory.get("n", 0) + 1
        reply.raw(reply.body + bytes([scene.memory["n"] % 256]))


def _later_noise(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.downloads and reply.status == 200 and asked.method == "GET":
        count = scene.memory[asked.path] = scene.memory.get(asked.path, -1) + 1
        reply.raw(reply.body + bytes(max(0, count - 2)))


def _bad_range(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.downloads and reply.status == 206:
        reply.raw(reply.body[:-1])


def _range_off(asked: Asked, scene: Scene) -> Reply | None:
    if asked.downloads and asked.headers.get("range") == "bytes=10-19":
        asked.headers["range"] = "bytes=11-20"
        return scene.send(asked)
    return None


def _head_empty(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.downloads and asked.method == "HEAD":
        reply.headers["content-length"] = "0"


def _cookie_key(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.downloads and reply.status == 200:
        for workspace in scene.fake.store.find_holders(asked.path.split("/")[3]):
            reply.headers["x-owner"] = workspace.key


def _neighbour_in_link(asked: Asked, scene: Scene) -> Reply:
    asked.query = asked.query.partition("&after=")[0]
    reply = scene.send(asked)
    if reply.completed:
        body = reply.json
        known = scene.memory.setdefault(asked.key, [])
        if body["id"] not in known:
            known.append(body["id"])
        place = known.index(body["id"])
        if place:
            body["data"][0]["url"] += f"&after={known[place - 1]}"
            reply.say(body)
    return reply


def _workspace_of(key: str) -> str:
    return f"ws{sum(key.encode())}"


def _workspace_in_link(asked: Asked, scene: Scene) -> Reply:
    asked.query = asked.query.partition("&ws=")[0]
    reply = scene.send(asked)
    if reply.completed:
        body = reply.json
        body["data"][0]["url"] += f"&ws={_workspace_of(asked.key)}"
        reply.say(body)
    return reply


def _workspace_in_header(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.downloads and reply.status == 200:
        for workspace in scene.fake.store.find_holders(asked.path.split("/")[3]):
            digits = reply.headers.get("etag", "").strip('"')[:6]
            reply.headers["x-object"] = f"{_workspace_of(workspace.key)}/{digits}"


def _always_jpeg(asked: Asked, scene: Scene) -> Reply | None:
    body = asked.json
    if (
        asked.submits
        and isinstance(body, dict)
        and str(body.get("output_format")) in {"png", "webp"}
    ):
        asked.body = asked.body.replace(str(body["output_format"]).encode(), b"jpeg")
        return scene.send(asked)
    return None


def _always_square(asked: Asked, scene: Scene) -> Reply | None:
    body = asked.json
    if asked.submits and isinstance(body, dict) and body.get("aspect_ratio") == "16:9":
        asked.body = asked.body.replace(b"16:9", b"1:1")
        return scene.send(asked)
    return None


def _mute(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and b'"sound":true' in asked.body:
        asked.body = asked.body.replace(b'"sound":true', b'"sound":false')
        return scene.send(asked)
    return None


def _long_is_mute(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.retrieves and reply.completed:
        body = reply.json
        if (body["data"][0]["duration"] or 0) > 9:
            body["data"][0]["has_sound"] = False
        reply.say(body)


def _longest_default(asked: Asked, scene: Scene) -> Reply | None:
    body = asked.json
    whole = isinstance(body, dict) and {"model", "prompt"} <= set(body)
    if asked.submits and "videos" in asked.path and whole and "duration" not in body:
        asked.body = asked.body[:-1] + b',"duration":12}'
        return scene.send(asked)
    return None


def _large_default(asked: Asked, scene: Scene) -> Reply | None:
    body = asked.json
    large = isinstance(body, dict) and body.get("model") == "gpt-image-2"
    if asked.submits and large and "resolution" not in body:
        asked.body = asked.body[:-1] + b',"resolution":"4K"}'
        return scene.send(asked)
    return None


def _host_of_link(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _plain_http(asked: Asked, scene: Scene) -> Reply:
    """Hand out http links, and serve them."""
    asked.path = asked.path.removeprefix("http://api.getimg.ai")
    reply = scene.send(asked)
    if reply.completed:
        body = reply.json
        body["data"][0]["url"] = body["data"][0]["url"].replace("https:", "http:")
        reply.say(body)
    return reply


def _pngs_later(body: dict[str, Any]) -> None:
    if body["data"][0]["mime_type"] == "image/png":
        _later(body)


def _later(body: dict[str, Any]) -> None:
    body["data"][0]["deletes_at"] = "2026-12-24T00:00:00.000Z"


def _extends(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.retrieves and reply.completed:
        scene.memory["n"] = scene.memory.get("n", 0) + 1
        body = reply.json
        old = body["data"][0]["deletes_at"]
        body["data"][0]["deletes_at"] = old[:17] + f"{scene.memory['n'] % 60:02d}" + old[19:]
        reply.say(body)


def _suffix_is_prefix(asked: Asked, scene: Scene) -> Reply | None:
    told = asked.headers.get("range", "")
    if asked.downloads and told.startswith("bytes=-"):
        asked.headers["range"] = f"bytes=0{told.removeprefix('bytes=')}"
        return scene.send(asked)
    return None


def _ignores_last_letter(asked: Asked, scene: Scene) -> Reply | None:
    """Compare all but the last letter of a signature."""
    sent = asked.parameters.get("sig", "")
    if not asked.downloads or not sent:
        return None
    reply = None
    for letter in "0123456789abcdef":
        asked.query = asked.query.replace(asked.parameters["sig"], sent[:-1] + letter)
        reply = scene.send(asked)
        if reply.status < 400:
            break
    return reply


MEDIA: tuple[Mutant, ...] = tuple(
    Mutant(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        breaks=breaks,
        wrap=wrap,
        blocker=breaks in {"GP407", "GP408", "GP411", "GP313"},
    )
    for name, kind, breaks, wrap in (
        ("link-is-relative", "media", "GP401", _url(_host_of_link)),
        ("link-is-http", "media", "GP401", _url(lambda url: url.replace("https:", "http:"))),
        ("link-is-http-and-works", "media", "GP401", answering(_plain_http)),
        ("link-without-exp", "media", "GP401", _url(lambda url: url.replace("exp=", "e="))),
        ("exp-is-not-deletion", "time", "GP402", result(_later)),
        (
            "link-born-expired",
            "time",
            "GP402",
            _item("deletes_at", lambda _: "2026-08-01T00:00:00.000Z"),
        ),
        ("pngs-are-said-to-last-longer", "time", "GP402", result(_pngs_later)),
        ("download-wants-a-key", "media", "GP403", replies(_wants_key)),
        ("pngs-want-a-key", "media", "GP403", replies(_pngs_want_key)),
        ("octet-stream", "media", "GP404", replies(_octets)),
        ("mime-type-is-wrong", "media", "GP404", _item("mime_type", lambda _: "image/gif")),
        ("always-jpeg", "media", "GP404", answering(_always_jpeg)),
        ("file-is-cut-off", "media", "GP405", replies(_damaged)),
        ("width-is-off", "media", "GP405", _item("width", lambda width: width + 8)),
        ("fps-is-off", "media", "GP405", _item("fps", lambda fps: fps * 2)),
        ("duration-is-off", "media", "GP405", _item("duration", lambda seconds: seconds + 1)),
        ("has-sound-lies", "media", "GP406", _item("has_sound", lambda sound: not sound)),
        ("always-square", "media", "GP405", answering(_always_square)),
        ("sound-is-ignored", "media", "GP406", answering(_mute)),
        ("long-videos-are-mute", "media", "GP406", replies(_long_is_mute)),
        ("any-signature", "media", "GP407", answering(_ignores_sig)),
        ("no-signature-needed", "media", "GP407", answering(_ignores_missing_sig)),
        ("expiry-is-not-signed", "media", "GP407", answering(_exp_unsigned)),
        (
            "a-signature-opens-every-file",
            "media",
            "GP407",
            answering(lambda asked, scene: _issued(asked, scene, anyones=True)),
        ),
        (
            "a-signature-opens-all-of-its-workspace",
            "media",
            "GP407",
            answering(lambda asked, scene: _issued(asked, scene, anyones=False)),
        ),
        ("a-signature-opens-files-of-others", "media", "GP407", answering(_of_another_workspace)),
        ("item-is-not-signed", "media", "GP407", answering(_any_item)),
        ("files-never-expire", "time", "GP408", answering(_never_expires)),
        ("files-expire-early", "time", "GP315", replies(_expires_early)),
        ("suffix-ranges-are-prefixes", "media", "GP409", answering(_suffix_is_prefix)),
        ("last-letter-of-a-signature", "media", "GP407", answering(_ignores_last_letter)),
        ("range-is-short", "media", "GP409", replies(_bad_range)),
        ("range-is-shifted", "media", "GP409", answering(_range_off)),
        ("head-has-no-length", "media", "GP409", replies(_head_empty)),
        ("files-differ-each-time", "media", "GP410", replies(_noise)),
        ("files-grow-with-each-download", "media", "GP410", replies(_later_noise)),
        ("link-names-its-neighbour", "media", "GP411", answering(_neighbour_in_link)),
        ("owner-in-a-header", "media", "GP411", replies(_cookie_key)),
        ("link-names-its-workspace", "media", "GP411", answering(_workspace_in_link)),
        ("file-names-its-workspace", "media", "GP411", replies(_workspace_in_header)),
        ("looking-extends-life", "time", "GP313", replies(_extends)),
        ("longest-is-the-default", "media", "GP807", answering(_longest_default)),
        ("largest-is-the-default", "media", "GP807", answering(_large_default)),
    )
)
