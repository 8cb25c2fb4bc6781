"""What a store keeps of a workspace, as JSON and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from getimg_mock.world.control_steps import ControlStep
from getimg_mock.world.generations import Ending, Generation, Product
from getimg_mock.world.journal import Effect, Exchange
from getimg_mock.world.transitions import Failure, Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from getimg_mock.world.journal import Headers

_quote: Final = encode_basestring_ascii
_CONSTANTS: Final = {None: "null", False: "false", True: "true"}
# Texts that are kept of each kind at most.
_MOST_KNOWN: Final = 1024
# Headers of more bytes are encoded anew for each exchange.
_MAX_REMEMBERED: Final = 4096
dump_json: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Encodes a value as JSON in ASCII, as texts of clients may hold what UTF-8 does not allow."""


class GenerationRow(NamedTuple):
    """A generation as it is kept.

    `charged` is None for one that has ended; for a pending one it says whether it was charged when
    it was submitted. `polls` counts its status requests, `unreported` has the effects of its end
    that no request has reported. `order` decides between equal moments.
    """

    generation: Generation
    charged: bool | None
    polls: int
    unreported: Sequence[Effect]
    order: int


def encode_generation(row: GenerationRow) -> str:
    """Return a generation as JSON."""
    made, charged, polls, unreported, order = row
    name, prompt, product, created_at, transition, retention, ending = made
    begun = created_at.isoformat()
    if ending is None:
        end = "null"
    elif ending.failure is None:
        # Most images end when they begin.
        end = f'["{begun if ending.at is created_at else ending.at.isoformat()}",null]'
    else:
        end = dump_json([ending.at.isoformat(), _encode_failure(ending.failure)])
    return (
        f'[{_quote(name)},{_quote(prompt)},{_PRODUCTS.encode(product)},"{begun}",'
        f"{_TRANSITIONS.encode(transition)},{retention!r},{end},{_CONSTANTS[charged]},{polls},"
        f"{encode_effects(unreported) if unreported else '[]'},{order}]"
    )


def decode_generation(text: str | bytes) -> GenerationRow:
    """Return the generation that `encode_generation` described."""
    name, prompt, product, created_at, *rest = json.loads(text)
    (seconds, most_polls, failure), retention, ending, charged, polls, unreported, order = rest
    made = Generation(
        id=name,
        prompt=prompt,
        product=_decode_product(product),
        created_at=datetime.fromisoformat(created_at),
        transition=Transition(seconds, most_polls, _decode_failure(failure)),
        retention=retention,
        ending=ending and Ending(datetime.fromisoformat(ending[0]), _decode_failure(ending[1])),
    )
    return GenerationRow(made, charged, polls, [decode_effect(each) for each in unreported], order)


_Known = TypeVar("_Known")


class _KnownTexts(Generic[_Known]):
    """The texts of the last values that were encoded, by the identity of the value.

    Equal values may be written differently, such as 5 and 5.0, and comparing takes longer.
    """

    def __init__(self, encode: Callable[[_Known], str]) -> None:
        self._encode = encode
        # With the values, so that no other has the identity of one of them.
        self._known: dict[int, tuple[_Known, str]] = {}

    def encode(self, value: _Known) -> str:
        """Return the text of a value."""
        found = self._known.get(id(value))
        if found is not None:
            return found[1]
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        text = self._encode(value)
        self._known[id(value)] = value, text
        return text


def _encode_product(product: Product) -> str:
    """Return a text in a text, as it is the key by which the product is found again."""
    values = asdict(product)
    values |= {name: str(values[name]) for name in ("unit_price", "total_cost")}
    return dump_json(dump_json(values))


@lru_cache(maxsize=1024)
def _decode_product(text: str) -> Product:
    values = json.loads(text)
    values |= {name: Decimal(values[name]) for name in ("unit_price", "total_cost")}
    return Product(**values)


def _encode_transition(transition: Transition) -> str:
    return dump_json([transition.seconds, transition.polls, _encode_failure(transition.failure)])


_PRODUCTS: Final = _KnownTexts(_encode_product)
_TRANSITIONS: Final = _KnownTexts(_encode_transition)


def _encode_failure(failure: Failure | None) -> list[str] | None:
    return None if failure is None else [failure.code, failure.message]


def _decode_failure(values: list[str] | None) -> Failure | None:
    return None if values is None else Failure(*values)


def decode_effect(values: Sequence[Any]) -> Effect:
    """Return the effect that `encode_effect` described."""
    what, at, amount, generation = values
    return Effect(
        what, datetime.fromisoformat(at), None if amount is None else Decimal(amount), generation
    )


def encode_effects(effects: Iterable[Effect]) -> str:
    """Return effects as JSON."""
    parts, last, moment, name, named = [], None, "", None, "null"
    for what, at, amount, generation in effects:
        # Those of a request have their moment and their generation in common.
        if at is not last:
            last, moment = at, at.isoformat()
        if generation is not name:
            name, named = generation, "null" if generation is None else _quote(generation)
        shown = "null" if amount is None else f'"{amount}"'
        parts.append(f'[{_quote(what)},"{moment}",{shown},{named}]')
    return f"[{','.join(parts)}]"


def decode_effects(text: str | bytes) -> list[Effect]:
    """Return the effects that `encode_effects` described."""
    return [decode_effect(each) for each in json.loads(text)]


def encode_exchange(exchange: Exchange) -> bytes:
    """Return an exchange as one line of JSON, followed by the bodies as they are."""
    line = describe_exchange(exchange).encode("ascii")
    return b"%b\n%b%b" % (line, exchange.request_body, exchange.body)


def describe_exchange(exchange: Exchange) -> str:
    """Return an exchange as JSON, without its bodies."""
    generation, effects = exchange.generation, exchange.effects
    # Put together from parts that recur: an encoder that looks at each value takes twice as long.
    parts = (
        str(exchange.number),
        f'"{exchange.at.isoformat()}"',
        f'"{exchange.wall.isoformat()}"',
        _quote(exchange.operation),
        _quote(exchange.method),
        _quote(exchange.path),
        _quote(exchange.query),
        encode_headers(exchange.request_headers),
        str(len(exchange.request_body)),
        str(exchange.request_size),
        str(exchange.status),
        encode_headers(exchange.headers),
        str(exchange.size),
        repr(exchange.seconds),
        "null" if generation is None else _quote(generation),
        dump_json(exchange.rules) if exchange.rules else "[]",
        "null" if exchange.fault is None else _quote(exchange.fault),
        "true" if exchange.sent else "false",
        encode_effects(effects) if effects else "[]",
        dump_json(exchange.unknown_fields) if exchange.unknown_fields else "[]",
        str(len(exchange.body)),
    )
    return f"[{','.join(parts)}]"


def decode_exchange(data: bytes) -> Exchange:
    """Return the exchange that `encode_exchange` described."""
    line, _, bodies = data.partition(b"\n")
    return read_exchange(json.loads(line), bodies)[0]


def read_exchange(values: Sequence[Any], bodies: bytes) -> tuple[Exchange, int]:
    """Return the exchange that `describe_exchange` described, and the size of its bodies.

    `bodies` begin with its own.
    """
    number, at, wall, operation, method, path, query, sent_headers, length, size, *rest = values
    status, headers, answer_size, seconds, generation, rules, fault, sent, *rest = rest
    effects, unknown, answer_length = rest
    exchange = Exchange(
        number=number,
        at=datetime.fromisoformat(at),
        wall=datetime.fromisoformat(wall),
        operation=operation,
        method=method,
        path=path,
        query=query,
        request_headers=decode_headers(sent_headers),
        request_body=bodies[:length],
        request_size=size,
        status=status,
        headers=decode_headers(headers),
        body=bodies[length : length + answer_length],
        size=answer_size,
        seconds=seconds,
        generation=generation,
        rules=tuple(rules),
        fault=fault,
        sent=sent,
        effects=tuple(decode_effect(each) for each in effects),
        unknown_fields=tuple(unknown),
    )
    return exchange, length + answer_length


def encode_headers(headers: Headers) -> str:
    """Return headers as JSON, names and values in turn."""
    if sum(map(len, chain.from_iterable(headers))) > _MAX_REMEMBERED:
        return _encode_new_headers(headers)
    return _encode_known_headers(tuple(headers))


@lru_cache(maxsize=256)  # a client sends the same headers with every request
def _encode_known_headers(headers: tuple[tuple[bytes, bytes], ...]) -> str:
    return _encode_new_headers(headers)


def _encode_new_headers(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return f"[{','.join([_encode_header(name, value) for name, value in headers])}]"


@lru_cache(maxsize=1024)  # most headers are those of the request before
def _encode_header(name: bytes, value: bytes) -> str:
    return f"{_quote(name.decode('latin-1'))},{_quote(value.decode('latin-1'))}"


def decode_headers(values: list[str]) -> Headers:
    """Return the headers that `encode_headers` described."""
    texts = [each.encode("latin-1") for each in values]
    return list(zip(texts[::2], texts[1::2], strict=True))


def encode_step(step: ControlStep) -> str:
    """Return a control command as JSON."""
    return dump_json(
        [
            step.number,
            step.at.isoformat(),
            step.ended_at.isoformat(),
            step.wall.isoformat(),
            step.command,
            step.values,
        ]
    )


def decode_step(text: str | bytes) -> ControlStep:
    """Return the control command that `encode_step` described."""
    number, at, ended_at, wall, command, values = json.loads(text)
    return ControlStep(
        number,
        datetime.fromisoformat(at),
        datetime.fromisoformat(ended_at),
        datetime.fromisoformat(wall),
        command,
        values,
    )


def encode_costs(costs: dict[date, Decimal]) -> dict[str, str]:
    """Return charges by date as a JSON value."""
    return {str(day): str(cost) for day, cost in costs.items()}


def decode_costs(values: dict[str, str]) -> dict[date, Decimal]:
    """Return the charges that `encode_costs` described."""
    return {date.fromisoformat(day): Decimal(cost) for day, cost in values.items()}
