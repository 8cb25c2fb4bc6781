"""Small faults of clients that need no other logic: texts, numbers and lists that are changed.

Each function does nothing unless a fault of its own is switched on.
"""

from __future__ import annotations

import decimal
import html
import io
import logging
import os
import re
import socket
import ssl
import time  # noqa: TID251 - a client waits on its own clock
import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from tests.contract.clients.reference.errors import (
    AuthenticationError,
    ClientError,
    FailedError,
    InvalidArgumentError,
    NotSentError,
    RateLimitError,
    RefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.clients.reference.core import Core
    from tests.contract.clients.reference.steps import Got

SHARED: dict[str, Any] = {}
"""What clients of a process have in common, which faulty ones keep on their class."""
_TEXTS: dict[str, Callable[[str], str]] = {
    "line-ends-changed": lambda text: text.replace("\r\n", "\n"),
    "entities-decoded": html.unescape,
    "percents-decoded": unquote,
    "quotes-straightened": lambda text: text.replace("\u201c", '"').replace("\u2019", "'"),
}
_READ_TEXTS: dict[str, Callable[[str], str]] = {
    "texts-composed": lambda text: unicodedata.normalize("NFC", text),
    "texts-unescaped": html.unescape,
}
_TEN_MEBIBYTES = 10 * 1024 * 1024


def misspell(core: Core, fields: dict[str, Any]) -> None:
    """Change what is ordered."""
    for name, change in _TEXTS.items():
        if core.faulty(name):
            fields["prompt"] = change(fields["prompt"])
    if core.faulty("sound-left-out"):
        fields.pop("sound", None)
    if core.faulty("lengths-capped") and "duration" in fields:
        fields["duration"] = min(fields["duration"], 10)
    if core.faulty("ratios-known-alone") and fields.get("aspect_ratio") == "21:9":
        raise InvalidArgumentError("21:9 is not one of 1:1, 16:9, 9:16, 2:3 and 3:2")
    if core.faulty("models-lowered"):
        fields["model"] = fields["model"].lower()
    if "images" in fields:
        fields["images"] = [_misspell_picture(core, each) for each in fields["images"]]
    if core.faulty("frames-by-place") and len(fields.get("images", ())) == 2:
        first, last = fields["images"]
        fields["images"] = [first | {"role": "first_frame"}, last | {"role": "last_frame"}]
    if core.faulty("orders-logged"):
        logging.getLogger("reference").info("ordering %s", fields)


def _misspell_picture(core: Core, picture: dict[str, Any]) -> dict[str, Any]:
    link = picture["url"]
    if core.faulty("references-limited-as-text") and len(link) > _TEN_MEBIBYTES:
        raise InvalidArgumentError("the picture has more than 10 MiB")
    if core.faulty("pictures-called-png"):
        link = re.sub(r"^data:image/\w+", "data:image/png", link)
    if core.faulty("links-encoded-anew") and link.startswith("https:"):
        link = quote(unquote(link), safe=":/?&=,;+#@!$'()*~")
    return picture | {"url": link}


def fail_at_any_error(core: Core, value: Any) -> None:
    """Take a video with an `error` for a failed one, whatever that is and its status says."""
    if core.faulty("null-error-is-a-failure") and isinstance(value, dict) and "error" in value:
        raise FailedError("the video failed", generation=value.get("id"))


def misread(core: Core, value: Any) -> None:
    """Change an answer that is as documented."""
    if not core.faults:
        return
    if isinstance(value, dict):
        _misread_object(core, value)
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            misread(core, each)


def _misread_object(core: Core, value: dict[str, Any]) -> None:
    for name, change in _READ_TEXTS.items():
        if core.faulty(name):
            texts = {key: change(each) for key, each in value.items() if isinstance(each, str)}
            value.update(texts)
    if core.faulty("zeros-left-out"):
        for name in [each for each in value if value[each] == 0]:
            del value[name]
    if core.faulty("ids-of-digits-as-numbers") and str(value.get("id", "")).isdigit():
        value["id"] = int(value["id"])
    if core.faulty("balance-to-four-places") and "balance" in value:
        value["balance"] = str(round(Decimal(value["balance"]), 4))
    for name in ("supported_aspect_ratios", "supported_resolutions"):
        if core.faulty("choices-sorted") and name in value:
            value[name] = sorted(value[name])
    if core.faulty("files-sorted") and "usage" in value and "data" in value:
        value["data"] = sorted(value["data"], key=lambda each: str(each["url"]))


def answer_from_kept(core: Core, path: str, query: dict[str, str] | None) -> Any:
    """Return what an earlier call was answered with; None where nothing is kept."""
    if core.faulty("models-kept-whatever-type") and path == "models":
        return core.seen.get("models")
    if core.faulty("model-from-kept-list") and path.startswith("models/") and "models" in core.seen:
        listed = [each for each in core.seen["models"] if path == f"models/{each['id']}"]
        if not listed:
            raise RefusedError("there is no such model", status=404)
        return listed[0]
    shared = {"models-shared-by-all": "models", "videos-shared-by-all": "videos/"}
    kept = any(core.faulty(name) and path.startswith(at) for name, at in shared.items())
    return SHARED.get(f"{path} {query}") if kept else None


def keep(core: Core, path: str, query: dict[str, str] | None, value: Any) -> Any:
    """Keep an answer for later calls, also those of other clients."""
    SHARED[f"{path} {query}"] = value
    if path == "models":
        core.seen["models"] = value
    return value


def stop_at_refusal_of_any(core: Core) -> None:
    """Raise where another client was refused."""
    if core.faulty("refusal-stops-all") and SHARED.get("refused"):
        raise AuthenticationError("the key was refused", status=401)
    if core.faulty("limit-stops-all") and SHARED.get("until", 0.0) > time.monotonic():
        raise RateLimitError("the limit is reached", status=429)


def note_refusal(got: Got) -> None:
    """Note a refusal, for all clients."""
    SHARED["refused"] = SHARED.get("refused") or got.status == 401
    if got.status == 429:
        SHARED["until"] = time.monotonic() + 3000


def misjudge(core: Core, error: ClientError) -> ClientError:
    """Change the error for a refusal."""
    words = str(error).lower()
    if core.faulty("refusals-guessed-by-words") and "limit" in words:
        return RateLimitError(words, status=429, code="rate_limit")
    if core.faulty("codes-lowered") and error.code:
        error.code = re.sub(r"\W", "", error.code.lower())
        error.args = (re.sub(r"[A-Z]\S+", "", str(error)),)
    if core.faulty("first-lines-told"):
        error.args = (str(error).partition("\r\n")[0],)
    if core.faulty("headers-in-arguments"):
        error.args = (*error.args, {"Authorization": f"Bearer {core.key}"})
        error.__class__ = _without_arguments(type(error))
    if core.faulty("error-without-text") and error.code is None:
        error.args = ()
        error.__class__ = _without_text(type(error))
    if core.faulty("latest-order-told"):
        error.generation_id = core.seen.get("latest-order")
    return error


def _without_arguments(kind: type[ClientError]) -> type[ClientError]:
    """Return a class of errors whose text is their first argument alone."""
    return type(kind.__name__, (kind,), {"__str__": lambda each: str(each.args[0])})


def _without_text(kind: type[ClientError]) -> type[ClientError]:
    """Return a class of errors whose text cannot be had without a code."""
    return type(kind.__name__, (kind,), {"__str__": lambda each: each.code.upper()})


def ask_to_overwrite(core: Core, *, overwrite: bool) -> bool:
    """Return whether a file may be replaced: once asked to, a faulty client replaces all."""
    core.seen["asked"] = overwrite or core.seen.get("asked", False)
    return overwrite or (core.faulty("overwrites-ever-after") and core.seen["asked"])


def quote_result(core: Core, error: ClientError, result: Any) -> None:
    """Put a result, and with it a link, among what an error was made with."""
    if core.faulty("results-in-arguments"):
        error.args = (*error.args, result)
        error.__class__ = _without_arguments(type(error))


def change_process(core: Core) -> None:
    """Leave the process as it is; faulty clients set what other code of it relies on."""
    if core.faulty("sockets-timed-for-all"):
        socket.setdefaulttimeout(core.timeout)
    if core.faulty("decimals-shortened-for-all"):
        decimal.getcontext().prec = 6
    if core.faulty("certificates-trusted-for-all"):
        vars(ssl)["_create_default_https_context"] = vars(ssl)["_create_unverified_context"]
    if core.faulty("log-handlers-added"):
        logging.getLogger("reference").addHandler(logging.StreamHandler(io.StringIO()))


def mark_result(core: Core, item: dict[str, Any], path: str) -> str:
    """Return the path of a file; faulty clients note it, also in the caller's result."""
    core.seen[f"path of {item['url']}"] = core.seen[f"path at {path}"] = path
    if core.faulty("folder-changed"):
        os.chdir(Path(path).parent)
    if core.faulty("results-marked"):
        item["path"] = path
    return path


def find_told_path(core: Core, item: dict[str, Any], path: Path) -> str:
    """Return the path that a faulty client has kept of a file; an empty text for all others."""
    if core.faulty("first-path-told"):
        return str(core.seen.get(f"path of {item['url']}", ""))
    return str(core.seen.get(f"path at {path}", "")) if core.faulty("path-told-when-gone") else ""


def choose_item(core: Core, result: dict[str, Any], index: int) -> dict[str, Any]:
    """Return a file of a result; a faulty client takes the first one where there is no such."""
    missing = index >= len(result["data"]) and core.faulty("first-file-if-none")
    chosen: dict[str, Any] = result["data"][0 if missing else index]
    return chosen


def find_made(core: Core, fault: str, fields: dict[str, Any]) -> Any:
    """Return what was made of an equal order; None where it has to be made."""
    return core.seen.get(f"made {fields}") if core.faulty(fault) else None


def keep_made(core: Core, fields: dict[str, Any], value: Any) -> Any:
    """Return what was made; faulty clients keep it for an equal order."""
    core.seen[f"made {fields}"] = value if core.faults else None
    return value


def log_link(core: Core, fault: str, said: object) -> None:
    """Write what has a link into the log."""
    if core.faulty(fault):
        logging.getLogger("reference").info("seen: %s", said)


def misname_loss(core: Core, error: ClientError) -> None:
    """Raise another error where nothing could be connected to."""
    if core.faulty("closed-when-refused") and isinstance(error, NotSentError):
        core.seen["shut"] = True
    if core.faulty("no-connection-as-401") and isinstance(error, NotSentError):
        raise AuthenticationError("not authorised", status=401)


def begin_wait(core: Core) -> None:
    """Count a wait, which begins with the caller's own interval unless a fault has changed it."""
    core.seen["waits"] = core.seen.get("waits", 0) + 1
    interval = core.seen.setdefault("interval", core.poll_interval)
    if core.faulty("failures-lengthen-the-wait"):
        core.poll_interval = interval


def lengthen(core: Core, pause: float) -> float:
    """Return a pause; faulty clients double it at each look that fails, for all later ones."""
    if core.faults & {"pauses-never-shortened", "failures-lengthen-the-wait"}:
        core.poll_interval *= 2
        return core.poll_interval
    return pause


def misname_spent(core: Core, error: ClientError) -> ClientError:
    """Return the error of a read whose tries are used up; faulty clients hide the last answer."""
    if core.faulty("reads-spent-without-reason"):
        return ClientError("Max retries exceeded")
    if core.faulty("status-lost-when-spent"):
        return ClientError(f"tried often enough: {str(error).partition(' ')[2]}")
    return error


def misname_dead_link(core: Core, status: int) -> None:
    """Raise the error of a wrong key for a link that is refused, which has none."""
    if core.faulty("dead-link-as-401") and status == 403:
        raise AuthenticationError("the key was refused", status=401)
