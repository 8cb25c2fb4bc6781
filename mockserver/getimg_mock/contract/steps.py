"""The steps of a plan: what is sent to a provider, as data that JSON can carry.

Scripts that `replay --script` writes carry a copy of this module, so it imports the standard
library only.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = Literal["a", "b", "none", "raw"]
Delivery = Literal["", "chunked", "pieces", "expect", "http/1.0", "abandoned"]
Alteration = Literal[
    "",
    "sig",
    "end-sig",
    "sig-at",
    "cut-sig",
    "short-sig",
    "empty-sig",
    "longer-sig",
    "exp",
    "exp-at",
    "item",
    "id",
    "no-sig",
    "no-exp",
    "late-exp",
    "borrowed",
    "cut-id",
    "longer-id",
    "other-case-id",
]

FIRST_KEY: Final = "{key}"
"""Placeholder for the secret of key `a`."""

DAYS_PLACEHOLDER: Final = "{days}"
"""Placeholder for a range of 32 days, from the day before the plan begins, as a query."""


def name_days(number: int) -> str:
    """Return the placeholder for a range like `DAYS_PLACEHOLDER` that ends some days earlier."""
    return f"{{days/{number}}}"


PAST_DAYS_PLACEHOLDER: Final = "{days/past}"
"""Placeholder for a range of 180 days, the longest, of which the day of the plan is the last."""

DONOR: Final = "{donor}"
"""Placeholder in a header or path for the value of the step's `donor`; in a header, a value that is
missing is empty."""

TERMINAL: Final = ("completed", "failed")
"""The statuses in which a generation has ended."""

_MAX_PLAIN_BODY: Final = 20_000
"""The longest body in bytes that is written as text; a longer one is compressed."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A value of an earlier answer: of the step called `step`, a JSON pointer or `header:name`."""

    step: str
    pointer: str = "/id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One request.

    `path` may hold `{}`, which the value of `ref` replaces. With `link`, `ref` gives the whole URL,
    and `alter` names the one change to it; `borrowed` takes expiry and signature from the link of
    `donor`; `sig-at` and `exp-at` change the character at `place`, counted anew after the last.
    Without `borrowed`, `donor` gives the value of `DONOR` in headers and in `path`. Without `link`,
    `alter` changes the value of `ref`.

    `valid` is what the plan knows of the request: True (must be accepted), False (must be refused:
    `fault` names why, `field` where) or None. Requests of one `group` must get the same answer.
    Neighbours in a group that are `together` are sent at the same time, where the target can.
    `use` names the role of the request in an experiment.

    `delivery` says how the body is sent over a socket: at once with its length, in chunks without
    it, in pieces, or after `Expect: 100-continue`. A request may be one of HTTP/1.0, and one may be
    abandoned: the connection is closed when the answer begins.

    `FIRST_KEY` is replaced in `query`, and with the key `raw` in headers and body too;
    `DAYS_PLACEHOLDER` and `PAST_DAYS_PLACEHOLDER` are replaced in `query`.
    """

    method: str = "GET"
    path: str = ""
    query: str = ""
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    key: Key = "a"
    name: str = ""
    ref: Ref | None = None
    link: bool = False
    alter: Alteration = ""
    donor: Ref | None = None
    place: int = 0
    valid: bool | None = None
    fault: str = ""
    field: str = ""
    group: str = ""
    use: str = ""
    together: bool = False
    delivery: Delivery = ""

    @property
    def abandons(self) -> bool:
        """Whether the answer is not read to its end, so that its body says nothing."""
        return self.delivery == "abandoned"

    @property
    def submits(self) -> bool:
        """Whether a provider could make a generation of it, and charge for it.

        True for any method but a read, with anything that a careless provider could take for a key.
        """
        if self.method in {"GET", "HEAD", "OPTIONS"}:
            return False
        keyed = self.key in {"a", "b"} or any(
            FIRST_KEY in value or (name == "authorization" and value.partition(" ")[2].strip())
            for name, value in self.headers
        )
        return keyed or FIRST_KEY in self.query or FIRST_KEY.encode() in (self.body or b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Retrieve the video `of` every `every` seconds until it has ended, at most `most` times.

    Each look is made `at_once` times at the same time, where the target can.
    """

    of: str
    every: float = 5
    most: int = 200
    key: Key = "a"
    at_once: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Let `seconds` pass; with `until`, wait for that instant first."""

    seconds: float = 0
    until: Ref | None = None


Step = Send | Poll | Wait


def dump_step(step: Step) -> dict[str, Any]:
    """Return a step as JSON, without the fields that have their default."""
    dumped: dict[str, Any] = {"do": type(step).__name__.lower()}
    for each in fields(step):
        value = getattr(step, each.name)
        if value == each.default:
            continue
        if isinstance(value, bytes):
            value = _dump_bytes(value)
        elif isinstance(value, Ref):
            value = [value.step, value.pointer]
        dumped[each.name] = value
    return dumped


def parse_step(value: Mapping[str, Any]) -> Step:
    """Return the step that `dump_step` wrote."""
    known = dict(value)
    kind = {"send": Send, "poll": Poll, "wait": Wait}[known.pop("do")]
    for name in ("ref", "until", "donor"):
        if known.get(name):
            known[name] = Ref(*known[name])
    if "headers" in known:
        known["headers"] = tuple((name, text) for name, text in known["headers"])
    if "body" in known:
        known["body"] = _parse_bytes(known["body"])
    step: Step = kind(**known)
    return step


def _dump_bytes(value: bytes) -> Any:
    if len(value) > _MAX_PLAIN_BODY:
        return {"zlib": base64.b64encode(zlib.compress(value, 9)).decode()}
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _parse_bytes(value: Any) -> bytes | None:
    if isinstance(value, dict):
        ((packing, text),) = value.items()
        data = base64.b64decode(text)
        return zlib.decompress(data) if packing == "zlib" else data
    return None if value is None else str(value).encode()
