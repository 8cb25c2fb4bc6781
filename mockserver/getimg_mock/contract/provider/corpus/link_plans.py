"""Plans about one link: every character of it, and conditional requests for its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import Plan, post
from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.steps import DONOR, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step

_SIGNATURE: Final = 64
"""How many characters of a signature are tried: all of a SHA-256 in hexadecimal digits."""

_EXPIRY: Final = 10
"""How many digits of an expiry are tried: all of a time in unix seconds."""

_ANOTHER_TAG: Final = '"not-the-tag-of-this-file"'


def build_plans(models: Sequence[ModelJson]) -> Iterator[Plan]:
    """Yield the plans about one link and its file."""
    image = find_cheapest(models, "image")
    yield Plan(name="every character of a link", tier="R2", steps=(*_build_character_steps(image),))
    yield Plan(name="conditional downloads", tier="R2", steps=(*_build_conditional_steps(image),))


def _build_character_steps(image: ModelJson) -> Iterator[Step]:
    yield post("image", build_small_request(image), valid=True, name="image")
    # A refusal must not be remembered for the right link.
    yield request_file("image", alter="sig-at", place=1)
    yield request_file("image")
    for place in range(_SIGNATURE):
        yield request_file("image", alter="sig-at", place=place)
    for place in range(_EXPIRY):
        yield request_file("image", alter="exp-at", place=place)
    for alter in ("cut-sig", "short-sig", "empty-sig", "longer-sig"):
        yield request_file("image", alter=alter)


def _build_conditional_steps(image: ModelJson) -> Iterator[Step]:
    """Yield requests with the tag of the file, and with another one."""
    yield post("image", build_small_request(image), valid=True, name="image")
    yield request_file("image", name="file")
    part, tag = ("range", "bytes=0-99"), Ref("file", "header:etag")
    for header, more in (("if-none-match", ()), ("if-range", (part,))):
        yield request_file("image", headers=((header, DONOR), *more), donor=tag)
        yield request_file("image", headers=((header, _ANOTHER_TAG), *more))
    length = Ref("file", "header:content-length")
    yield request_file("image", headers=(("range", f"bytes={DONOR}-"),), donor=length)
    yield request_file("image", method="HEAD")
