"""Values for requests: of the wrong type, look-alikes, and forms of URLs and numbers."""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import PIXEL
from getimg_mock.contract.plans import encode_body

if TYPE_CHECKING:
    from getimg_mock.contract.model_choice import ModelJson

LARGE_TEXT: Final = "{large text}"
"""Marks the place of a large text in a body that is still to be encoded."""

FORMATS: Final = ("jpeg", "png", "webp")
"""The formats of pictures that may be ordered."""

# One value of each JSON type by its name in schemas; 1.5 is not an integer.
_VALUES_BY_TYPE: Final[dict[str, Any]] = {
    "null": None,
    "boolean": True,
    "integer": 5,
    "number": 1.5,
    "string": "text",
    "array": [],
    "object": {},
}

# What a lenient provider could take for the right type.
_COERCIBLE_VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "model": (["seedream-5-lite"], {"id": "x"}),
    "prompt": (False, ["a"], {"text": "a"}),
    "aspect_ratio": ([1, 1], {"w": 1}),
    "resolution": (1024, ["1K"]),
    "output_format": (["png"],),
    "duration": ("5", [5], {"seconds": 5}),
    "sound": ("true", "false", "", 1, 0),
    "images": (
        "https://example.com/cat.png",
        {"url": "https://example.com/cat.png"},
        ["https://example.com/cat.png"],
        [None],
        [True],
        [5],
        [[]],
    ),
    "url": ([PIXEL], {"url": PIXEL}),
    "role": (["reference_image"], {"name": "reference_image"}),
}

# Letters of other scripts that look like Latin ones.
_HOMOGLYPHS: Final = str.maketrans(
    {
        "a": "\u0430",
        "e": "\u0435",
        "g": "\u0261",
        "p": "\u0440",
        "K": "\u041a",
        "1": "\uff11",
        "2": "\uff12",
        "4": "\uff14",
        ":": "\uff1a",
        "7": "\uff17",
    }
)

ROLES: Final = ("reference_image", "first_frame", "last_frame")

PUBLIC_URLS: Final = (
    "https://example.com/cat.png",
    "https://example.com/cat.png?Expires=1760000000&Signature=" + "0a%2F" * 250,
    "https://example.com/pictures/cat",
    "https://example.com/cat?format=webp&width=512",
    "https://example.com/a%20cat/%E7%81%AF%E5%8F%B0.JPG",
    "HTTPS://EXAMPLE.COM/cat.png",
)
"""Forms that the URL of a picture has: signed, without an extension, with escapes, in capitals."""

UNFETCHABLE_URLS: Final = (
    "http://example.com/cat.png",
    "ftp://example.com/cat.png",
    "file:///etc/passwd",
    "https://localhost/cat.png",
    "https://127.0.0.1/cat.png",
    "https://[::1]/cat.png",
    "https://10.0.0.1/cat.png",
    "https://192.168.1.1/cat.png",
    "https://172.16.0.1/cat.png",
    "https://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/cat.png",
    "https://2130706433/cat.png",
    "https://0x7f000001/cat.png",
    "https://127.1/cat.png",
    "https://0177.0.0.1/cat.png",
    "https://127.0.0.1.:443/cat.png",
    "https://LOCALHOST./cat.png",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://user:pass@example.com/c.png",
    "https://[::ffff:127.0.0.1]/cat.png",
    "https://[fd00::1]/cat.png",
    "//example.com/cat.png",
    "example.com/cat.png",
    "javascript:alert(1)",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAA=",
    "data:text/html;base64,PGI+aGk8L2I+",
    "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
    "data:image/svg+xml;base64,PHN2Zy8+",
    "data:image/png,notbase64",
    "data:image/png;base64,???",
    "data:image/jpeg;base64," + PIXEL.partition(",")[2],
)

PICTURES: Final = {
    "a JPEG": (
        "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAA"
        "AABAAYAAAAAAAD/2wBDAFA3PEY8MlBGQUZaVVBfeMiCeG5uePWvuZHI/////////////////////////////"
        "///////////////////////2wBDAVVaWnhpeOuCguv//////////////////////////////////////////"
        "///////////////////////////////wAARCAAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAA"
        "AH/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFAEBAAAAAAAAAAAAAAAAAAAAA//EABQRAQAAAAAAAAAAAAAAA"
        "AAAAAD/2gAMAwEAAhEDEQA/AKAIj//Z"
    ),
    "a WebP": (
        "data:image/webp;base64,UklGRjAAAABXRUJQVlA4ICQAAACwAQCdASoIAAgAB0CWJaACdLoABdQAANpubPcdo3dcY7MA"
        "AAA="
    ),
    "a PNG, its type in capitals": PIXEL.replace("image/png", "IMAGE/PNG"),
}
"""Data URLs of the two other types that are documented, each with such a picture, and a third.

The JPEG says that it is turned, as photographs do: what is made of it is not.
"""

WIDE_PICTURE: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABgAAAAGCAAAAAD8wAHPAAAAEUlEQVR42mOsYMAO"
    "mBgGUAIASfIAhH8YXjgAAAAASUVORK5CYII="
)
"""A data URL of a picture that is four times as wide as high, as no model makes by default."""

OTHER_BYTES: Final = {
    "a GIF as PNG": "data:image/png;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=",
    "HTML as PNG": "data:image/png;base64,PGh0bWw+PGI+aGVsbG88L2I+PC9odG1sPg==",
    "a PDF as JPEG": "data:image/jpeg;base64,JVBERi0xLjQgAAAAAAAAAAAAAAAAAAAAAAAA",
    "a sound as WebP": "data:image/webp;base64,UklGRhAAAABXQVZFZm10IAAAAAAAAAAAAAA=",
    "no bytes": "data:image/png;base64,",
    "the first bytes of a PNG": "data:image/png;base64,iVBORw0KGgo=",
}
"""Data URLs of a right type whose bytes are no such picture, by what they are."""

OBJECT_MEMBERS: Final = ("constructor", "__proto__", "toString")
"""Names that every object has in some languages: what is looked up by them is found."""

FOREIGN_LETTERS: Final = (
    "gr\u00f6\u00dfe",
    "\u6d77\u7684",
    "\U0001f30a\u00e9",
    '2K"x\\',
)
"""Values that no list has: in Latin-1, in Chinese, beyond the basic plane, and what JSON escapes.

Errors repeat them, so that their encoding shows.
"""

LONG_PROMPTS: Final = (
    "a" * 4096,
    "\U0001f30a" * 4096,
    "\u6d77" * 4096,
    "e\u0301" * 2048,
    "  " + "a" * 4092 + "  ",
)
"""Prompts of 4096 characters: ASCII, beyond the basic plane, in three bytes each, with combining
marks, with spaces at both ends."""

UNICODE_PROMPTS: Final = (
    "\U0001f30a a wave",
    "\u202eright to left\u202c",
    "e\u0301 combining",
    "\u0000 nul",
    "\U0010ffff last",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "zero\u200bwidth",
    "\ufeffbom",
    "line\r\nbreak\ttab",
    "\x7f\x1b[31mred",
    "\ufffe",
    "a" * 100 + "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 20,
)


CODE_PROMPTS: Final = (
    "<script>alert(1)</script> on a poster",
    "A folder named ../../etc on a desk",
    "'; DROP TABLE sheep; -- a sheep",
    "A neon sign: UNION SELECT 1",
    "A mug with ${jndi:ldap://x/y} and {{7*7}} on it",
    "%s %n %00 <?php javascript: &lt;b&gt;",
)
"""Prompts that a firewall may take for attacks; they are pictures of signs and mugs."""


@cache
def build_large_picture(size: int) -> str:
    """Return a data URL of a PNG file of `size` bytes."""
    return encode_large_picture(size).decode()


def encode_large_picture(size: int) -> bytes:
    """Return the same data URL in bytes."""
    pixel = base64.b64decode(PIXEL.partition(",")[2])
    # Three bytes are four characters, and most are zeros: encoding megabytes takes longer.
    head = pixel + bytes(-len(pixel) % 3)
    zeros, rest = divmod(size - len(head), 3)
    parts = base64.b64encode(head), b"A" * (4 * zeros), base64.b64encode(bytes(rest))
    return b"".join((b"data:image/png;base64,", *parts))


def encode_large_body(body: dict[str, Any], text: bytes) -> bytes:
    """Return a body as JSON with `text` in the place of `LARGE_TEXT`.

    Nothing in the text needs an escape, which the encoder would look for in each character.
    """
    before, after = encode_body(body).split(LARGE_TEXT.encode())
    return b"".join((before, text, after))


def list_mistyped_values(name: str, schema: dict[str, Any]) -> list[Any]:
    """Return values of every JSON type but that of the schema, and values that could be coerced."""
    right = {schema["type"], *(["integer"] if schema["type"] == "number" else [])}
    values = [value for kind, value in _VALUES_BY_TYPE.items() if kind not in right]
    return [*values, *_COERCIBLE_VALUES.get(name, ())]


def disguise(value: str) -> list[str]:
    """Return values that look like `value`: other case, added spaces, homoglyphs."""
    last = max(
        (place for place, letter in enumerate(value) if ord(letter) in _HOMOGLYPHS), default=None
    )
    twin = (
        ""
        if last is None
        else value[:last] + value[last].translate(_HOMOGLYPHS) + value[last + 1 :]
    )
    found = (
        value.upper(),
        value.lower(),
        value.title(),
        f"{value} ",
        f" {value}",
        f"{value}\n",
        twin or f"{value}\u200b",
    )
    return [each for each in dict.fromkeys(found) if each != value]


def list_bad_durations(model: ModelJson) -> tuple[str, ...]:
    """Return JSON texts for a duration that the model does not support."""
    first = model["supported_durations"][0]
    return (
        f'"{first}"',
        "1e400",
        "-0",
        f"-{first}",
        "4.5",
        "99999999999999999999",
        "0",
        "1e-9",
        f"{first}.000001",
    )
