"""Creating clients, and probing what they can do before the first case."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.case_rules import BASE, KEY, OPS, OPTIONS
from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sized
    from types import TracebackType

_EXPECTED_CALL: Final = "make(base_url=..., key=...)"
_PACKAGE_FOLDER: Final = str(Path(__file__).parents[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a client can do: its operations and options, and what it declares as lacking.

    `variables` are the names of the environment variables that it reads.
    """

    ops: frozenset[str]
    options: frozenset[str] = frozenset()
    lacking: frozenset[str] = frozenset()
    variables: dict[str, str]
    is_async: bool = False


def reject_coroutine(name: str, op: str, value: Any) -> None:
    """Refuse the value of a plain method that is a coroutine; raises `SettingsError`."""
    if inspect.iscoroutine(value):
        value.close()
        raise SettingsError(
            f"{name}: {op} is a plain method and returned a coroutine. Declare it with "
            "async def, or return the finished value."
        )


def probe_capabilities(make: Callable[..., Any], name: str) -> Capabilities:
    """Return what the clients of a factory can do; creates one if annotations are missing.

    Raises `SettingsError` when the factory cannot be called, or its clients have no operation.
    """
    probe = _find_class(make)
    options = _find_options(make, name)
    if probe is None:
        probe = _create_probe(make, name)
    ops = frozenset(each for each in OPS if callable(getattr(probe, each, None)))
    _reject_misspellings(probe, ops)
    if not ops:
        listed = ", ".join(_methods(probe)) or "no methods"
        raise SettingsError(
            f"{name}: the adapter has none of {', '.join(OPS)}. It has {listed}. Define the "
            "methods that the client supports."
        )
    lacking = getattr(probe, "lacking", ())
    return Capabilities(
        ops=ops,
        options=options,
        variables=_variables(probe, name),
        lacking=frozenset([lacking] if isinstance(lacking, str) else lacking),
        is_async=any(inspect.iscoroutinefunction(getattr(probe, each)) for each in ops),
    )


def create_client(
    make: Callable[..., Any], name: str, connections: Sized = (), **given: Any
) -> Any:
    """Return a client; raises `SettingsError`, with the traceback, where its factory fails.

    One that fails after it made `connections` may do so because of the answer: what stands for it
    raises that error in each operation.
    """
    before = len(connections)
    try:
        client = make(**given)
    except (Exception, KeyboardInterrupt) as error:
        if len(connections) > before:
            return _RefusedClient(error)
        if isinstance(error, KeyboardInterrupt):
            raise
        shown = ", ".join(f"{each}={value!r}" for each, value in given.items() if each != "key")
        raise SettingsError(
            with_trace(f"{name} raised when it was called with key=... and {shown}.", error)
        ) from None
    if inspect.iscoroutine(client):
        client.close()
        raise SettingsError(
            f"{name} is a coroutine function. Use a plain function: the adapter's methods may be "
            "async, its factory may not."
        )
    return client


class _RefusedClient:
    """Stands for a client that could not be created: each of its operations raises the reason."""

    def __init__(self, reason: BaseException) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPS:
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> None:
            raise self._reason

        return refuse


def create_or_refuse(make: Callable[..., Any], **given: Any) -> Any:
    """Return a client, or what stands for one whose factory refuses what it was given."""
    try:
        return make(**given)
    except Exception as reason:  # noqa: BLE001 - a factory may raise anything
        return _RefusedClient(reason)


def with_trace(sentence: str, error: BaseException) -> str:
    """Return a sentence with the traceback of an error below it, without frames of this package.

    An error without other frames, such as a syntax error, is shown by its text.
    """
    trace: TracebackType | None = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    if trace is None:
        lines = traceback.format_exception_only(error)
    else:
        lines = traceback.format_exception(type(error), error, trace, chain=False)
    return f"{sentence}\n\n{''.join(lines)}".rstrip()


def _is_ours(file: str) -> bool:
    return "importlib" in file or (file.startswith(_PACKAGE_FOLDER) and "adapters" not in file)


def _find_class(make: Callable[..., Any]) -> type | None:
    """Return the class of the clients, where the factory is one or is annotated with one."""
    said: Any = make
    if not inspect.isclass(make):
        with suppress(Exception):
            said = inspect.signature(make, eval_str=True).return_annotation
    can = inspect.isclass(said) and any(callable(getattr(said, each, None)) for each in OPS)
    return said if can else None


def _find_options(make: Callable[..., Any], name: str) -> frozenset[str]:
    try:
        signature = inspect.signature(make)
    except (
        TypeError,
        ValueError,
    ):  # as of a function written in C: the call will show
        return frozenset()
    try:
        signature.bind(base_url=BASE, key=KEY)
    except TypeError as error:
        raise SettingsError(
            f"{name} takes {signature}: {error}. It is called as {_EXPECTED_CALL}. Name those two "
            "parameters, and give any others a default."
        ) from None
    parameters = signature.parameters.values()
    anything = any(each.kind is each.VAR_KEYWORD for each in parameters)
    named = {each.name for each in parameters}
    return frozenset(each for each in OPTIONS if anything or each in named)


def _create_probe(make: Callable[..., Any], name: str) -> Any:
    client = create_client(make, name, base_url=BASE, key=KEY)
    close = getattr(client, "close", None) or getattr(client, "aclose", None)
    if callable(close):
        with suppress(Exception):
            closing = close()
            if inspect.iscoroutine(closing):
                asyncio.run(closing)
    return client


def _methods(probe: Any) -> list[str]:
    return [
        each
        for each in dir(probe)
        if not each.startswith("_") and callable(getattr(probe, each, None))
    ]


def _reject_misspellings(probe: Any, ops: Iterable[str]) -> None:
    """Raise `UnknownNameError` for a method whose name is close to that of a missing operation.

    An attribute of that name with the value None says that the operation is missing on purpose.
    """
    absent = [each for each in OPS if each not in ops and not hasattr(probe, each)]
    for each in _methods(probe):
        close = get_close_matches(each, absent, n=1, cutoff=0.85) if each not in OPS else []
        if close:
            raise UnknownNameError("operation", each, absent)


def _variables(probe: Any, name: str) -> dict[str, str]:
    said = getattr(probe, "environment", {})
    if not isinstance(said, dict):
        raise SettingsError(
            f"{name}: environment is {said!r}. Use a dict with the names of its variables: "
            '{"base_url": "MY_URL", "key": "MY_KEY"}.'
        )
    return said
