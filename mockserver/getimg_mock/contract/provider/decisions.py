"""Whether a provider accepted or refused a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock import schemas
from getimg_mock.contract.verdicts import expect, fail_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


# Statuses that say nothing about an input: no response, key, money or rate limit.
IGNORED_STATUSES: Final = (0, 401, 402, 429)


_MAYBE_FETCHABLE: Final = ("data:image/jpeg;base64,iVBOR", "https://user:")
"""How references begin that may be called valid: a PNG labelled as JPEG, a URL with a name."""


_UNREAD: Final = 1 << 20
"""So many bytes of a body a server need not read to refuse a request for its head."""


def may_hang_up(exchange: HttpExchange) -> bool:
    """Whether a server may refuse a request by its head, and end the connection under its body.

    Its answer may be lost with the connection (RFC 9112, 9.6).
    """
    return exchange.fault == "key" and len(exchange.request_body or b"") > _UNREAD


def is_refused(exchange: HttpExchange) -> bool:
    """Whether the response is a 4xx."""
    return 400 <= exchange.status < 500


def is_left_open(exchange: HttpExchange) -> bool:
    """Whether a service may accept or refuse a request: its reading of the input is its own.

    Bytes that are no picture may be found out while a video is made. The documentation does not say
    whether null counts as absent, whether the label of a data URL
    counts or its bytes, or in which unit characters are counted.
    """
    step = exchange.step
    if step is None:
        return False
    mislabelled = step.fault == "reference-url" and step.field.startswith(_MAYBE_FETCHABLE)
    late = step.fault == "reference-bytes" and exchange.operation == "videos.create"
    astral = (step.fault or step.use) == "length" and _is_astral(step.body or b"")
    return mislabelled or late or astral or is_null_for_absent(exchange)


def _is_astral(body: bytes) -> bool:
    """Whether a text in UTF-8 has a character beyond the basic plane: its first byte shows it."""
    return not body.isascii() and max(body) >= 0xF0


def is_null_for_absent(exchange: HttpExchange) -> bool:
    """Whether the fault of a request is null in an optional field, which may count as absent."""
    if exchange.fault != "type" or not exchange.submits:
        return False
    kind = "image" if exchange.operation == "images.generate" else "video"
    request = schemas.schema(f"{kind}-request")
    images = exchange.asked.get("images")
    item = images[0] if isinstance(images, list) and images else None
    roles = request["properties"]["images"]["items"]["required"]
    return any(
        value is None and name not in required
        for place, required in ((exchange.asked, request["required"]), (item, roles))
        if isinstance(place, dict)
        for name, value in place.items()
    )


def expect_refusals(history: History, *faults: str) -> Iterator[Observation]:
    """Require a 4xx for every request that has one of these faults."""
    for each in history.with_fault(*faults):
        if each.valid is False and each.status not in IGNORED_STATUSES:
            where = f" ({each.step.field})" if each.step and each.step.field else ""
            wanted, came = f"4xx: {each.fault}{where}", f"{each.status} {each.body[:120]!r}"
            if not is_refused(each) and is_left_open(each) and not history.own:
                yield fail_as("INFO", wanted, came, each)
            else:
                yield expect(is_refused(each), wanted, came, each)


def expect_successes(history: History, use: str) -> Iterator[Observation]:
    """Require success for every valid request of this use."""
    for each in history.with_role(use):
        if each.valid and each.status not in IGNORED_STATUSES:
            yield expect_success(history, each, "accepted")


def expect_success(history: History, each: HttpExchange, wanted: str) -> Observation:
    """Require success for a valid request; where a service may refuse it, a refusal informs."""
    came, good = f"{each.status} {each.body[:160]!r}", 200 <= each.status < 300
    left_open = is_left_open(each) or _may_not_be_fetched(history, each)
    if not good and is_refused(each) and left_open and not history.own:
        return fail_as("INFO", wanted, came, each)
    return expect(good, wanted, came, each)


def _may_not_be_fetched(history: History, refused: HttpExchange) -> bool:
    """Whether the references of a request may be out of reach: none with an address was taken."""
    return has_addresses(refused) and not any(
        any(url.startswith("https:") for url in _list_addresses(each))
        and each.status not in IGNORED_STATUSES
        and not is_refused(each)
        for each in history
    )


def has_addresses(exchange: HttpExchange) -> bool:
    """Whether a submission has references that a service is to fetch."""
    return bool(_list_addresses(exchange))


def _list_addresses(exchange: HttpExchange) -> list[str]:
    images = exchange.asked.get("images") if exchange.submits else None
    found = images if isinstance(images, list) else []
    urls = [str(each.get("url")) for each in found if isinstance(each, dict)]
    return [url for url in urls if url.lower().startswith("https:")]


def expect_one_decision(history: History, prefix: str) -> Iterator[Observation]:
    """Require one decision within each group whose name has this prefix."""
    for name, group in history.groups.items():
        seen = [each for each in group if each.status not in IGNORED_STATUSES]
        if not name.startswith(prefix) or len(seen) < 2:
            continue
        decisions = {is_refused(each) for each in seen}
        statuses = ", ".join(str(each.status) for each in seen)
        yield expect(len(decisions) == 1, f"one decision for all of {name}", statuses, *seen)
