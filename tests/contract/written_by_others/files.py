"""The files: what they hold, their links, and the answers of a download."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.accounts import Order, Work, show_time
from tests.contract.written_by_others.catalogue import compute_size
from tests.contract.written_by_others.drawing import Film, draw_picture, draw_video
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
)
from tests.contract.written_by_others.order_checks import OrderChecks

if TYPE_CHECKING:
    from collections.abc import Mapping

RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class Files(OrderChecks):
    """The part of the provider that draws and serves files."""

    # What a file is

    def plan_size(self, order: Order) -> tuple[int, int]:
        """Return the size that the answer names."""
        return compute_size(order.resolution, order.ratio)

    def drawn_size(self, work: Work) -> tuple[int, int]:
        """Return the size of the file."""
        return work.size

    def drawn_format(self, order: Order) -> str:
        """Return the format of the picture."""
        return order.output_format

    def has_sound(self, order: Order) -> bool:
        """Return whether a video has sound."""
        return order.sound and order.offer.sound

    def plan_film(self, work: Work) -> Film:
        """Return what a video is."""
        seconds = work.order.duration
        return Film(
            size=self.drawn_size(work),
            seconds=seconds,
            sound_seconds=seconds if self.has_sound(work.order) else 0,
        )

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file."""
        seed = work.id + work.order.prompt
        if work.order.kind == "video":
            return draw_video(self.plan_film(work), seed)
        return draw_picture(self.drawn_size(work), self.drawn_format(work.order), seed)

    def media_type(self, order: Order) -> str:
        """Return the type that the answer and the download name."""
        return "video/mp4" if order.kind == "video" else f"image/{order.output_format}"

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the item of `data`."""
        item: dict[str, Any] = {
            "url": self.make_link(work, origin),
            "width": work.size[0],
            "height": work.size[1],
        }
        if work.order.kind == "video":
            item["duration"] = work.order.duration
            item["fps"] = 24
            item["has_sound"] = self.has_sound(work.order)
        item["mime_type"] = self.media_type(work.order)
        item["deletes_at"] = self.show_deletion(work)
        return item

    # Links

    def show_deletion(self, work: Work) -> str:
        """Return when the file is deleted."""
        return show_time(work.expires)

    def link_expiry(self, work: Work) -> int:
        """Return the `exp` of a link."""
        return work.expires

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return the signature of a link."""
        text = f"{work_id}/{index}?{exp}".encode()
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()

    def make_link(self, work: Work, origin: str) -> str:
        """Return the link of a file."""
        exp = str(self.link_expiry(work))
        signature = self.sign(work.id, "0", exp)
        return f"{origin}/v2/downloads/{work.id}/0?exp={exp}&sig={signature}"

    def same_signature(self, given: str, expected: str) -> bool:
        """Return whether a signature is right."""
        return secrets.compare_digest(given.encode("utf-8", "replace"), expected.encode())

    def is_expired(self, work: Work, exp: str) -> bool:
        """Return whether a link with a right signature has expired."""
        del exp
        return self.now() >= work.expires

    def find_work(self, work_id: str) -> Work | None:
        """Return a generation of any workspace."""
        for workspace in self.workspaces:
            if work_id in workspace.works:
                self.settle(workspace)
                return workspace.works[work_id]
        return None

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a link."""
        work = self.find_work(work_id)
        if work is None or work.status != "completed" or not self.is_item(index):
            raise refuse_unknown()
        exp, signature = query.get("exp", ""), query.get("sig", "")
        if not self.same_signature(signature, self.sign(work_id, index, exp)):
            raise RefusedError(403, "invalid_signature", "The signature of the link is wrong.")
        if self.is_expired(work, exp):
            raise RefusedError(410, "url_expired", "The link has expired.")
        return work

    def is_item(self, index: str) -> bool:
        """Return whether there is a file of a number."""
        return index == "0"

    # Answers

    def make_tag(self, work: Work, content: bytes) -> str:
        """Return the entity tag of a file."""
        del work
        return f'"{hashlib.sha256(content).hexdigest()[:32]}"'

    def file_name(self, work: Work) -> str:
        """Return the name under which a browser saves a file."""
        return f"{work.id}.{work.order.output_format.replace('jpeg', 'jpg')}"

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Answer a download."""
        parts = request.path.split("/")
        if len(parts) != 5:
            raise refuse_unknown()
        work = self.open_link(parts[3], parts[4], request.query)
        if not work.content:
            work.content = await asyncio.to_thread(self.draw, work)
        return self.answer_file(request, work, self.served_content(work))

    def served_content(self, work: Work) -> bytes:
        """Return the bytes that a download answers."""
        return work.content

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Answer the bytes, a part of them, or that they have not changed."""
        tag = self.make_tag(work, content)
        headers = [
            ("Content-Type", self.media_type(work.order)),
            ("ETag", tag),
            ("Accept-Ranges", "bytes"),
            ("Content-Disposition", f'inline; filename="{self.file_name(work)}"'),
            ("Cache-Control", "private, max-age=3600"),
        ]
        known = [each.strip() for each in (request.header("if-none-match") or "").split(",")]
        if tag in [each.removeprefix("W/") for each in known] or "*" in known:
            return Outgoing(status=304, headers=headers[1:])
        wanted = request.header("range") if request.method == "GET" else None
        condition = request.header("if-range")
        if wanted is None or (condition is not None and not self.tag_matches(condition, tag)):
            return Outgoing(status=200, headers=headers, body=content)
        return self.answer_range(wanted, headers, content)

    def tag_matches(self, condition: str, tag: str) -> bool:
        """Return whether the tag of `If-Range` is the file's."""
        return condition == tag

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer one range; anything else than one range is answered in full."""
        match = RANGE.fullmatch(wanted.strip())
        if match is None or match[0] == "bytes=-":
            return Outgoing(status=200, headers=headers, body=content)
        first, last = self.read_range(match[1], match[2], len(content))
        if first >= len(content) or first > last:
            if match[1] and match[2] and int(match[1]) > int(match[2]):
                return Outgoing(status=200, headers=headers, body=content)
            unsatisfied = {"Content-Range": f"bytes */{len(content)}"}
            raise RefusedError(416, "invalid_parameter", "No such range.", headers=unsatisfied)
        headers = [*headers, ("Content-Range", self.show_range(first, last, len(content)))]
        return Outgoing(status=206, headers=headers, body=content[first : last + 1])

    def read_range(self, first: str, last: str, total: int) -> tuple[int, int]:
        """Return the first and the last byte of a range."""
        if not first:
            return (max(0, total - int(last)), total - 1) if int(last) else (total, total)
        return int(first), min(int(last), total - 1) if last else total - 1

    def show_range(self, first: int, last: int, total: int) -> str:
        """Return the value of `Content-Range`."""
        return f"bytes {first}-{last}/{total}"
