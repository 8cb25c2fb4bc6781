"""GP2: the body of a submission: form, size, texts and references."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.exchanges import read_balance
from getimg_mock.contract.provider.charges import (
    compute_growth,
    compute_listed,
    expect_free,
    expect_same_costs,
    pair_cost_reads,
    sum_owed,
)
from getimg_mock.contract.provider.corpus.body_plans import SPELLINGS
from getimg_mock.contract.provider.decisions import (
    IGNORED_STATUSES,
    expect_one_decision,
    expect_refusals,
    expect_success,
    is_refused,
)
from getimg_mock.contract.verdicts import check, expect, fail, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


_NON_ASCII: Final = re.compile(r"[^\x00-\x7f]+")


_OK: Final = 200
_PAYMENT_REQUIRED: Final = 402
_LENGTH_REQUIRED: Final = 411

_TWICE: Final = 2


_WRONG_ENCODINGS: Final = ("latin-1", "cp1252")


_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


@check(
    "GP208",
    "A wrong or missing Content-Type is refused",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="A body whose type is guessed can be read as something else.",
    fix="Accept application/json only, and answer 400 or 415 otherwise.",
)
def content_types_are_required(history: History) -> Iterator[Observation]:
    """Require a 4xx for a wrong or missing Content-Type.

    Applies to submissions. Fails when a body of another or no declared type is accepted. Source:
    our choice.
    """
    yield from expect_refusals(history, "content-type")


@check(
    "GP207",
    "A body other than a JSON object is refused: malformed, empty, array, deep, not UTF-8",
    severity="major",
    evidence="assumption",
    cost="0",
    why="A crashing parser answers 500, which clients retry and pay for again. JSON does not "
    "define duplicate keys (RFC 8259): they must be always refused or always accepted.",
    fix="Parse strictly, catch every parser error, and answer 400 with the error envelope.",
)
def bodies_are_json_objects(history: History) -> Iterator[Observation]:
    """Require a 4xx for a body that is not a JSON object.

    Applies to malformed, empty, deeply nested and non-UTF-8 bodies and to arrays. Fails when one is
    accepted, and when duplicate keys get varying decisions. Source: our choice.
    """
    yield from expect_refusals(history, "malformed")
    yield from expect_one_decision(history, "duplicate keys")
    for each in history.with_fault("duplicate-keys"):
        yield expect(0 < each.status < 500, "a decision on duplicate keys", each.status, each)
        if each.status not in IGNORED_STATUSES:
            yield note("duplicate keys are " + ("refused" if is_refused(each) else "taken"))


@check(
    "GP213",
    "Unusual Unicode in a prompt is accepted or refused, never a 5xx or mojibake",
    severity="major",
    evidence="assumption",
    cost="0",
    why="Prompts come in every script, and a 500 is retried.",
    fix="Decode and encode texts as UTF-8 throughout, and refuse what the store cannot hold.",
)
def odd_texts_are_borne(history: History) -> Iterator[Observation]:
    """Require that unusual Unicode in a prompt is accepted or refused, and never garbled.

    Applies to astral, right-to-left, combining, NUL and surrogate characters. Fails on a 5xx and on
    misread text in the response. Source: our choice.
    """
    for each in history.with_fault("unicode"):
        if each.status in IGNORED_STATUSES:
            continue
        fine = each.status < 500 and not each.decoded[1] and not _is_garbled(each)
        yield expect(
            fine, "accepted or 4xx, in clean UTF-8", f"{each.status} {each.body[:120]!r}", each
        )


def _is_garbled(exchange: HttpExchange) -> bool:
    """Whether a response shows the prompt with its UTF-8 decoded as another encoding."""
    prompt = exchange.asked.get("prompt")
    if not isinstance(prompt, str) or any("\ud800" <= letter <= "\udfff" for letter in prompt):
        return False
    foreign = [part.encode() for part in _NON_ASCII.findall(prompt)]
    misread = [part.decode(coding, "replace") for part in foreign for coding in _WRONG_ENCODINGS]
    shown = json.dumps(exchange.plain, ensure_ascii=False)
    lost = _REPLACEMENT in shown and _REPLACEMENT not in prompt
    return lost or any(part in shown for part in misread)


@check(
    "GP210",
    "References that are not public HTTPS or image data URLs are refused",
    severity="blocker",
    evidence="documented",
    cost="0",
    why="Documented. A server that fetches any URL can be sent into its own network (SSRF). "
    "Whether a URL is fetched before it is refused is invisible from outside; a test of the "
    "fake shows that the fake never does.",
    fix="Allow https URLs of public hosts and data URLs of PNG, JPEG or WebP, and check the "
    "address after resolving it.",
)
def references_are_guarded(history: History) -> Iterator[Observation]:
    """Require a 4xx for references that are neither public HTTPS nor image data URLs.

    Applies to plain HTTP, local addresses, bare base64, wrong data types and bytes that are no
    picture. Fails when one is accepted. Source: documented.
    """
    yield from expect_refusals(history, "reference-url", "reference-bytes")


@check(
    "GP211",
    "An image over 10 MiB or a body over 25 MiB is refused in the envelope",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented limits; a reset connection would be retried.",
    fix="Read or drain the request, then answer 413 or 400 with the error envelope.",
)
def large_requests_are_refused(history: History) -> Iterator[Observation]:
    """Require a 4xx with an envelope for an image over 10 MiB or a body over 25 MiB.

    Applies to oversized submissions. Fails when one is accepted, or the connection ends without a
    response. Source: documented.
    """
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
    fix="Remove the rule that refused the request, or document it.",
)
def positive_requests_are_accepted(history: History) -> Iterator[Observation]:
    """Require success for every valid submission.

    Applies to requests that the schemas, the catalogue and the documented rules allow, and to JSON
    that is spelled in another way than what was accepted. Fails when one is refused, also with 402
    where the balance is ample. Source: documented.
    """
    for each in history:
        if each.submits and each.valid and not _says_nothing(each):
            yield expect_success(history, each, "accepted: the request is valid")
        elif each.submits and each.valid and each.status == _PAYMENT_REQUIRED:
            yield from _check_funds(history, each)
    for name, group in history.groups.items():
        if name.startswith(SPELLINGS) and not is_refused(group[0]) and group[0].status:
            for each in [one for one in group[1:] if not _says_nothing(one)]:
                wanted = "accepted, as the same request in another spelling was"
                yield expect(each.accepted, wanted, f"{each.status} {each.body[:160]!r}", each)


def _check_funds(history: History, refused: HttpExchange) -> Iterator[Observation]:
    """Require no 402 where the balance that was last shown pays twice for all that was begun."""
    shown = [
        (each, amount)
        for each in history.with_operation("billing.balance")
        if each.key == refused.key and each.number < refused.number and each.status == _OK
        if (amount := read_balance(each)) is not None
    ]
    price, owed = compute_listed(history, refused), sum_owed(history, refused, refused.key)
    if shown and price is not None and owed is not None and refused.key not in history.carried:
        last, amount = shown[-1]
        wanted = f"no 402 with {amount} USD, for {price} USD beside {owed} USD"
        yield expect(amount < _TWICE * (price + owed), wanted, str(refused.status), last, refused)


def _says_nothing(exchange: HttpExchange) -> bool:
    """Whether the status is about something else than the request.

    A server may demand a length (RFC 9110); a body in parts must get an answer.
    """
    delivery = exchange.step.delivery if exchange.step is not None else ""
    if delivery and exchange.status in {0, _LENGTH_REQUIRED}:
        return delivery == "chunked" and exchange.status == _LENGTH_REQUIRED
    return exchange.status in IGNORED_STATUSES


@check(
    "GP216",
    "A refused request creates nothing, costs nothing and is in no bill",
    severity="blocker",
    evidence="common-sense",
    cost="0",
    why="A charge for a refused request is lost money.",
    fix="Finish all validation before anything is created, held or charged.",
)
def refusals_leave_no_trace(history: History) -> Iterator[Observation]:
    """Require that a refused submission creates nothing and costs nothing.

    Applies to submissions that got a 4xx. Fails on an id, an internal effect, a lower balance or
    higher costs. Source: our choice.
    """
    for each in history:
        if each.submits and each.valid is False and is_refused(each):
            yield expect(not each.generation, "no id in a refusal", each.generation, each)
            if each.effects is not None:
                yield expect(not each.effects, "a refusal has no effect", each.effects, each)
    yield from _check_balances(history)
    for first, last, between in pair_cost_reads(history):
        sent = [each for each in between if each.submits]
        if sent and all(is_refused(each) for each in sent):
            grown = compute_growth(first, last)
            if grown is None:
                yield fail("costs that can be read", last.object.get("total_cost"), first, last)
            else:
                wanted = f"costs of {first.object.get('total_cost')}, as before"
                yield expect_same_costs(history, grown, wanted, first, last)


def _check_balances(history: History) -> Iterator[Observation]:
    """Require the same balance after refusals alone."""
    for span in history.settled_intervals:
        sent = [each for each in span.between if each.submits]
        blamed = [each for each in sent if is_refused(each) and each.valid is False]
        if blamed and len(blamed) == len(sent):
            yield expect_free(history, span, "the same balance after refusals", *blamed[:4])
