"""What belongs to a whole process, and which of it a client changes: other code relies on it."""

from __future__ import annotations

import decimal
import logging
import os
import random  # noqa: TID251 - what clients seed
import signal
import socket
import ssl
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _find_folder() -> str:
    with suppress(OSError):
        return os.getcwd()  # noqa: PTH109 - what os.chdir takes
    return ""


def _find_umask() -> int:
    found = os.umask(0o77)  # it cannot be read without being set
    os.umask(found)
    return found


def _find_arithmetic() -> tuple[int, str]:
    context = decimal.getcontext()
    return context.prec, context.rounding


def _set_arithmetic(found: tuple[int, str]) -> None:
    context = decimal.getcontext()
    context.prec, context.rounding = found


def _set_certificates(found: Any) -> None:
    vars(ssl)["_create_default_https_context"] = found


def _set_interrupt(found: Any) -> None:
    with suppress(ValueError, TypeError):  # in a thread, or a handler that Python did not set
        signal.signal(signal.SIGINT, found)


_STATES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "the current folder": (_find_folder, os.chdir),
    "the umask": (_find_umask, os.umask),
    "the default timeout of sockets": (socket.getdefaulttimeout, socket.setdefaulttimeout),
    "the precision of decimals": (_find_arithmetic, _set_arithmetic),
    "the verification of certificates by urllib": (
        lambda: vars(ssl).get("_create_default_https_context"),
        _set_certificates,
    ),
    "the handler of interrupts": (lambda: signal.getsignal(signal.SIGINT), _set_interrupt),
}
"""How each is read, and set back."""


def _list_handlers() -> dict[logging.Logger, list[logging.Handler]]:
    """Return the handlers of each log, without those that write nothing."""
    logs = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return {
        each: [one for one in each.handlers if not isinstance(one, logging.NullHandler)]
        for each in logs
        if isinstance(each, logging.Logger)
    }


@contextmanager
def _watch_handlers() -> Iterator[list[str]]:
    """Note the logs that get a second handler of a kind: each line comes once more then.

    The first one may be added by the first client. What is noted is taken away.
    """
    before, repeated = _list_handlers(), list[str]()
    yield repeated
    for log, handlers in _list_handlers().items():
        had = before.get(log, [])
        kinds = {type(each) for each in had}
        new = [each for each in handlers if each not in had and type(each) in kinds]
        if new:
            repeated.append(f"the list of handlers of the log {log.name!r}")
            for each in new:
                log.removeHandler(each)


@contextmanager
def _watch_seeding() -> Iterator[list[object]]:
    """Note each call that seeds the random numbers that all code shares."""
    calls: list[object] = []
    seed = random.seed

    def note(*given: Any, **named: Any) -> None:
        calls.append(given)
        seed(*given, **named)

    vars(random)["seed"] = note
    try:
        yield calls
    finally:
        vars(random)["seed"] = seed


@contextmanager
def watch_process_state() -> Iterator[list[str]]:
    """Note what has changed at the end of the block, and set it back."""
    before = {name: read() for name, (read, _) in _STATES.items()}
    changed: list[str] = []
    try:
        with _watch_seeding() as seeded, _watch_handlers() as repeated:
            yield changed
        if seeded:
            changed.append("the seed of random numbers")
        changed += repeated
    finally:
        for name, (read, put_back) in _STATES.items():
            if read() != before[name]:
                changed.append(name)
                with suppress(OSError):
                    put_back(before[name])
