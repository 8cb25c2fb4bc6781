"""What to send instead of a path that does not exist, or of a method that a path does not accept.

Documented: there is no list, cancel or delete of generations, and no
`GET /v2/images/generations/{id}`; no webhooks and no CORS are documented either.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from getimg_mock.world.operations import OPERATIONS, find_operation

_MAX_PATH: Final = 200
_IMAGE: Final = "POST /v2/images/generations"
_VIDEO: Final = "POST /v2/videos/generations"
_POLL: Final = "GET /v2/videos/generations/{id}"
_NO_CANCEL: Final = f"generations cannot be cancelled or deleted; {_POLL} reports their state"
_PLAIN: Final = tuple(each.path for each in OPERATIONS.values() if "{" not in each.path)

# The first pattern that is found in the path, without its version, gives the advice.
_PATTERNS: Final = (
    (r"/cancel(/|$)|/abort(/|$)|/stop(/|$)|/delete(/|$)", _NO_CANCEL),
    (r"^/images?/generations?/.", f"there is no such path: the answer to {_IMAGE} is final"),
    (r"^/(tasks?|jobs?|predictions?|requests?|results?|status)(/|$)", f"use {_POLL}"),
    (r"webhook|callback", f"there are no webhooks; poll {_POLL}"),
    (r"upload|^/files?(/|$)|^/assets?(/|$)", 'pass references in images: [{"url": ...}]'),
    (r"balance|account|credits?(/|$)|^/me(/|$)|^/users?(/|$)", "use GET /v2/billing/balance"),
    (r"costs?(/|$)|usage", "use GET /v2/billing/costs?start=...&end=..."),
    (r"^/downloads?(/|$)", "take the whole URL from data[].url of a completed generation"),
    (r"^/models/.+/.+|inpaint|image-to-image|text-to-image|/edits|/variations", _IMAGE),
    (r"^/(engines?|models?)(/|$)", "use GET /v2/models"),
    (r"chat|completions|responses|messages", f"there is no text generation; use {_IMAGE}"),
    (r"video", f"use {_VIDEO}"),
    (r"image|instruct|upscal|controlnet|stable-diffusion|latent|flux|generat", f"use {_IMAGE}"),
)


def advise_path(method: str, path: str) -> str:
    """Return what would work instead of an unknown path."""
    short = path[:_MAX_PATH]
    slashed = "/" + "/".join(part for part in short.split("/") if part)
    for fixed in (slashed, f"/v2{slashed}", re.sub(r"^(/v\d+)+", "/v2", slashed)):
        if fixed != short and (find_operation(method, fixed) or fixed in _PLAIN):
            return f"did you mean {_find_template(method, fixed)}?"
    near = get_close_matches(short, _PLAIN, 1, 0.8)
    if near and near[0].count("/") == slashed.count("/"):
        return f"did you mean {near[0]}?"
    bare = re.sub(r"^(/v\d+)+", "", slashed.lower())
    for pattern, advice in _PATTERNS:
        if re.search(pattern, bare):
            return f"use {advice}" if advice == _IMAGE else advice
    return f"the paths are {', '.join(dict.fromkeys(_PLAIN))}, and those in docs.getimg.ai"


def advise_older_path(path: str) -> str:
    """Return what would work instead of a path of the older API."""
    return (
        "this path is of the older API; the paths of this one begin with /v2: "
        f"{advise_path('POST', path)}"
    )


def advise_method(method: str, path: str, allowed: str) -> str:
    """Return what would work instead of a method that a path does not accept."""
    if method == "OPTIONS":
        return "browsers cannot call the API (no CORS): call it from a server"
    if path.startswith("/v2/videos/generations/"):
        return _NO_CANCEL if method == "DELETE" else f"use {_POLL}"
    if path in {"/v2/images/generations", "/v2/videos/generations"} and method in {"GET", "HEAD"}:
        one = f"; {_POLL} polls one" if "videos" in path else ""
        return f"generations cannot be listed; POST makes one{one}"
    if method == "DELETE":
        return f"nothing can be deleted; use {allowed}"
    return f"use {allowed} {_find_template('', path)}"


def _find_template(method: str, path: str) -> str:
    """Return the template of a known path, so that no text of the client is repeated."""
    name = find_operation(method, path)
    return OPERATIONS[name].path if name else path if path in _PLAIN else "this path"
