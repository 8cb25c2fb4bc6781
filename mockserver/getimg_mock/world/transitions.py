"""How pending generations end, and the precedence of the rules that decide it.

A `TransitionRule` says when (by time, by polls, only by command) and how (completed, failed). It
may leave either half open; the next rule in the order of precedence then fills it in:

    command for one generation > the next generation > one request (header) > magic input
    > scenario > model > workspace > settings and catalogue
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field, replace
from functools import cache
from math import exp, log
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.patterns import matches_glob
from getimg_mock.setting_values import MAX_SECONDS, Span, shorten_value
from getimg_mock.world import error_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from statistics import NormalDist

    from getimg_mock.world.randomness import Stream

# Failures named by getimg.ai's documentation. Only the first message is documented.
FAILURES: Final = {
    "server_error": error_messages.UPSTREAM_TIMED_OUT,
    "content_policy_violation": error_messages.UNSAFE,
    "invalid_parameter": error_messages.UNFETCHED,
}

_MAX_POLLS: Final = 1_000_000

MAX_RULES: Final = 1000
"""Transition rules that a workspace can have for models, and queued ones for the next ones."""
_TOO_MANY: Final = (
    f"A workspace has at most {MAX_RULES:,} transition rules for models, and as many for the next "
    "generations: remove them by clear."
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a generation failed: the `code` and `message` that the API shows (documented)."""

    code: str
    message: str

    @classmethod
    def from_code(cls, code: str, message: str | None = None) -> Failure:
        """Return the failure of that code; an undocumented code needs a message."""
        if message is None and code not in FAILURES:
            raise UnknownNameError("failure", code, FAILURES)
        return cls(code, message if message is not None else FAILURES[code])


UPSTREAM_TIMEOUT: Final = Failure.from_code("server_error")


@dataclass(frozen=True, slots=True)
class Transition:
    """When a pending generation ends and how.

    It ends `seconds` after it was made, or at poll number `polls`, whichever comes first; with
    neither only a command ends it. It fails if there is a `failure`, else it completes.
    """

    seconds: float | None = None
    polls: int | None = None
    failure: Failure | None = None


AT_ONCE: Final = Transition(seconds=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRule:
    """A rule for transitions; other rules fill in what it leaves open.

    When: after `seconds`, or at poll number `polls`, or with `hold` only by command.
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
        """Read a rule from JSON, TOML or keywords; raises `SettingsError`.

        Keys: `seconds` (30, "20..60", "normal(40, 10)", "exponential(40)", "lognormal(28, 35)"; 0
        is at once), `polls`, `hold`, `failed` (a code; true is server_error), `message`,
        `completed`, `fail_rate`.
        """
        for name in values:
            if name not in _KEYS:
                raise UnknownNameError("transition key", str(name), _KEYS)
        given = {name: value for name, value in values.items() if value is not None}
        seconds = given.get("seconds")
        rule = cls(
            seconds=None if seconds is None else Span.parse(seconds),
            polls=_parse_polls(given["polls"]) if "polls" in given else None,
            hold=_parse_flag(given, "hold"),
            failure=_parse_failure(given),
            completed=_parse_flag(given, "completed"),
            fail_rate=_parse_rate(given["fail_rate"]) if "fail_rate" in given else None,
        )
        if rule.completed and rule.failure is not None:
            raise SettingsError("completed and failed cannot be combined.")
        # Most requests ask whether a rule is this one.
        return OPEN if rule == OPEN else rule

    @property
    def says_when(self) -> bool:
        """Whether it decides when a generation ends."""
        return self.hold or self.seconds is not None or self.polls is not None

    @property
    def says_how(self) -> bool:
        """Whether it decides how a generation ends."""
        return self.completed or self.failure is not None or self.fail_rate is not None

    def fill_from(self, lower: TransitionRule) -> TransitionRule:
        """Return this rule, with halves that it leaves open taken from `lower`."""
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

    def without_polls(self) -> TransitionRule:
        """Return the rule for an image, which is never polled and would wait forever."""
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

    def draw(self, chance: Stream, otherwise: float) -> Transition:
        """Return the transition of one generation; `otherwise` is the default time in seconds."""
        if self is OPEN and not otherwise:
            return AT_ONCE
        failure = self.failure
        if failure is None and not self.completed and self.fail_rate is not None:
            failure = UPSTREAM_TIMEOUT if chance.happens("failure", self.fail_rate) else None
        seconds = None
        if self.seconds is not None:
            seconds = draw_seconds(self.seconds, chance)
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

    @property
    def has_rules(self) -> bool:
        """Whether there is any rule."""
        return bool(self.workspace is not OPEN or self.models or self.upcoming)

    def set(self, rule: TransitionRule, *, model: str | None = None) -> None:
        """Set `rule` for a model (a glob such as seedance-*), or for all models."""
        if model is None:
            self.workspace = rule
        else:
            if model not in self.models and len(self.models) >= MAX_RULES:
                raise SettingsError(_TOO_MANY)
            self.models.pop(model, None)
            self.models[model] = rule

    def next(self, rule: TransitionRule) -> None:
        """Queue `rule` for the next generation; each queued rule applies to one."""
        if len(self.upcoming) >= MAX_RULES:
            raise SettingsError(_TOO_MANY)
        self.upcoming.append(rule)

    def clear(self) -> None:
        """Remove every rule."""
        self.workspace, self.models, self.upcoming = OPEN, {}, deque()

    def choose(self, model: str, special: Iterable[TransitionRule]) -> TransitionRule:
        """Return the rule for a new generation of `model`; takes one queued rule.

        `special` are the rules of the request itself and of scenarios, the strongest first.
        """
        rule = self.upcoming.popleft() if self.upcoming else OPEN
        for each in special:
            if each is not OPEN:
                rule = rule.fill_from(each)
        for pattern, each in reversed(self.models.items()):
            if matches_glob(model, pattern):
                rule = rule.fill_from(each)
        return rule if self.workspace is OPEN else rule.fill_from(self.workspace)

    def as_json(self) -> dict[str, Any]:
        """Return all rules, for snapshots and control answers."""
        return {
            "workspace": self.workspace.as_json(),
            "models": {model: rule.as_json() for model, rule in self.models.items()},
            "next": [rule.as_json() for rule in self.upcoming],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Transitions:
        """Return the rules that `as_json` described; raises `SettingsError` for too many."""
        if max(len(values["models"]), len(values["next"])) > MAX_RULES:
            raise SettingsError(_TOO_MANY)
        return cls(
            TransitionRule.of(values["workspace"]),
            {model: TransitionRule.of(rule) for model, rule in values["models"].items()},
            deque(TransitionRule.of(rule) for rule in values["next"]),
        )


def draw_seconds(span: Span, chance: Stream) -> float:
    """Return the seconds that `chance` gives for `span`, from 0 to `MAX_SECONDS`."""
    if span.shape == "uniform":
        fixed = span.low == span.high
        return span.low if fixed else chance.uniform("seconds", span.low, span.high)
    unit = chance.draw_unit("seconds")
    if span.shape == "exponential":
        drawn = -span.low * log(1 - unit)
    elif span.shape == "quantiles":
        drawn = _interpolate(span.quantiles, 100 * unit)
    else:
        # The open interval: the inverse is not defined at 0.
        deviations = _standard_normal().inv_cdf(min(max(unit, 1e-12), 1 - 1e-12))
        drawn = (
            span.low + span.high * deviations
            if span.shape == "normal"
            else _compute_lognormal(span, deviations)
        )
    return min(max(0.0, drawn), MAX_SECONDS)


@cache
def _standard_normal() -> NormalDist:
    from statistics import NormalDist  # noqa: PLC0415 - few durations are drawn by it, and cold start matters

    return NormalDist()


def _compute_lognormal(span: Span, deviations: float) -> float:
    exponent = log(span.low) + (
        log(span.high) - log(span.low)
    ) * deviations / _standard_normal().inv_cdf(0.99)
    return exp(min(exponent, log(MAX_SECONDS)))


def _interpolate(quantiles: Sequence[tuple[float, float]], share: float) -> float:
    """Return the seconds at a percentage: on a line between two quantiles, level outside them."""
    position = bisect_right(quantiles, share, key=itemgetter(0))
    if position in {0, len(quantiles)}:
        return quantiles[min(position, len(quantiles) - 1)][1]
    (low, begin), (high, end) = quantiles[position - 1 : position + 1]
    return begin + (end - begin) * (share - low) / (high - low)


def _parse_flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise SettingsError(f"{name}: {shorten_value(value)} is neither true nor false.")
    return value


def _parse_polls(value: Any) -> int:
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= _MAX_POLLS:
        raise SettingsError(
            f"polls: {shorten_value(value)} is not a whole number from 1 to {_MAX_POLLS}."
        )
    return number


def _parse_rate(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise SettingsError(f"fail_rate: {shorten_value(value)} is not a number from 0 to 1.")
    return float(value)


def _parse_failure(given: Mapping[str, Any]) -> Failure | None:
    code, message = given.get("failed", False), given.get("message")
    if message is not None and not isinstance(message, str):
        raise SettingsError(f"message: {shorten_value(message)} is not a string.")
    if code is False:
        if message is not None:
            raise SettingsError("message needs a failure to belong to: add failed.")
        return None
    if code is not True and not isinstance(code, str):
        raise SettingsError(f"failed: {shorten_value(code)} is neither a code nor true.")
    return Failure.from_code("server_error" if code is True else code, message)
