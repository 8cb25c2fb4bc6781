"""GP2: what a provider takes and what it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.provider.checks.billing import bills
from getimg_mock.contract.verdicts import Check, held, noted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.exchanges import Exchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

    Judge = Callable[[History], Iterator[Observation]]

# What says nothing about an input: no key, no money, too fast.
_BESIDE: Final = (0, 401, 402, 429)
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
_CODINGS: Final = ("latin-1", "cp1252")
_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"


def refused(exchange: Exchange) -> bool:
    """Whether the provider blamed the request."""
    return 400 <= exchange.status < 500


def _refuses(*faults: str) -> Judge:
    def judge(history: History) -> Iterator[Observation]:
        for each in history.faulty(*faults):
            if each.valid is False and each.status not in _BESIDE:
                where = f" ({each.step.field})" if each.step and each.step.field else ""
                yield held(
                    refused(each),
                    f"4xx: {each.fault}{where}",
                    f"{each.status} {each.body[:120]!r}",
                    each,
                )

    judge.__doc__ = f"A request with one of these faults is refused: {', '.join(faults)}."
    return judge


def _accepts(use: str) -> Judge:
    def judge(history: History) -> Iterator[Observation]:
        for each in history.used(use):
            if each.valid and each.status not in _BESIDE:
                yield held(
                    200 <= each.status < 300, "accepted", f"{each.status} {each.body[:160]!r}", each
                )

    return judge


def _both(*judges: Judge) -> Judge:
    def judge(history: History) -> Iterator[Observation]:
        for each in judges:
            yield from each(history)

    return judge


def _consistent(history: History, prefix: str) -> Iterator[Observation]:
    """Hold each group of this prefix to one decision."""
    for name, group in history.groups.items():
        seen = [each for each in group if each.status not in _BESIDE]
        if not name.startswith(prefix) or len(seen) < 2:
            continue
        decisions = {refused(each) for each in seen}
        statuses = ", ".join(str(each.status) for each in seen)
        yield held(len(decisions) == 1, f"one decision for all of {name}", statuses, *seen)


def bodies_are_json_objects(history: History) -> Iterator[Observation]:
    """GP207: of an object that names one thing twice any decision will do, but one for all."""
    yield from _refuses("malformed")(history)
    yield from _consistent(history, "duplicate keys")
    for each in history.faulty("duplicate-keys"):
        yield held(0 < each.status < 500, "a decision on duplicate keys", each.status, each)
        if each.status not in _BESIDE:
            yield noted("duplicate keys are " + ("refused" if refused(each) else "taken"))


def unknown_fields_are_treated_alike(history: History) -> Iterator[Observation]:
    """GP206."""
    yield from _consistent(history, "unknown-field")
    for each in history.faulty("unknown-field"):
        if each.status == 0 or each.status >= 500:
            yield held(condition=False, expected="a decision", actual=each.status)
    seen = [each for each in history.faulty("unknown-field") if each.status not in _BESIDE]
    if seen:
        yield noted("unknown fields are " + ("refused" if refused(seen[0]) else "ignored"))


def odd_texts_are_borne(history: History) -> Iterator[Observation]:
    """GP213."""
    for each in history.faulty("unicode"):
        if each.status in _BESIDE:
            continue
        fine = each.status < 500 and not each.decoded[1] and not _garbled(each)
        yield held(
            fine, "accepted or 4xx, in clean UTF-8", f"{each.status} {each.body[:120]!r}", each
        )


def _garbled(exchange: Exchange) -> bool:
    """Whether an answer shows the prompt as one sees it who takes its UTF-8 for something else."""
    prompt = exchange.asked.get("prompt")
    if not isinstance(prompt, str) or any("\ud800" <= letter <= "\udfff" for letter in prompt):
        return False
    foreign = [part.encode() for part in _FOREIGN.findall(prompt)]
    misread = [part.decode(coding, "replace") for part in foreign for coding in _CODINGS]
    shown = json.dumps(exchange.plain, ensure_ascii=False)
    lost = _REPLACED in shown and _REPLACED not in prompt
    return lost or any(part in shown for part in misread)


def numbers_are_read_alike(history: History) -> Iterator[Observation]:
    """GP214."""
    yield from _consistent(history, "number")
    yield from _refuses("number-form")(history)


def references_are_guarded(history: History) -> Iterator[Observation]:
    """GP210."""
    yield from _refuses("reference-url")(history)


def large_requests_are_refused(history: History) -> Iterator[Observation]:
    """GP211: here a connection that ends without an answer is a breach too."""
    for each in history.faulty("too-large"):
        if each.valid is False and each.status not in {401, 402, 429}:
            said = each.error.get("code") and each.error.get("message")
            where = each.step.field if each.step else ""
            yield held(
                refused(each) and said,
                f"4xx in the envelope: {where}",
                f"{each.status or 'no answer'} {each.body[:120]!r}",
                each,
            )


def positive_requests_are_accepted(history: History) -> Iterator[Observation]:
    """GP215."""
    for each in history:
        if each.submits and each.valid and each.status not in _BESIDE:
            yield held(
                200 <= each.status < 300,
                "accepted: the request is valid",
                f"{each.status} {each.body[:160]!r}",
                each,
            )


def refusals_leave_no_trace(history: History) -> Iterator[Observation]:
    """GP216."""
    for each in history:
        if each.submits and each.valid is False and refused(each):
            yield held(not each.generation, "no id in a refusal", each.generation, each)
            if each.effects is not None:
                yield held(not each.effects, "nothing happens for a refusal", each.effects, each)
    for span in history.spans:
        sent = [each for each in span.between if each.submits]
        blamed = [each for each in sent if refused(each) and each.valid is False]
        if blamed and len(blamed) == len(sent):
            yield held(
                span.spent == 0,
                "the balance stays through refusals",
                f"{span.spent} gone",
                span.before,
                *blamed[:4],
                span.after,
            )
    for first, last, between in bills(history):
        sent = [each for each in between if each.submits]
        if sent and all(refused(each) for each in sent):
            same = first.object.get("total_cost") == last.object.get("total_cost")
            yield held(
                same,
                f"costs of {first.object.get('total_cost')}, as before",
                last.object.get("total_cost"),
                first,
                last,
            )


CHECKS: Final = (
    Check(
        id="GP201",
        severity="major",
        evidence="documented",
        cost="0",
        statement="A request without a required field is refused",
        why="Documented: model and prompt are required; a guess at either costs money.",
        judge=_refuses("missing"),
    ),
    Check(
        id="GP202",
        severity="major",
        evidence="documented",
        cost="0",
        statement="A field of a wrong JSON type, null included, is refused",
        why="What a lenient server coerces here, the strict one refuses in production.",
        judge=_refuses("type"),
    ),
    Check(
        id="GP203",
        severity="major",
        evidence="documented",
        cost="0",
        statement="A value that is not in the enum is refused: wrong case, space, homoglyph",
        why="Documented lists; a silent fallback to the default is a surprise that is paid for.",
        judge=_refuses("enum"),
    ),
    Check(
        id="GP204",
        severity="major",
        evidence="documented",
        cost="0",
        statement="What a model does not support is refused, what it supports is accepted",
        why="Documented: supported_* of the catalogue says what each model takes.",
        judge=_both(_refuses("model-value"), _accepts("model-value")),
    ),
    Check(
        id="GP205",
        severity="major",
        evidence="assumption",
        cost="0",
        statement="Prompts of 1 and 4096 characters are accepted, of 0 and 4097 refused",
        why="Documented bounds; the unit (code points) is inferred.",
        judge=_both(_refuses("length"), _accepts("length")),
    ),
    Check(
        id="GP206",
        severity="minor",
        evidence="assumption",
        cost="0",
        statement="Unknown request fields are always refused or always ignored",
        why="Clients send v1 fields; which of the two happens must not depend on the day.",
        judge=unknown_fields_are_treated_alike,
    ),
    Check(
        id="GP207",
        severity="major",
        evidence="assumption",
        cost="0",
        statement="What is no JSON object is refused: malformed, empty, array, deep, not UTF-8",
        why="A parser that crashes answers 500, which clients retry, and pay again. JSON leaves "
        "open what two keys of one name mean (RFC 8259): they are refused or taken, always.",
        judge=bodies_are_json_objects,
    ),
    Check(
        id="GP208",
        severity="minor",
        evidence="assumption",
        cost="0",
        statement="A wrong or missing Content-Type is refused",
        why="A body whose type is guessed can be read as something else.",
        judge=_refuses("content-type"),
    ),
    Check(
        id="GP209",
        severity="major",
        evidence="documented",
        cost="0",
        statement="More references than the model takes, or an unknown role, are refused",
        why="Documented: supported_references; a dropped reference is another picture, paid for.",
        judge=_refuses("reference-count", "reference-role"),
    ),
    Check(
        id="GP210",
        severity="blocker",
        evidence="documented",
        cost="0",
        statement="References that are not public HTTPS or image data URLs are refused",
        why="Documented. A server that fetches any URL can be sent into its own network (SSRF). "
        "Whether it fetches before it refuses cannot be seen from outside; of our fake a test of "
        "its own says that it never fetches.",
        judge=references_are_guarded,
    ),
    Check(
        id="GP211",
        severity="minor",
        evidence="documented",
        cost="0",
        statement="An image over 10 MiB or a body over 25 MiB is refused in the envelope",
        why="Documented limits; a reset connection would be retried.",
        judge=large_requests_are_refused,
    ),
    Check(
        id="GP212",
        severity="major",
        evidence="assumption",
        cost="0",
        statement="A model of the other kind, or an unknown one, is refused",
        why="A silent replacement by another model is another price.",
        judge=_refuses("wrong-kind", "unknown-model"),
    ),
    Check(
        id="GP213",
        severity="major",
        evidence="assumption",
        cost="0",
        statement="Unusual Unicode in a prompt is accepted or refused, never a 5xx or mojibake",
        why="People write prompts in every script; a 500 is retried.",
        judge=odd_texts_are_borne,
    ),
    Check(
        id="GP214",
        severity="minor",
        evidence="assumption",
        cost="0",
        statement="The forms of one number (5, 5.0, 5e0) are treated alike, texts are refused",
        why="JSON has one number type; some clients always write 5.0.",
        judge=numbers_are_read_alike,
    ),
    Check(
        id="GP215",
        severity="major",
        evidence="documented",
        cost="1",
        statement="A valid request is accepted",
        why="A fake that is too strict teaches clients rules that do not exist.",
        judge=positive_requests_are_accepted,
    ),
    Check(
        id="GP216",
        severity="blocker",
        evidence="assumption",
        cost="0",
        statement="A refused request makes nothing, costs nothing and shows in no bill",
        why="Paying for a refusal is losing money for nothing.",
        judge=refusals_leave_no_trace,
    ),
)
