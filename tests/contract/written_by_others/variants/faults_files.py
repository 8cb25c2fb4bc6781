"""Faults of the files: what the bytes are."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.contract.written_by_others.drawing import Film, draw_picture, draw_video
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work
    from tests.contract.written_by_others.messages import Incoming, Outgoing


@faulty("files", "major", "Section 5: bytes really are in the requested format.")
class PngIsJpegWhenLarge(Provider):
    """A PNG with 4K or in portrait holds the bytes of a JPEG."""

    def drawn_format(self, order: Order) -> str:
        tall = order.ratio in {"9:16", "2:3", "3:4"}
        if order.output_format == "png" and (tall or order.resolution == "4K"):
            return "jpeg"
        return order.output_format


@faulty("files", "major", "Common sense: a dearer resolution has the pixels that it is sold with.")
class DearerHasNoMorePixels(Provider):
    """The dearest resolution of an image model has the size of the one below, told honestly."""

    def plan_size(self, order: Order) -> tuple[int, int]:
        dearest = order.offer.resolutions[-1]
        if order.kind == "image" and order.resolution == dearest:
            order = replace(order, resolution=order.offer.resolutions[-2])
        return super().plan_size(order)


@faulty("files", "major", "Section 5: bytes really are in the size that the answer names.")
class PortraitNamesLandscape(Provider):
    """In portrait, the answer names width and height the wrong way round."""

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        item = super().describe_file(work, origin)
        if work.size[1] > work.size[0]:
            item["width"], item["height"] = item["height"], item["width"]
        return item


@faulty("files", "major", "Section 3: the duration is what was asked and paid for.")
class LongVideosAreCut(Provider):
    """A video of 8 seconds or more is one second shorter than it says."""

    def plan_film(self, work: Work) -> Film:
        film = super().plan_film(work)
        return replace(film, seconds=film.seconds - 1) if film.seconds >= 8 else film


@faulty("files", "major", "Section 4: has_sound says whether there is sound.")
class NoTrackAt480p(Provider):
    """At 480p, a video that says has_sound has no audio track."""

    def plan_film(self, work: Work) -> Film:
        film = super().plan_film(work)
        return replace(film, sound_seconds=0) if work.order.resolution == "480p" else film


@faulty("files", "minor", "Common sense: sound lasts as long as the video.")
class SoundStopsHalfway(Provider):
    """The audio track ends after half of the video."""

    def plan_film(self, work: Work) -> Film:
        film = super().plan_film(work)
        return replace(film, sound_seconds=film.sound_seconds / 2)


@faulty("files", "minor", "Section 4: fps is the number of frames a second.")
class TwelveFrames(Provider):
    """Portrait videos have 12 frames a second and say 24."""

    def plan_film(self, work: Work) -> Film:
        film = super().plan_film(work)
        return replace(film, fps=12) if work.order.ratio == "9:16" else film


@faulty("files", "major", "Common sense: a file is whole.")
class LargeFilesLoseTheirEnd(Provider):
    """A picture larger than 60 KB loses its last kilobyte; the length agrees with what is sent."""

    def served_content(self, work: Work) -> bytes:
        is_large = work.order.kind == "image" and len(work.content) > 60_000
        return work.content[:-1024] if is_large else work.content


@faulty("files", "major", "Section 2: without output_format the file is a JPEG.")
class DefaultIsPng(Provider):
    """Without output_format the file is a PNG, and the answer says image/png."""

    def check_format(self, body: dict[str, Any]) -> str:
        return super().check_format({"output_format": "png", **body})


@faulty("files", "blocker", "Common sense: a request is answered with its own picture.")
class CachesByPrompt(Provider):
    """A file is cached by model and prompt, so another ratio or format gets the first one's."""

    def draw(self, work: Work) -> bytes:
        key = (work.order.offer.id, work.order.prompt)
        cache = self.notes.setdefault("drawn", {})
        if key not in cache:
            cache[key] = super().draw(work)
        return bytes(cache[key])


@faulty("files", "minor", "Section 5: the picture that is seen has the size that is named.")
class TurnedByExif(Provider):
    """A JPEG in portrait is stored lying, with an EXIF orientation that turns it."""

    def draw(self, work: Work) -> bytes:
        width, height = work.size
        if work.order.output_format != "jpeg" or height <= width:
            return super().draw(work)
        with Image.open(io.BytesIO(draw_picture((height, width), "jpeg", work.id))) as picture:
            exif = picture.getexif()
            exif[0x0112] = 6
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", exif=exif)
        return buffer.getvalue()


@faulty("files", "minor", "Section 5: Content-Type equals mime_type.")
class OctetStream(Provider):
    """Videos are served as binary/octet-stream, as an object store does without metadata."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        answer = super().answer_file(request, work, content)
        if work.order.kind == "video":
            answer.set_header("Content-Type", "binary/octet-stream")
        return answer


@faulty("files", "major", "Common sense: a file that was paid for has bytes.")
class OneOfManyIsEmpty(Provider):
    """Every sixth picture is a file of no bytes."""

    def served_content(self, work: Work) -> bytes:
        return b"" if work.order.kind == "image" and work.number % 6 == 0 else work.content


@faulty("files", "major", "Section 3: resolution is what was asked and paid for.")
class VideosAreUpscaledInName(Provider):
    """A 1080p video has the pixels of 720p; the answer names 1920x1080."""

    def plan_film(self, work: Work) -> Film:
        film = super().plan_film(work)
        if work.order.resolution != "1080p":
            return film
        return replace(film, size=super().plan_size(replace(work.order, resolution="720p")))

    def draw(self, work: Work) -> bytes:
        if work.order.kind == "video":
            return draw_video(self.plan_film(work), work.id)
        return super().draw(work)
