"""Faults of the files and their links."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import io
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.messages import RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Order, Work
    from tests.contract.written_by_others.drawing import Film


BATCH: Final = 4


@faulty("files", "major", "output_format webp is honoured, and mime_type is what the bytes are (D)")
class WebpOver4000IsJpeg(Provider):
    """WebP pictures with a side over 4000 pixels are JPEG bytes, still called WebP."""

    def drawn_format(self, order: Order) -> str:
        """Return JPEG where the encoder of WebP gives up."""
        if order.output_format == "webp" and max(self.plan_size(order)) > 4000:
            return "jpeg"
        return super().drawn_format(order)


@faulty("files", "major", "duration is the length of the video, and is paid for (D)")
class LongVideosAreCutShort(Provider):
    """Videos of more than eight seconds end after eight; the fields and the bill say more."""

    def plan_film(self, work: Work) -> Film:
        """Return a film of eight seconds at most."""
        film = super().plan_film(work)
        sound = min(film.sound_seconds, 8)
        return dataclasses.replace(film, seconds=min(film.seconds, 8), sound_seconds=sound)


@faulty("files", "major", "Finished work does not change while it can be downloaded")
class OptimisedAfterTheFirstDownload(Provider):
    """Six seconds after the first download of a JPEG, a smaller one takes its place."""

    optimises_after = 6.0

    def served_content(self, work: Work) -> bytes:
        """Return the file, or what the optimiser made of it."""
        if work.order.output_format != "jpeg":
            return work.content
        first = work.notes.setdefault("first download", self.now())
        if self.now() - first >= self.optimises_after and "optimised" not in work.notes:
            work.notes["optimised"] = True
            work.content = self.optimise(work.content)
        return work.content

    def optimise(self, content: bytes) -> bytes:
        """Return a JPEG again, with less quality."""
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(content)) as picture:
            picture.save(buffer, "JPEG", quality=50)
        return buffer.getvalue()


@faulty("links", "blocker", "A link works until deletes_at (D)")
class LinksDieWithTheirCredentials(Provider):
    """Links are refused 45 s after the end, as the token that signed them; a day was promised."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a link that was made a short while ago."""
        work = super().open_link(work_id, index, query)
        if self.now() - work.ends > 45:
            raise RefusedError(403, "expired_token", "The provided token has expired.")
        return work


@faulty("links", "blocker", "sig is hex (D), and every link that was issued works (D)")
class SignaturesInBase64(Provider):
    """The signature is base64 that nobody escaped: each link with a plus in it is refused."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return the signature in base64."""
        text = f"{work_id}/{index}?{exp}".encode()
        found = hmac.new(self.secret, text, hashlib.sha256).digest()
        return base64.b64encode(found).decode().rstrip("=")

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Read the query as a form, where a plus is a space."""
        read = {name: value.replace("+", " ") for name, value in query.items()}
        return super().open_link(work_id, index, read)


@faulty("links", "blocker", "The link of a file is signed (D): it opens that file and no other")
class SignatureOfTheExpiryAlone(Provider):
    """The signature covers `exp` and not the id: one link opens every file whose id is known."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return the signature of the expiry."""
        return super().sign("", index, exp)
