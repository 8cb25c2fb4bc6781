"""GP2: the fields of a submission, and the values that they allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.provider.decisions import (
    IGNORED_STATUSES,
    expect_one_decision,
    expect_refusals,
    expect_successes,
    is_refused,
)
from getimg_mock.contract.verdicts import check, expect, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


@check(
    "GP201",
    "A request without a required field is refused",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented: model and prompt are required; a guess at either costs money.",
    fix="Refuse the request with 400 parameter_missing instead of assuming a value.",
)
def required_fields_are_required(history: History) -> Iterator[Observation]:
    """Require a 4xx for a body without a required field.

    Applies to submissions from which one required field was removed. Fails when one is accepted.
    Source: documented.
    """
    yield from expect_refusals(history, "missing")


@check(
    "GP202",
    "A field of a wrong JSON type, null included, is refused",
    severity="major",
    evidence="documented",
    cost="0",
    why="A strict server refuses in production what a lenient one converts here.",
    fix="Check the JSON type of each field and convert nothing.",
)
def wrong_types_are_refused(history: History) -> Iterator[Observation]:
    """Require a 4xx for a field of a wrong JSON type, null included.

    Applies to submissions with one field replaced. Fails when one is accepted. Source: documented.
    """
    yield from expect_refusals(history, "type")


@check(
    "GP203",
    "A value that is not in the enum is refused: wrong case, space, homoglyph",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented lists; a silent fallback to the default is charged as well.",
    fix="Compare enumeration values exactly, without trimming, folding case or a default.",
)
def unlisted_values_are_refused(history: History) -> Iterator[Observation]:
    """Require a 4xx for a value that the enumeration does not list.

    Applies to other case, added spaces, look-alike letters and unknown words. Fails when one is
    accepted. Source: documented.
    """
    yield from expect_refusals(history, "enum")


@check(
    "GP204",
    "Values that a model does not support are refused, those it supports are accepted",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented: supported_* of the catalogue says what each model takes.",
    fix="Validate each value against the supported_* lists that the catalogue publishes for the "
    "model.",
)
def model_limits_are_kept(history: History) -> Iterator[Observation]:
    """Require a 4xx for values that the model does not list, and success for those it lists.

    Applies to aspect ratio, resolution, duration and references. A duration that is negative, a
    fraction or NaN is none that a model lists. Fails when a decision contradicts the catalogue.
    Source: documented.
    """
    yield from expect_refusals(history, "model-value", "number-form", "no-number")
    yield from expect_successes(history, "model-value")


@check(
    "GP205",
    "Prompts of 1 and 4096 characters are accepted, of 0 and 4097 refused",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented bounds; the unit (code points) is inferred.",
    fix="Count code points, accept 1 to 4096 of them, and refuse the rest instead of cutting it.",
)
def prompt_lengths_are_bounded(history: History) -> Iterator[Observation]:
    """Require success for prompts of 1 and 4096 characters, and a 4xx for 0 and 4097.

    Applies to submissions. Fails when a boundary is off by one, or counted in bytes. The limit is
    documented, the unit (code points) is inferred. Source: inferred.
    """
    yield from expect_refusals(history, "length")
    yield from expect_successes(history, "length")


@check(
    "GP209",
    "More references than the model takes, or an unknown role, are refused",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented: supported_references; a dropped reference is another picture, paid for.",
    fix="Compare the references of each role with supported_references, and refuse unknown roles.",
)
def references_are_limited(history: History) -> Iterator[Observation]:
    """Require a 4xx for too many references and for an unknown role.

    Applies to submissions with `images`. Fails when references beyond `supported_references` are
    accepted or dropped. Source: documented.
    """
    yield from expect_refusals(history, "reference-count", "reference-role")


@check(
    "GP212",
    "A model of the other kind, or an unknown one, is refused",
    severity="major",
    evidence="documented",
    cost="0",
    why="A silent replacement by another model is another price.",
    fix="Look the model up by its exact id among those of the endpoint's kind, without a fallback.",
)
def wrong_models_are_refused(history: History) -> Iterator[Observation]:
    """Require a 4xx for a model of the other kind, and for an unknown model.

    Applies to submissions. Fails when a request with such a model is accepted. Source: documented.
    """
    yield from expect_refusals(history, "wrong-kind", "unknown-model")


@check(
    "GP206",
    "Unknown request fields are always refused or always ignored",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="Clients send v1 fields, and the result must not vary.",
    fix="Treat every unknown field alike, whatever its name or value.",
)
def unknown_fields_are_treated_alike(history: History) -> Iterator[Observation]:
    """Require one decision for all unknown request fields: always refused or always ignored.

    Applies to submissions with an additional field. Fails when some are refused and others
    accepted, and on a 5xx. Source: inferred.
    """
    yield from expect_one_decision(history, "unknown-field")
    for each in history.with_fault("unknown-field"):
        if each.status == 0 or each.status >= 500:
            yield expect(condition=False, expected="a decision", actual=each.status)
    seen = [
        each for each in history.with_fault("unknown-field") if each.status not in IGNORED_STATUSES
    ]
    if seen:
        yield note("unknown fields are " + ("refused" if is_refused(seen[0]) else "ignored"))


@check(
    "GP214",
    "The forms of one number (5, 5.0, 5e0) get one decision, strings are refused",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="JSON has one number type; some clients always write 5.0.",
    fix="Compare numbers by value after parsing, and refuse strings.",
)
def numbers_are_read_alike(history: History) -> Iterator[Observation]:
    """Require one decision for all forms of one number, and a 4xx for texts.

    Applies to durations such as 5, 5.0, 5e0 and "5". Fails when equal numbers get different
    decisions, or a text is accepted. Source: our choice.
    """
    yield from expect_one_decision(history, "number")
    yield from expect_refusals(history, "number-form")
