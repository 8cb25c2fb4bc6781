"""Signed links to files, and the changes to them that plans try.

Scripts that `replay --script` writes carry a copy of this module, so it imports the standard
library only.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

_KEPT: Final = {"short-sig": 8, "empty-sig": 0}
"""How many characters of a signature are kept; else all but the last."""


def strip_base(url: str, base: str) -> str:
    """Return a link as requests to `base` write it: path and query, or whole for another host."""
    return url[len(base) :] if url.startswith(base + "/") else url


def alter_id(value: str, alteration: str) -> str:
    """Return an id after one `Alteration`."""
    if alteration == "cut-id":
        return value[:-2]
    return value + "0" if alteration == "longer-id" else value.swapcase()


def alter_link(url: str, alteration: str, base: str, donor: str = "", place: int = 0) -> str | None:
    """Return path and query of a link after one `Alteration`; None for what is not a URL.

    `place` is that of the character to change. `donor` is the link whose expiry and signature
    replace those of `url` where it is `borrowed`.
    """
    try:
        parts, other = urlsplit(url), urlsplit(donor)
    except ValueError:
        return None
    if not alteration:
        return strip_base(url, base)
    path = strip_base(url, base).partition("?")[0]
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if alteration == "borrowed":
        query |= dict(parse_qsl(other.query, keep_blank_values=True))
    elif alteration == "sig":
        query["sig"] = _flip_first_digit(query.get("sig", ""))
    elif alteration == "end-sig":
        signature = query.get("sig", "")
        query["sig"] = signature[:-1] + ("1" if signature[-1:] == "0" else "0")
    elif alteration in {"sig-at", "cut-sig", "short-sig", "empty-sig", "longer-sig"}:
        query["sig"] = _alter_signature(query.get("sig", ""), alteration, place)
    elif alteration == "exp-at":
        query["exp"] = _change_at(query.get("exp", ""), place)
    elif alteration in {"exp", "late-exp"}:
        old = query.get("exp", "0")
        more = 86400 * 365 if alteration == "late-exp" else 3600
        query["exp"] = str(int(old) + more) if old.isdigit() else old + "1"
    elif alteration in {"no-sig", "no-exp"}:
        query.pop(alteration[3:], None)
    else:
        path = _alter_path(path, alteration)
    return f"{path}?{urlencode(query)}"


def _flip_first_digit(signature: str) -> str:
    return ("1" if signature[:1] == "0" else "0") + signature[1:]


def _alter_signature(signature: str, alteration: str, place: int) -> str:
    if alteration == "longer-sig":
        return signature + "0"
    if alteration != "sig-at":
        return signature[: _KEPT.get(alteration, -1)]
    # The last character of Base64 may hold bits that mean nothing.
    whole = all(each in "0123456789abcdefABCDEF" for each in signature)
    return _change_at(signature, place % max(1, len(signature) - (not whole)))


def _change_at(text: str, place: int) -> str:
    """Return a text with another digit at one place, counted anew after the last."""
    at = place % len(text) if text else 0
    return f"{text[:at]}{'1' if text[at : at + 1] == '0' else '0'}{text[at + 1 :]}"


def _alter_path(path: str, alteration: str) -> str:
    head, _, item = path.rpartition("/")
    if alteration == "item":
        return f"{head}/{int(item) + 1 if item.isdigit() else item + '1'}"
    start, _, identifier = head.rpartition("/")
    return f"{start}/{identifier[:-1]}{'A' if identifier[-1:] != 'A' else 'B'}/{item}"
