# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers that go wrong now and then, or for one of many requests only."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import av
from PIL import Image

from tests.contract.provider.faulty_ledgers import LedgerProxy, dearer, with_ledger
from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_shape import result
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.world.generations import Product
    from getimg_mock.world.workspaces import Workspace
    from tests.contract.provider.wrapping import Change

_HALVES = {"2K": 2, "4K": 4}
_QUARTER_TURN = 6


class ChargesSomeTwice(LedgerProxy):
    """A ledger that charges every tenth generation twice."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._count = 0

    def charge(self, generation: str, amount: Decimal, at: datetime) -> None:
        """Charge, and count."""
        self._count += 1
        self._ledger.charge(generation, amount, at)
        if self._count % 10 == 0:
            self._ledger.hold(generation, amount, at)
            self._ledger.charge(generation, amount, at)


def _of_one_price(product: Product) -> Decimal:
    return product.total_cost / 10 if _is_dear(product.duration, product.has_sound) else Decimal(0)


def _is_dear(seconds: object, has_sound: object) -> bool:
    return seconds == 11 and has_sound is True


def _dear_price(body: dict[str, Any]) -> None:
    if _is_dear(body["data"][0].get("duration"), body["data"][0].get("has_sound")):
        for name in ("unit_price", "total_cost"):
            body["usage"][name] = float(Decimal(str(body["usage"][name])) * Decimal("1.1"))


def _one_look_in(count: int, change: Change) -> Change:
    """Let `change` edit one in `count` looks at a video that has ended."""

    def edit(asked: Asked, reply: Reply, scene: Scene) -> None:
        if asked.retrieves and reply.completed:
            scene.memory["looks"] = scene.memory.get("looks", 0) + 1
            if scene.memory["looks"] % count == 0:
                change(asked, reply, scene)

    return edit


def _pending(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    reply.say({"id": reply.json["id"], "status": "pending"})


def _not_found(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    reply.status = 404
    error = {"message": "No such generation.", "type": "invalid_request_error", "param": None}
    reply.say({"error": error | {"code": "not_found"}})


def _after_half_an_hour(change: Change) -> Change:
    """Let `change` edit looks at a video half an hour after the first that saw its end."""

    def edit(asked: Asked, reply: Reply, scene: Scene) -> None:
        if asked.retrieves and reply.completed:
            now = scene.workspace(asked.key).clock.now()
            since = scene.memory.setdefault(asked.path, now)
            if (now - since).total_seconds() > 1_800:
                change(asked, reply, scene)

    return edit


def _moved(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    body = reply.json
    body["data"][0]["url"] = body["data"][0]["url"].replace("/downloads/", "/downloads/cold/")
    reply.say(body)


def _resized(asked: Asked, reply: Reply, scene: Scene) -> None:
    """The larger pictures of one model have the size of the smallest."""
    body, wanted = reply.json, asked.json
    named = wanted.get("model") if isinstance(wanted, dict) else ""
    if asked.submits and reply.completed and named == "z-image-turbo":
        part = _HALVES.get(wanted.get("resolution"), 1)
        item = body["data"][0]
        item["width"], item["height"] = item["width"] // part, item["height"] // part
        scene.memory[body["id"]] = item["width"], item["height"]
        reply.say(body)


def _resized_file(asked: Asked, reply: Reply, scene: Scene) -> None:
    size = scene.memory.get(asked.path.split("/")[3]) if asked.downloads else None
    if size is not None and reply.status == 200 and reply.body:
        with Image.open(io.BytesIO(reply.body)) as picture:
            if picture.size != size:
                _save(reply, picture.resize(size), str(picture.format))


def _resized_and_its_file(asked: Asked, reply: Reply, scene: Scene) -> None:
    _resized(asked, reply, scene)
    _resized_file(asked, reply, scene)


def _one_of_the_workspace(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Pictures are drawn under a name of the workspace alone, and kept."""
    if not asked.downloads or reply.status != 200:
        return
    (holder,) = scene.fake.store.find_holders(name := asked.path.split("/")[3])
    if holder.generations[name].prompt.startswith("Picture"):
        reply.raw(scene.memory.setdefault(holder.key, reply.body))


def _save(reply: Reply, picture: Image.Image, kind: str, **more: Any) -> None:
    held = io.BytesIO()
    picture.save(held, kind, **more)
    reply.raw(held.getvalue())


def _turned(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Upright PNG files are stored lying, with an Exif tag that turns them wrongly."""
    if not (asked.downloads and asked.method == "GET" and reply.status == 200):
        return
    if not reply.body.startswith(b"\x89PNG") or "range" in asked.headers:
        return
    with Image.open(io.BytesIO(reply.body)) as picture:
        if picture.height > picture.width:
            exif = Image.Exif()
            exif[0x0112] = _QUARTER_TURN
            _save(reply, picture.copy(), "PNG", exif=exif)


def _large_png_is_jpeg(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A PNG of more than 3,000 pixels holds the bytes of a JPEG."""
    if asked.downloads and reply.status == 200 and reply.body.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(reply.body)) as picture:
            if picture.width > 3_000:
                _save(reply, picture.convert("RGB"), "JPEG", quality=30)


def _every_other_character(asked: Asked, scene: Scene) -> Reply | None:
    """Only every other character of a signature is compared."""
    query = parse_qs(asked.query)
    if not asked.downloads or not query.get("sig") or not query.get("exp", [""])[0].isdigit():
        return None
    name, exp = asked.path.split("/")[3], int(query["exp"][0])
    for workspace in scene.fake.store.find_holders(name):
        right = workspace.sign_link(name, 0, exp)
        if right[::2] == query["sig"][0][::2] and len(right) == len(query["sig"][0]):
            asked.query = f"exp={exp}&sig={right}"
    return None


def _any_tag(asked: Asked, scene: Scene) -> Reply | None:
    """A part is sent whatever If-Range says."""
    if asked.downloads:
        asked.headers.pop("if-range", None)
    del scene
    return None


def _stops_sounding(part: float) -> Change:
    """Let the sound of a video end after a part of it."""

    def change(asked: Asked, reply: Reply, _scene: Scene) -> None:
        whole = asked.downloads and asked.method == "GET" and reply.status == 200
        film = reply.headers.get("content-type") == "video/mp4" and "range" not in asked.headers
        if whole and film:
            cut_tracks(reply, part, {"audio"})

    return change


def cut_tracks(reply: Reply, part: float, kinds: set[str]) -> None:
    """End the tracks of some kinds after a part of the video."""
    held = io.BytesIO()
    with (
        av.open(io.BytesIO(reply.body), mode="r") as old,
        av.open(held, mode="w", format="mp4") as new,
    ):
        tracks = {each.index: new.add_stream_from_template(each) for each in old.streams}
        end = (old.duration or 0) / 1_000_000 * part
        for packet in old.demux():
            late = packet.pts is not None and float(packet.pts * packet.time_base) > end
            if packet.dts is None or (packet.stream.type in kinds and late):
                continue
            packet.stream = tracks[packet.stream.index]
            new.mux(packet)
    reply.raw(held.getvalue())


def _internal(body: dict[str, Any]) -> None:
    body["data"][0]["url"] = body["data"][0]["url"].replace("api.getimg.ai", "media.svc.internal")


RARE: tuple[Mutant, ...] = (
    Mutant(
        name="every-tenth-is-charged-twice",
        kind="money",
        breaks="GP504",
        blocker=True,
        wrap=with_ledger(ChargesSomeTwice),
    ),
    Mutant(
        name="one-combination-is-dearer",
        kind="money",
        breaks="GP503",
        blocker=True,
        wrap=dearer(_of_one_price, _dear_price),
    ),
    Mutant(
        name="one-look-in-seventeen-is-pending",
        kind="sequence",
        breaks="GP308",
        blocker=True,
        wrap=replies(_one_look_in(17, _pending)),
    ),
    Mutant(
        name="one-look-in-nineteen-is-404",
        kind="sequence",
        breaks="GP305",
        wrap=replies(_one_look_in(19, _not_found)),
    ),
    Mutant(
        name="gone-after-half-an-hour",
        kind="time",
        breaks="GP305",
        wrap=replies(_after_half_an_hour(_not_found)),
    ),
    Mutant(
        name="moves-after-half-an-hour",
        kind="time",
        breaks="GP309",
        wrap=replies(_after_half_an_hour(_moved)),
    ),
    Mutant(
        name="larger-is-no-larger",
        kind="media",
        breaks="GP412",
        wrap=replies(_resized_and_its_file),
    ),
    Mutant(
        name="one-picture-for-a-workspace",
        kind="media",
        breaks="GP413",
        blocker=True,
        wrap=replies(_one_of_the_workspace),
    ),
    Mutant(name="upright-files-are-turned", kind="media", breaks="GP405", wrap=replies(_turned)),
    Mutant(
        name="every-other-character-of-the-signature",
        kind="media",
        breaks="GP407",
        blocker=True,
        wrap=answering(_every_other_character),
    ),
    Mutant(
        name="sound-stops-early", kind="media", breaks="GP405", wrap=replies(_stops_sounding(1 / 4))
    ),
    Mutant(
        name="sound-stops-later", kind="media", breaks="GP405", wrap=replies(_stops_sounding(3 / 4))
    ),
    Mutant(name="any-tag-resumes", kind="media", breaks="GP409", wrap=answering(_any_tag)),
    Mutant(name="links-to-an-internal-host", kind="media", breaks="GP401", wrap=result(_internal)),
    Mutant(
        name="large-png-is-jpeg", kind="media", breaks="GP404", wrap=replies(_large_png_is_jpeg)
    ),
)
