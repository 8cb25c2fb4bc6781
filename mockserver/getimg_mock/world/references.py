"""Reference images: the URLs that a request may name.

Documented: a public HTTPS URL, or a data URL of a PNG, JPEG or WebP whose decoded bytes are at
most 10 MiB; bare base64 is refused. Nothing is fetched: only the form of an HTTPS URL is checked.

Our choice: a data URL must hold a complete, still picture of a bounded number of pixels. Its
structure is read and its pixels are not decoded, so that a small file cannot cost much.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from unicodedata import normalize
from urllib.parse import urlsplit

from getimg_mock.errors import Refusal
from getimg_mock.world.picture_headers import (
    BrokenPictureError,
    PictureHeader,
    check_pixel_data,
    describe_content,
    read_header,
    sniff_type,
)

MAX_IMAGE_MIB: Final = 10
MAX_IMAGE_BYTES: Final = MAX_IMAGE_MIB * 1024 * 1024
MAX_MEGAPIXELS: Final = 64
_MAX_URL: Final = 8192
_MAX_HEAD: Final = 256  # characters of a data URL up to its comma
_DATA_URL: Final = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_MIME_TYPES: Final = ("image/png", "image/jpeg", "image/webp")
_LOCAL_NAMES: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_NUMERIC: Final = re.compile(r"(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+))*")
# Labels of at most 63 characters; characters beyond ASCII are IDNA's business.
_EDGE: Final = "[a-z0-9_\u0080-\U0010ffff]"
_LABEL: Final = f"{_EDGE}(?:[a-z0-9_\u0080-\U0010ffff-]{{0,61}}{_EDGE})?"
# Compiled on first use: it takes longer than the rest of this module.
_NAME: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")


def check_reference(url: str, *, param: str, megapixels: int = MAX_MEGAPIXELS) -> None:
    """Raise the 400 `Refusal` for `param` unless getimg.ai accepts `url`.

    A data URL may hold a picture of at most `megapixels`.
    """
    if url[:5].lower() == "data:":
        _check_data_url(url, param, megapixels)
    else:
        _check_public_url(url, param)


def _build_refusal(param: str, what: str, hint: str | None = None) -> Refusal:
    return Refusal("invalid_parameter", f"Invalid '{param}': {what}", param=param, hint=hint)


def _check_data_url(url: str, param: str, megapixels: int) -> None:
    head = _DATA_URL.match(url, 0, _MAX_HEAD)
    if head is None or not head[2].lower().endswith(";base64"):
        raise _build_refusal(param, "a data URL has the form data:image/png;base64,...")
    declared = head[1].lower()
    if declared not in _MIME_TYPES:
        raise _build_refusal(
            param,
            f"'{declared[:60]}' is not one of {', '.join(_MIME_TYPES)}.",
            _describe_accepted(megapixels),
        )
    # Four characters are three bytes, less what pads them; what is too large is not decoded.
    padding = url.endswith("=") + url.endswith("==")
    if (len(url) - head.end()) * 3 // 4 - padding > MAX_IMAGE_BYTES:
        raise _build_refusal(param, f"the decoded image is larger than {MAX_IMAGE_MIB} MiB.")
    try:
        data = a2b_base64(url[head.end() :], strict_mode=True)
    except ValueError:  # also for characters beyond ASCII
        raise _build_refusal(param, "the data URL is not valid base64.") from None
    if len(data) > MAX_IMAGE_BYTES:
        raise _build_refusal(param, f"the decoded image is larger than {MAX_IMAGE_MIB} MiB.")
    wrong = _find_fault(data, declared, megapixels)
    if wrong is not None:
        raise _build_refusal(param, wrong, _describe_accepted(megapixels))


def _find_fault(data: bytes, declared: str, megapixels: int) -> str | None:
    """Return what is wrong with the bytes of a data URL, or None."""
    found = sniff_type(data)
    if found is None:
        seen = describe_content(data)
        accepted = "a PNG, JPEG or WebP image."
        if seen is None:
            return f"the decoded bytes are not {accepted}"
        return f"the decoded bytes are {seen}, not {accepted}"
    if found != declared:
        return f"the data URL says {declared}, its bytes are {found}."
    try:
        header = read_header(data, found)
        wrong = _judge_header(header, found, megapixels)
        if wrong is None:
            check_pixel_data(data, found)
    except BrokenPictureError as error:
        return f"the {found} data is broken: {error}."
    return wrong


def _judge_header(header: PictureHeader, mime_type: str, megapixels: int) -> str | None:
    shown = f"{header.width} x {header.height}"
    if not header.width or not header.height:
        return f"the {mime_type} data is a picture without pixels ({shown})."
    if header.animated:
        return f"the {mime_type} data is animated; only still pictures are accepted."
    if header.width * header.height > megapixels * 1_000_000:
        return f"the picture has {shown} pixels, at most {megapixels} megapixels are accepted."
    return None


def _describe_accepted(megapixels: int) -> str:
    return (
        f"send a still PNG, JPEG or WebP image of at most {MAX_IMAGE_MIB} MiB "
        f"and {megapixels} megapixels"
    )


def _check_public_url(url: str, param: str) -> None:
    if "://" not in url and _BASE64.fullmatch(url):
        raise _build_refusal(
            param,
            "bare base64 is not accepted; use a public HTTPS URL or a data URL.",
            "prefix it with data:image/png;base64,",
        )
    try:
        parts = urlsplit(url)
        host, _port = _normalize_host(parts.hostname or ""), parts.port
    except ValueError:
        raise _build_refusal(param, "it is not a URL.") from None
    if parts.scheme != "https" or not host:
        raise _build_refusal(param, "use a public HTTPS URL or a data URL.")
    if len(url) > _MAX_URL:
        raise _build_refusal(param, f"the URL is longer than {_MAX_URL} characters.")
    if re.search(r"[\x00-\x20\x7f]", url):
        raise _build_refusal(param, "a URL has no spaces or control characters.")
    if parts.username is not None or parts.password is not None:
        raise _build_refusal(param, "a URL with a user name or password is not public.")
    if not re.fullmatch(_NAME, host) and _parse_address(host) is None:
        raise _build_refusal(param, f"'{host[:80]}' is not a host name.")
    if not _is_public(host):
        raise _build_refusal(param, f"the host '{host[:80]}' is not public.")


def _is_public(host: str) -> bool:
    address = _parse_address(host)
    if address is not None:
        return _is_global(address)
    # inet_aton also accepts 127.1, 0x7f000001 and 2130706433: numeric names are addresses.
    return "." in host and not _NUMERIC.fullmatch(host) and not f".{host}".endswith(_LOCAL_NAMES)


def _parse_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address and the IPv4 address it may embed are public."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_global(inner)
    return address.is_global and not address.is_multicast


def _normalize_host(host: str) -> str:
    """Return a host name as resolvers see it: lower case, ASCII dots and digits."""
    return normalize("NFKC", host).replace("\N{IDEOGRAPHIC FULL STOP}", ".").lower().rstrip(".")
