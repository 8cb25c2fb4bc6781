"""The list of clients: name, how it is driven, and what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Maker = TypeVar("Maker", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry:
    """A client in the list; `subject` is None for a good one."""

    name: str
    maker: Callable[..., Any]
    style: str
    says: str
    subject: str | None
    blocker: bool
    program: bool
    command: str | None = None


CLIENTS: dict[str, Entry] = {}


def enlist(
    style: str,
    *,
    subject: str | None = None,
    blocker: bool = False,
    program: bool = False,
    command: str | None = None,
) -> Callable[[Maker], Maker]:
    """Put a client into the list; its docstring says what it is, or what is wrong with it."""

    def put(maker: Maker) -> Maker:
        says = " ".join((maker.__doc__ or "").split())
        name = maker.__name__
        assert name not in CLIENTS, name
        CLIENTS[name] = Entry(name, maker, style, says, subject, blocker, program, command)
        return maker

    return put


def faulty(
    subject: str, *, style: str = "httpx", blocker: bool = False, program: bool = False
) -> Callable[[Maker], Maker]:
    """Put a client with a fault into the list."""
    return enlist(style, subject=subject, blocker=blocker, program=program)
