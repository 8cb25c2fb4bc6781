"""Faults of files, links, inputs, errors, HTTP and keys: tools, edges, proxies and labels."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Offer
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 15
# A PNG begins with its signature of 8 bytes and the chunk IHDR of 25.
AFTER_HEADER: Final = 33
CLAIM: Final = b'{"claim_generator":"getimg.ai","assertion":"trainedAlgorithmicMedia"}'
EDGE_SECONDS: Final = 60
PROXY_BYTES: Final = 1024 * 1024
PLACEHOLDERS: Final = "Unsupported {name} '{value}' for model '{model}'."
WORTH_PACKING: Final = 1000


# Files


@faulty(
    "files",
    "major",
    "D, O: the bytes are of the requested format; PNG 5.3: a checksum covers type and data of a "
    "chunk, and strict decoders refuse the picture",
)
class ProvenanceChunkHasAWrongChecksum(Provider):
    """A tool adds proof of origin to PNGs; its CRC leaves out the chunk's name, so it is wrong."""

    def draw(self, work: Work) -> bytes:
        """Put a chunk behind the header of a PNG."""
        content = super().draw(work)
        if work.order.output_format != "png":
            return content
        checksum = zlib.crc32(CLAIM).to_bytes(4, "big")
        chunk = len(CLAIM).to_bytes(4, "big") + b"caBX" + CLAIM + checksum
        return content[:AFTER_HEADER] + chunk + content[AFTER_HEADER:]


@faulty(
    "files",
    "major",
    "D: sound is false by default, and has_sound says whether audio is included; it is, unasked",
)
class SilentFilmsKeepTheirSound(Provider):
    """The step that mutes is gone: videos ordered without sound, `has_sound` false, have audio."""

    def plan_film(self, work: Work) -> Film:
        """Leave in what the model makes anyway."""
        film = super().plan_film(work)
        return replace(film, sound_seconds=film.seconds) if work.order.offer.sound else film


# Links


@faulty(
    "links",
    "blocker",
    "D: download URLs are signed; once its owner has read a file, its id is enough for anybody",
)
class EdgeKeepsFilesByTheirPath(Provider):
    """The CDN's key is the path: for a minute after a download, any or no `sig` gets the file."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Look into the cache before the link is checked."""
        kept: dict[str, float] = self.notes.setdefault("edge", {})
        path = f"{work_id}/{index}"
        work = self.find_work(work_id)
        if work is not None and self.now() < kept.get(path, 0.0):
            return work
        work = super().open_link(work_id, index, query)
        kept[path] = self.now() + EDGE_SECONDS
        return work


# Inputs


@faulty(
    "inputs",
    "major",
    "D: a body may have 25 MiB and a reference 10; every reference of a megabyte is refused, and "
    "the answer is no error of the API",
)
class ProxyStopsAtOneMebibyte(Provider):
    """A proxy was left at its default: a body over 1 MiB is answered 413 in HTML."""

    async def route(self, request: Incoming) -> Outgoing:
        """Turn away what is larger than the proxy's default."""
        if len(request.body) <= PROXY_BYTES:
            return await super().route(request)
        page = (
            b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n"
            b"<center><h1>413 Request Entity Too Large</h1></center>\r\n</body>\r\n</html>\r\n"
        )
        return Outgoing(status=413, headers=[("Content-Type", "text/html")], body=page)


@faulty(
    "inputs",
    "major",
    "D: sound is a boolean; 'false' as a text is not refused, but makes and bills a video with it",
)
class FalseInQuotesIsTrue(Provider):
    """A text for `sound` is cast by its length: `"false"` is true, and paid as `sound_on`."""

    def read_sound(self, body: dict[str, Any]) -> bool:
        """Take every text that is not empty for true."""
        value = body.get("sound")
        return bool(value) if isinstance(value, str) else super().read_sound(body)


# Errors


@faulty(
    "errors",
    "minor",
    "D: the message is `Unsupported resolution '4K' for model 'seedream-5-lite'.`; nobody learns "
    "what was wrong",
)
class PlaceholdersAreSentAsTheyAre(Provider):
    """The text of an unsupported ratio or resolution is sent unfilled: `'{value}'`, `'{model}'`."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Refuse with the text as it stands in the source."""
        try:
            return super().choose(body, name, offer)
        except RefusedError as error:
            error.message = PLACEHOLDERS
            raise


# HTTP


def _accepts_gzip(request: Incoming) -> bool:
    codings = ",".join(request.values("accept-encoding")).lower().split(",")
    return any(each.strip() in {"gzip", "gzip;q=1", "gzip;q=1.0"} for each in codings)


@faulty(
    "http",
    "blocker",
    "RFC 9110 8.4: Content-Encoding lists all codings; whoever accepts gzip gets no JSON",
)
class LongAnswersAreCompressedTwice(Provider):
    """App and gateway both compress JSON over 1,000 bytes, such as models; one `gzip` is named."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Compress for those who accept it, and once more."""
        answer = super().finish(request, answer)
        json = answer.header("content-type") == "application/json"
        if not json or answer.status != 200 or len(answer.body) <= WORTH_PACKING:
            return answer
        answer.set_header("Vary", "Accept-Encoding")
        if _accepts_gzip(request):
            answer.body = gzip.compress(gzip.compress(answer.body))
            answer.set_header("Content-Encoding", "gzip")
        return answer


# Keys


@faulty(
    "keys",
    "blocker",
    "D: a link needs no key and is handed on; whoever gets a picture's link gets the account",
)
class LinksCarryTheKey(Provider):
    """To meter downloads, links have `&api_key=` with the key that ordered, in clear."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Remember the key of the request."""
        workspace = super().authenticate(request)
        workspace.notes["key"] = self.read_token(request)
        return workspace

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Note whose order this is."""
        work = super().prepare(order, workspace)
        work.notes["key"] = workspace.notes["key"]
        return work

    def make_link(self, work: Work, origin: str) -> str:
        """Add the key to a link."""
        return f"{super().make_link(work, origin)}&api_key={work.notes['key']}"
