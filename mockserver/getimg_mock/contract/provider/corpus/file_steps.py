"""Steps that request files: all that plans try on one link, and what one model makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.model_choice import build_small_request
from getimg_mock.contract.plans import post
from getimg_mock.contract.provider.corpus.input_values import FORMATS
from getimg_mock.contract.steps import Ref, Send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.steps import Step

_BROWSERS: Final = (
    (
        ("accept", "image/avif,image/webp,image/apng,image/*,*/*;q=0.8"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36"),
        ("sec-fetch-dest", "image"),
    ),
    (
        ("accept", "*/*"),
        ("user-agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"),
        ("save-data", "on"),
        ("sec-ch-ua-mobile", "?1"),
        ("sec-ch-width", "320"),
    ),
)
"""What browsers say of themselves: an edge network may make other files for them."""

CLAIMED_HOST: Final = (
    ("x-forwarded-host", "elsewhere.example"),
    ("x-host", "elsewhere.example"),
    ("forwarded", "host=elsewhere.example;proto=https"),
)
"""Headers of proxies that any client can send: links must not follow them."""


def request_file(of: str, /, **more: Any) -> Send:
    """Return a step that downloads the file of the result of the step named `of`."""
    return Send(link=True, ref=Ref(of, "/data/0/url"), key="none", **more)


def build_file_steps(name: str) -> Iterator[Step]:
    """Yield all requests for a file while its link is valid."""
    yield request_file(name)
    yield request_file(name)
    yield request_file(name, headers=(("range", "bytes=0-99"),))
    for part in ("0-0", "10-19", "-100", "100-", "0-99999999999", "99999999999-"):
        yield request_file(name, headers=(("range", f"bytes={part}"),))
    yield request_file(name, method="HEAD")
    yield request_file(name, headers=(("range", "pages=0-99"),))
    for alter in ("sig", "end-sig", "exp", "item", "id", "no-sig", "no-exp", "late-exp"):
        yield request_file(name, alter=alter)
    yield request_file(name, alter="sig", headers=(("range", "bytes=0-99"),))


def build_borrowed_link_steps(name: str, other: str) -> Iterator[Step]:
    """Yield requests for two files, each with the expiry and the signature of the other."""
    for one, donor in ((name, other), (other, name)):
        yield request_file(one, alter="borrowed", donor=Ref(donor, "/data/0/url"))


def build_format_steps(model: ModelJson) -> Iterator[Step]:
    """Yield orders at the same moment that differ in their format alone, and their files."""
    for kind in FORMATS:
        body = build_small_request(model, output_format=kind, prompt="in each format")
        yield post("image", body, valid=True, name=kind, together=True, group="formats at once")
    for _ in range(2):
        yield request_file("png", together=True, group="first downloads")
    yield from (request_file(kind) for kind in FORMATS)
    yield from (request_file("png", headers=headers) for headers in _BROWSERS)
    body = build_small_request(model, prompt="Said to come through a proxy")
    claimed = (("content-type", "application/json"), *CLAIMED_HOST)
    yield post("image", body, headers=claimed, name="claimed")
    for ratio in model["supported_aspect_ratios"]:
        yield post("image", build_small_request(model, aspect_ratio=ratio), valid=True, name=ratio)
    yield request_file(model["supported_aspect_ratios"][-1])
