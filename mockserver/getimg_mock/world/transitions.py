"""How a pending generation ends, as data, and the order in which the ways to say so count.

A `TransitionRule` says when (by time, by polls, only by hand) and how (completed, failed). Either
half may be left open; it is then filled in from the next rule in the order of precedence:

    one generation, by hand > the next generation > one request (header) > magic input
    > scenario > model > workspace > settings and catalogue
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from math import log
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.setting_values import Span
from getimg_mock.world import error_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from getimg_mock.world.randomness import Stream

# The failures that the documentation or its error table name. Only the first text is documented.
FAILURES: Final = {
    "server_error": error_messages.UPSTREAM_TIMED_OUT,
    "content_policy_violation": error_messages.UNSAFE,
    "invalid_parameter": error_messages.UNFETCHED,
}

_MAX_POLLS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a generation failed; `code` and `message` are what the API shows (documented)."""

    code: str
    message: str

    @classmethod
    def named(cls, code: str, message: str | None = None) -> Failure:
        """Return the failure of that code; only a documented one may go without a message."""
        if message is None and code not in FAILURES:
            raise UnknownNameError("failure", code, FAILURES)
        return cls(code, message if message is not None else FAILURES[code])


UPSTREAM_TIMEOUT: Final = Failure.named("server_error")


@dataclass(frozen=True, slots=True)
class Transition:
    """When a pending generation ends and how.

    It ends `seconds` after it was made, or at poll number `polls`, whichever comes first; with
    neither it ends only by hand. It ends completed, or failed where there is a `failure`.
    """

    seconds: float | None = None
    polls: int | None = None
    failure: Failure | None = None


AT_ONCE: Final = Transition(seconds=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRule:
    """What is said about transitions in one place; what it leaves open, others say.

    When: after `seconds`, or at poll number `polls`, or with `hold` only by hand.
    How: with `failure`, or `completed`, or failed with probability `fail_rate`.
    """

    seconds: Span | None = None
    polls: int | None = None
    hold: bool = False
    failure: Failure | None = None
    completed: bool = False
    fail_rate: float | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> TransitionRule:
        """Read a rule from JSON, TOML or keywords; raises `SettingsError` for what is wrong.

        Keys: `seconds` (30, "20..60", "normal(40, 10)", "exponential(40)"; 0 is at once), `polls`,
        `hold`, `failed` (a code; true is server_error), `message`, `completed`, `fail_rate`.
        """
        for name in values:
            if name not in _KEYS:
                raise UnknownNameError("transition key", str(name), _KEYS)
        given = {name: value for name, value in values.items() if value is not None}
        seconds = given.get("seconds")
        rule = cls(
            seconds=None if seconds is None else Span.parse(seconds),
            polls=_polls(given["polls"]) if "polls" in given else None,
            hold=_truth(given, "hold"),
            failure=_failure(given),
            completed=_truth(given, "completed"),
            fail_rate=_rate(given["fail_rate"]) if "fail_rate" in given else None,
        )
        if rule.completed and rule.failure is not None:
            raise SettingsError("completed and failed exclude each other.")
        return rule

    @property
    def says_when(self) -> bool:
        """Whether it says when a generation ends."""
        return self.hold or self.seconds is not None or self.polls is not None

    @property
    def says_how(self) -> bool:
        """Whether it says how a generation ends."""
        return self.completed or self.failure is not None or self.fail_rate is not None

    def over(self, lower: TransitionRule) -> TransitionRule:
        """Return this rule, with what it leaves open filled in from `lower`."""
        if lower is OPEN or self is OPEN:
            return lower if self is OPEN else self
        when = self if self.says_when else lower
        how = self if self.says_how else lower
        return TransitionRule(
            seconds=when.seconds,
            polls=when.polls,
            hold=when.hold,
            failure=how.failure,
            completed=how.completed,
            fail_rate=how.fail_rate,
        )

    def unpolled(self) -> TransitionRule:
        """Return the rule for what nobody polls: an image, which would wait for ever."""
        return self if self.polls is None else replace(self, polls=None)

    def as_json(self) -> dict[str, Any]:
        """Return the rule as `of` reads it."""
        values: dict[str, Any] = {}
        if self.seconds is not None:
            values["seconds"] = str(self.seconds)
        if self.polls is not None:
            values["polls"] = self.polls
        if self.failure is not None:
            values |= {"failed": self.failure.code, "message": self.failure.message}
        if self.fail_rate is not None:
            values["fail_rate"] = self.fail_rate
        return values | {name: True for name in ("hold", "completed") if getattr(self, name)}

    def drawn(self, chance: Stream, otherwise: float) -> Transition:
        """Return the transition of one generation; `otherwise` is its time if none is said."""
        if self is OPEN and not otherwise:
            return AT_ONCE
        failure = self.failure
        if failure is None and not self.completed and self.fail_rate is not None:
            failure = UPSTREAM_TIMEOUT if chance.happens("failure", self.fail_rate) else None
        seconds = None
        if self.seconds is not None:
            seconds = drawn(self.seconds, chance)
        elif not self.says_when:
            seconds = otherwise
        return Transition(None if self.hold else seconds, self.polls, failure)


OPEN: Final = TransitionRule()

_KEYS: Final = ("seconds", "polls", "hold", "failed", "message", "completed", "fail_rate")


@dataclass(slots=True)
class Transitions:
    """The rules of one workspace: for all its generations, by model, and for the next ones."""

    workspace: TransitionRule = OPEN
    models: dict[str, TransitionRule] = field(default_factory=dict)
    upcoming: deque[TransitionRule] = field(default_factory=deque)

    def set(self, rule: TransitionRule, *, model: str | None = None) -> None:
        """Put `rule` in force for a model (a glob such as seedance-*), or for all."""
        if model is None:
            self.workspace = rule
        else:
            self.models.pop(model, None)
            self.models[model] = rule

    def next(self, rule: TransitionRule) -> None:
        """Put `rule` in force for one generation: the next that has none of these yet."""
        self.upcoming.append(rule)

    def clear(self) -> None:
        """Forget every rule."""
        self.workspace, self.models, self.upcoming = OPEN, {}, deque()

    def chosen(self, model: str, special: Iterable[TransitionRule]) -> TransitionRule:
        """Return what is in force for a generation of `model` that is about to be made.

        `special` are the rules of the request itself and of scenarios, the strongest first.
        """
        rule = self.upcoming.popleft() if self.upcoming else OPEN
        for each in special:
            rule = rule.over(each)
        for pattern, each in reversed(self.models.items()):
            if fnmatchcase(model, pattern):
                rule = rule.over(each)
        return rule.over(self.workspace)

    def as_json(self) -> dict[str, Any]:
        """Return all rules, for snapshots and for people."""
        return {
            "workspace": self.workspace.as_json(),
            "models": {model: rule.as_json() for model, rule in self.models.items()},
            "next": [rule.as_json() for rule in self.upcoming],
        }

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Transitions:
        """Return what `as_json` described."""
        return cls(
            TransitionRule.of(values["workspace"]),
            {model: TransitionRule.of(rule) for model, rule in values["models"].items()},
            deque(TransitionRule.of(rule) for rule in values["next"]),
        )


def drawn(span: Span, chance: Stream) -> float:
    """Return the seconds that `chance` gives for `span`, never less than 0."""
    if span.shape == "exponential":
        return -span.low * log(1 - chance.unit("seconds"))
    if span.shape == "normal":
        # The open interval: at 0 the inverse is not defined.
        unit = min(max(chance.unit("seconds"), 1e-12), 1 - 1e-12)
        return max(0.0, NormalDist(span.low, span.high).inv_cdf(unit))
    return span.low if span.low == span.high else chance.uniform("seconds", span.low, span.high)


def _truth(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise SettingsError(f"{name}: {value!r} is neither true nor false.")
    return value


def _polls(value: Any) -> int:
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= _MAX_POLLS:
        raise SettingsError(f"polls: {value!r} is not a whole number from 1 to {_MAX_POLLS}.")
    return number


def _rate(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise SettingsError(f"fail_rate: {value!r} is not a number from 0 to 1.")
    return float(value)


def _failure(given: Mapping[str, Any]) -> Failure | None:
    code, message = given.get("failed", False), given.get("message")
    if message is not None and not isinstance(message, str):
        raise SettingsError(f"message: {message!r} is not a text.")
    if code is False:
        if message is not None:
            raise SettingsError("message: say also what it is the message of, with failed.")
        return None
    if code is not True and not isinstance(code, str):
        raise SettingsError(f"failed: {code!r} is neither a code nor true.")
    return Failure.named("server_error" if code is True else code, message)
