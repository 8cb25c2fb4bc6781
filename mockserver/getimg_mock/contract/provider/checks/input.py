"""GP2: what a provider takes and what it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.provider.checks.billing import pair_cost_reads
from getimg_mock.contract.verdicts import check, expect, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


# What says nothing about an input: no key, no money, too fast.
_IGNORED_STATUSES: Final = (0, 401, 402, 429)
_NON_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
_WRONG_ENCODINGS: Final = ("latin-1", "cp1252")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def is_refused(exchange: HttpExchange) -> bool:
    """Whether the provider blamed the request."""
    return 400 <= exchange.status < 500


def _refuses(history: History, *faults: str) -> Iterator[Observation]:
    """Require a 4xx for every request that has one of these faults."""
    for each in history.with_fault(*faults):
        if each.valid is False and each.status not in _IGNORED_STATUSES:
            where = f" ({each.step.field})" if each.step and each.step.field else ""
            yield expect(
                is_refused(each),
                f"4xx: {each.fault}{where}",
                f"{each.status} {each.body[:120]!r}",
                each,
            )


def _accepts(history: History, use: str) -> Iterator[Observation]:
    """Require success for every valid request of this use."""
    for each in history.with_role(use):
        if each.valid and each.status not in _IGNORED_STATUSES:
            yield expect(
                200 <= each.status < 300, "accepted", f"{each.status} {each.body[:160]!r}", each
            )


def _expect_one_decision(history: History, prefix: str) -> Iterator[Observation]:
    """Hold each group of this prefix to one decision."""
    for name, group in history.groups.items():
        seen = [each for each in group if each.status not in _IGNORED_STATUSES]
        if not name.startswith(prefix) or len(seen) < 2:
            continue
        decisions = {is_refused(each) for each in seen}
        statuses = ", ".join(str(each.status) for each in seen)
        yield expect(len(decisions) == 1, f"one decision for all of {name}", statuses, *seen)


@check(
    "GP201",
    "A request without a required field is refused",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented: model and prompt are required; a guess at either costs money.",
)
def required_fields_are_required(history: History) -> Iterator[Observation]:
    """Require a 4xx for a body without a required field."""
    yield from _refuses(history, "missing")


@check(
    "GP202",
    "A field of a wrong JSON type, null included, is refused",
    severity="major",
    evidence="documented",
    cost="0",
    why="What a lenient server coerces here, the strict one refuses in production.",
)
def wrong_types_are_refused(history: History) -> Iterator[Observation]:
    """Require a 4xx for a field of a wrong JSON type, null included."""
    yield from _refuses(history, "type")


@check(
    "GP203",
    "A value that is not in the enum is refused: wrong case, space, homoglyph",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented lists; a silent fallback to the default is a surprise that is paid for.",
)
def unlisted_values_are_refused(history: History) -> Iterator[Observation]:
    """Require a 4xx for a value that the enumeration does not list."""
    yield from _refuses(history, "enum")


@check(
    "GP204",
    "What a model does not support is refused, what it supports is accepted",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented: supported_* of the catalogue says what each model takes.",
)
def model_limits_are_kept(history: History) -> Iterator[Observation]:
    """Require a 4xx for values outside the model's lists, and success for those inside."""
    yield from _refuses(history, "model-value")
    yield from _accepts(history, "model-value")


@check(
    "GP205",
    "Prompts of 1 and 4096 characters are accepted, of 0 and 4097 refused",
    severity="major",
    evidence="assumption",
    cost="0",
    why="Documented bounds; the unit (code points) is inferred.",
)
def prompt_lengths_are_bounded(history: History) -> Iterator[Observation]:
    """Require success for prompts of 1 and 4096 characters, and a 4xx for 0 and 4097."""
    yield from _refuses(history, "length")
    yield from _accepts(history, "length")


@check(
    "GP208",
    "A wrong or missing Content-Type is refused",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="A body whose type is guessed can be read as something else.",
)
def content_types_are_required(history: History) -> Iterator[Observation]:
    """Require a 4xx for a wrong or missing Content-Type."""
    yield from _refuses(history, "content-type")


@check(
    "GP209",
    "More references than the model takes, or an unknown role, are refused",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented: supported_references; a dropped reference is another picture, paid for.",
)
def references_are_limited(history: History) -> Iterator[Observation]:
    """Require a 4xx for too many references and for an unknown role."""
    yield from _refuses(history, "reference-count", "reference-role")


@check(
    "GP212",
    "A model of the other kind, or an unknown one, is refused",
    severity="major",
    evidence="assumption",
    cost="0",
    why="A silent replacement by another model is another price.",
)
def wrong_models_are_refused(history: History) -> Iterator[Observation]:
    """Require a 4xx for a model of the other kind, and for an unknown model."""
    yield from _refuses(history, "wrong-kind", "unknown-model")


@check(
    "GP207",
    "What is no JSON object is refused: malformed, empty, array, deep, not UTF-8",
    severity="major",
    evidence="assumption",
    cost="0",
    why="A parser that crashes answers 500, which clients retry, and pay again. JSON leaves "
    "open what two keys of one name mean (RFC 8259): they are refused or taken, always.",
)
def bodies_are_json_objects(history: History) -> Iterator[Observation]:
    """GP207: of an object that names one thing twice any decision will do, but one for all."""
    yield from _refuses(history, "malformed")
    yield from _expect_one_decision(history, "duplicate keys")
    for each in history.with_fault("duplicate-keys"):
        yield expect(0 < each.status < 500, "a decision on duplicate keys", each.status, each)
        if each.status not in _IGNORED_STATUSES:
            yield note("duplicate keys are " + ("refused" if is_refused(each) else "taken"))


@check(
    "GP206",
    "Unknown request fields are always refused or always ignored",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="Clients send v1 fields; which of the two happens must not depend on the day.",
)
def unknown_fields_are_treated_alike(history: History) -> Iterator[Observation]:
    """GP206."""
    yield from _expect_one_decision(history, "unknown-field")
    for each in history.with_fault("unknown-field"):
        if each.status == 0 or each.status >= 500:
            yield expect(condition=False, expected="a decision", actual=each.status)
    seen = [
        each for each in history.with_fault("unknown-field") if each.status not in _IGNORED_STATUSES
    ]
    if seen:
        yield note("unknown fields are " + ("refused" if is_refused(seen[0]) else "ignored"))


@check(
    "GP213",
    "Unusual Unicode in a prompt is accepted or refused, never a 5xx or mojibake",
    severity="major",
    evidence="assumption",
    cost="0",
    why="People write prompts in every script; a 500 is retried.",
)
def odd_texts_are_borne(history: History) -> Iterator[Observation]:
    """GP213."""
    for each in history.with_fault("unicode"):
        if each.status in _IGNORED_STATUSES:
            continue
        fine = each.status < 500 and not each.decoded[1] and not _is_garbled(each)
        yield expect(
            fine, "accepted or 4xx, in clean UTF-8", f"{each.status} {each.body[:120]!r}", each
        )


def _is_garbled(exchange: HttpExchange) -> bool:
    """Whether an answer shows the prompt as one sees it who takes its UTF-8 for something else."""
    prompt = exchange.asked.get("prompt")
    if not isinstance(prompt, str) or any("\ud800" <= letter <= "\udfff" for letter in prompt):
        return False
    foreign = [part.encode() for part in _NON_ASCII.findall(prompt)]
    misread = [part.decode(coding, "replace") for part in foreign for coding in _WRONG_ENCODINGS]
    shown = json.dumps(exchange.plain, ensure_ascii=False)
    lost = _REPLACEMENT in shown and _REPLACEMENT not in prompt
    return lost or any(part in shown for part in misread)


@check(
    "GP214",
    "The forms of one number (5, 5.0, 5e0) are treated alike, texts are refused",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="JSON has one number type; some clients always write 5.0.",
)
def numbers_are_read_alike(history: History) -> Iterator[Observation]:
    """GP214."""
    yield from _expect_one_decision(history, "number")
    yield from _refuses(history, "number-form")


@check(
    "GP210",
    "References that are not public HTTPS or image data URLs are refused",
    severity="blocker",
    evidence="documented",
    cost="0",
    why="Documented. A server that fetches any URL can be sent into its own network (SSRF). "
    "Whether it fetches before it refuses cannot be seen from outside; of our fake a test of "
    "its own says that it never fetches.",
)
def references_are_guarded(history: History) -> Iterator[Observation]:
    """GP210."""
    yield from _refuses(history, "reference-url")


@check(
    "GP211",
    "An image over 10 MiB or a body over 25 MiB is refused in the envelope",
    severity="minor",
    evidence="documented",
    cost="0",
    why="Documented limits; a reset connection would be retried.",
)
def large_requests_are_refused(history: History) -> Iterator[Observation]:
    """GP211: here a connection that ends without an answer is a breach too."""
    for each in history.with_fault("too-large"):
        if each.valid is False and each.status not in {401, 402, 429}:
            said = each.error.get("code") and each.error.get("message")
            where = each.step.field if each.step else ""
            yield expect(
                is_refused(each) and said,
                f"4xx in the envelope: {where}",
                f"{each.status or 'no answer'} {each.body[:120]!r}",
                each,
            )


@check(
    "GP215",
    "A valid request is accepted",
    severity="major",
    evidence="documented",
    cost="1",
    why="A fake that is too strict teaches clients rules that do not exist.",
)
def positive_requests_are_accepted(history: History) -> Iterator[Observation]:
    """GP215."""
    for each in history:
        if each.submits and each.valid and each.status not in _IGNORED_STATUSES:
            yield expect(
                200 <= each.status < 300,
                "accepted: the request is valid",
                f"{each.status} {each.body[:160]!r}",
                each,
            )


@check(
    "GP216",
    "A refused request makes nothing, costs nothing and shows in no bill",
    severity="blocker",
    evidence="assumption",
    cost="0",
    why="Paying for a refusal is losing money for nothing.",
)
def refusals_leave_no_trace(history: History) -> Iterator[Observation]:
    """GP216."""
    for each in history:
        if each.submits and each.valid is False and is_refused(each):
            yield expect(not each.generation, "no id in a refusal", each.generation, each)
            if each.effects is not None:
                yield expect(not each.effects, "nothing happens for a refusal", each.effects, each)
    for span in history.settled_intervals:
        sent = [each for each in span.between if each.submits]
        blamed = [each for each in sent if is_refused(each) and each.valid is False]
        if blamed and len(blamed) == len(sent):
            yield expect(
                span.spent == 0,
                "the balance stays through refusals",
                f"{span.spent} gone",
                span.before,
                *blamed[:4],
                span.after,
            )
    for first, last, between in pair_cost_reads(history):
        sent = [each for each in between if each.submits]
        if sent and all(is_refused(each) for each in sent):
            same = first.object.get("total_cost") == last.object.get("total_cost")
            yield expect(
                same,
                f"costs of {first.object.get('total_cost')}, as before",
                last.object.get("total_cost"),
                first,
                last,
            )
