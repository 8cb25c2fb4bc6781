"""`GET /v2/downloads/{id}/{index}?exp&sig`: file downloads, without a key (documented)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.api.raw_connection import run_until_disconnect
from getimg_mock.api.replaying import choose_recorded_file
from getimg_mock.errors import Refusal, SettingsError
from getimg_mock.media.rendering import detect_library, render
from getimg_mock.world.clock import EPOCH
from getimg_mock.world.error_messages import LINK_EXPIRED
from getimg_mock.world.randomness import digest

if TYPE_CHECKING:
    from getimg_mock.api.messages import Answer, Call
    from getimg_mock.media.own_files import OwnFile
    from getimg_mock.media.pictures import Picture
    from getimg_mock.media.video_files import Video
    from getimg_mock.setting_values import MediaSize
    from getimg_mock.world.generations import Generation, Product
    from getimg_mock.world.workspaces import Workspace

_MAX_DIGITS = 15


async def retrieve(call: Call) -> Answer:
    """Answer with the file of a link that is known, correctly signed and not expired."""
    # The first answer of a server is no file, and cold start matters.
    from getimg_mock.api.ranges import File, serve_file  # noqa: PLC0415 - see above
    from getimg_mock.media.file_formats import find_format_by_mime_type  # noqa: PLC0415 - see above

    workspace, generation = _resolve_link(call)
    index = int(call.path["index"])
    if index:
        generation = choose_recorded_file(call.fake, generation, index)
    call.workspace, call.generation = workspace, generation.id
    product = generation.product
    media = _build_media(call, workspace, generation)
    data = await _draw(call, media)
    name = f"{generation.id}.{find_format_by_mime_type(product.mime_type).extension}"
    described = f"{product!r}{_describe_size(call.fake.settings.media_size, product)}"
    if product.file is not None:
        described += repr(media)
    elif call.fake.settings.font is not None:
        described += f" {call.fake.settings.font}"
    etag = digest(workspace.derive_media_seed(generation.id), described, size=16).hex()
    modified = generation.ending.at if generation.ending else generation.created_at
    return serve_file(call, File(data, product.mime_type, name, etag, modified))


def _describe_size(size: MediaSize, product: Product) -> str:
    """Return what the sizes of one file differ by: they are different representations."""
    return f" {size}" if size == "flat" or (size == "real" and product.duration is None) else ""


def _build_media(
    call: Call, workspace: Workspace, generation: Generation
) -> Picture | Video | OwnFile:
    from getimg_mock.media.generation_files import build_media  # noqa: PLC0415 - it imports Pillow, and cold start matters

    settings = call.fake.settings
    try:
        return build_media(workspace, generation, size=settings.media_size, font=settings.font)
    except SettingsError as error:  # a file of the user's own
        raise Refusal(
            "not_found",
            "File not found.",
            status=call.fake.settings.unknown_download_status,
            hint=str(error),
        ) from None


async def _draw(call: Call, media: Picture | Video | OwnFile) -> bytes:
    """Return the file; raises `ClientGoneError` when the client goes before it is drawn."""
    cache = call.fake.cache
    kept = cache.find(media)
    if kept is not None:
        return kept
    if call.receive is None or detect_library() != "asyncio":
        return await render(media, cache)
    return await run_until_disconnect(render(media, cache), call.receive)


def find_holder(call: Call) -> Workspace | None:
    """Return the workspace of a link, or None for an unknown id.

    A fork and its original have the same generations; the signature decides which of them made the
    link.
    """
    found = list(call.fake.store.find_holders(call.path["id"]))
    if len(found) > 1:
        index, expires = (
            _parse_digits(call.path.get("index", "")),
            _parse_digits(call.query("exp") or ""),
        )
        signature = call.query("sig") or ""
        if index is not None and expires is not None:
            for workspace in found:
                if workspace.verify_signature(signature, call.path["id"], index, expires):
                    return workspace
    return found[0] if found else None


def _resolve_link(call: Call) -> tuple[Workspace, Generation]:
    """Return the generation of a link; the order and statuses of the checks are our choice."""
    settings = call.fake.settings
    index, expires = _parse_digits(call.path["index"]), _parse_digits(call.query("exp") or "")
    found = _find_deliverable(call, index) if index is not None else []
    if not found or index is None:
        raise Refusal(
            "not_found",
            "File not found.",
            status=settings.unknown_download_status,
            hint="take the whole URL from data[].url of a completed generation",
        )
    signature = call.query("sig") or ""
    for workspace, generation in found:
        if expires is not None and workspace.verify_signature(
            signature, generation.id, index, expires
        ):
            _check_expiry(workspace, expires, settings.expired_status)
            return workspace, generation
    raise Refusal(
        "invalid_signature",
        "The signature of this download URL is not valid.",
        status=settings.tampered_status,
        param="sig",
        hint="use the URL exactly as in data[].url",
    )


def _find_deliverable(call: Call, index: int) -> list[tuple[Workspace, Generation]]:
    return [
        (workspace, generation)
        for workspace in call.fake.store.find_holders(call.path["id"])
        if (generation := workspace.find_deliverable(call.path["id"], index))
    ]


def _check_expiry(workspace: Workspace, expires: int, status: int) -> None:
    if (workspace.clock.now() - EPOCH).total_seconds() >= expires:
        raise Refusal(
            "url_expired",
            LINK_EXPIRED,
            status=status,
            hint="download before deletes_at; a new generation costs again",
        )


def _parse_digits(text: str) -> int | None:
    plain = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if plain and str(int(text)) == text else None
