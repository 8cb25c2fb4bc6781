"""GP1: what is on the wire, whatever the operation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.provider.documented_statuses import read_documented_statuses
from getimg_mock.contract.verdicts import OK, check, expect, fail, note
from getimg_mock.world.operations import find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

# Where a malformed request may be called one, whatever the operation (GP312).
_UNDOCUMENTED_ROLES: Final = frozenset({"malformed-id", "odd-path", "unknown-model"})
_BAD_REQUEST: Final = 400
# Errors after which a server cannot know where the next request begins, or has no more patience.
_CLOSING_STATUSES: Final = (408, 413, 431)

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_INTERNALS: Final = re.compile(
    r"Traceback \(most recent|File \"/|\bat [\w.$]+ ?\(.*:\d+(?::\d+)?\)|node_modules/"
    r"|goroutine \d+ \[|\b\w+\.(?:py|go|rb|js|ts|java|cs|php):\d+"
    r"|\b(?:10|127)(?:\.\d{1,3}){3}\b|\b192\.168(?:\.\d{1,3}){2}\b|\blocalhost:\d"
    r"|\b172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}\b|\.internal\b|\.svc\b|\.cluster\.local\b"
)
_MONEY_FIELDS: Final = ("total_cost", "unit_price", "cost", "balance")
_MAX_DIGITS: Final = 12
_TIMESTAMP_FIELDS: Final = ("created_at", "deletes_at", "start", "end")
_EARLIEST_TIME: Final = datetime(2015, 1, 1, tzinfo=UTC)


def _speaks_json(exchange: HttpExchange) -> bool:
    """Whether the answer must be JSON: all but files, and answers without a body."""
    if exchange.method == "HEAD" or exchange.status in {0, 204, 304}:
        return False
    return exchange.status >= 400 or exchange.operation not in {"", "downloads.retrieve"}


@check(
    "GP101",
    "Every documented status's body is what its schema says, formats included",
    severity="major",
    evidence="documented",
    cost="T",
    why="Clients are generated from these shapes; one wrong type breaks every typed client.",
)
def bodies_fit_their_schemas(history: History) -> Iterator[Observation]:
    """GP101."""
    for each in history:
        if not _speaks_json(each) or not (each.operation or each.status >= 400):
            continue
        name = find_answer_schema(each.operation, each.status)
        if name is None:
            continue
        found = schemas.violations(name, each.plain)
        shown = "; ".join(f"{v.path or '/'}: {v.message}" for v in found[:3])
        yield expect(not found, f"a body as schemas/{name}.json says", shown, each)


@check(
    "GP102",
    "A status that is not documented for the operation is reported, with its body",
    severity="major",
    evidence="seed",
    cost="T",
    why="Clients decide by status whether to pay again; one they do not know is a guess.",
)
def statuses_are_documented(history: History) -> Iterator[Observation]:
    """GP102."""
    for each in history:
        if not each.operation or each.method not in {"GET", "POST"} or not each.status:
            continue
        if each.use in _UNDOCUMENTED_ROLES and each.status == _BAD_REQUEST:
            continue
        known = read_documented_statuses(each.operation)
        yield expect(
            each.status in known,
            f"a documented status of {each.operation}",
            f"{each.status} {each.body[:120]!r}",
            each,
        )


@check(
    "GP103",
    "JSON is application/json: UTF-8, no BOM, no duplicate keys, NaN or Infinity",
    severity="major",
    evidence="assumption",
    cost="T",
    why="Parsers differ on every one of these, and some crash (RFC 8259).",
)
def json_is_clean(history: History) -> Iterator[Observation]:
    """GP103."""
    for each in history:
        if not _speaks_json(each):
            continue
        if each.kind != "application/json":
            yield fail(
                "Content-Type: application/json", each.fields.get("content-type", "none"), each
            )
        else:
            yield expect(not each.decoded[1], "plain JSON in UTF-8", each.decoded[1], each)


@check(
    "GP104",
    "No request that is HTTP gets a 5xx",
    severity="major",
    evidence="seed",
    cost="T",
    why="A 5xx is retried, and a retried submission may be paid twice.",
)
def no_server_errors(history: History) -> Iterator[Observation]:
    """GP104."""
    if history.plan.rules:
        return
    for each in history:
        yield expect(
            0 < each.status < 500,
            "no 5xx, and an answer at all",
            f"{each.status or 'no answer'} {each.body[:120]!r}",
            each,
        )


@check(
    "GP105",
    "Every 4xx and 5xx is an error envelope: code and message, texts, not empty",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented: clients read error.code to decide and error.message to tell.",
)
def errors_are_envelopes(history: History) -> Iterator[Observation]:
    """GP105."""
    for each in history:
        if each.method == "HEAD":
            continue
        if each.status >= 400:
            code, message = each.error.get("code"), each.error.get("message")
            good = isinstance(code, str) and code and isinstance(message, str) and message
            yield expect(
                good,
                "an envelope with error.code and error.message, texts",
                f"{each.body[:160]!r}",
                each,
            )
        elif each.status and each.operation != "videos.retrieve" and "error" in each.object:
            yield fail("no error in an answer that says it succeeded", f"{each.body[:160]!r}", each)


@check(
    "GP106",
    "The same cause has the same error.code; a message shows no internals, no key",
    severity="major",
    evidence="assumption",
    cost="T",
    why="Programs branch on codes; messages end in logs that many can read.",
)
def error_codes_are_stable(history: History) -> Iterator[Observation]:
    """GP106."""
    codes: dict[tuple[Any, ...], tuple[object, HttpExchange]] = {}
    for each in history:
        if not each.error:
            continue
        for text in _collect_texts(each.error):
            leak = _INTERNALS.search(_strip_echo(text, each))
            secret = any(secret in text for _, secret in history.secrets)
            yield expect(not leak and not secret, "an error without internals or keys", text, each)
        if each.valid is not False or each.status < 400 or each.status == 429:
            continue
        cause: tuple[Any, ...] = (
            each.method,
            each.path,
            each.query,
            each.key,
            each.request_body,
            each.request_headers,
        )
        if each.fault in {"missing", "unknown-model"}:
            cause = (each.operation, each.fault)
        code = each.error.get("code")
        first, where = codes.setdefault(cause, (code, each))
        yield expect(first == code, f"the code {first!r} again", code, where, each)


def _collect_texts(value: Any) -> Iterator[str]:
    """Yield every text in an error, whatever it stands under."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _collect_texts(inner)


def _strip_echo(text: str, exchange: HttpExchange) -> str:
    """Take out of a message what the client itself had put into its request."""
    for value in (*exchange.asked.values(), exchange.path, *exchange.parameters.values()):
        if isinstance(value, str) and value:
            text = text.replace(value, "")
    images = exchange.asked.get("images")
    for image in images if isinstance(images, list) else ():
        url = image.get("url") if isinstance(image, dict) else None
        for part in re.split(r"[/\[\]@?#]", url) if isinstance(url, str) else ():
            text = text.replace(part, "") if part else text
    return text


@check(
    "GP107",
    "The same invalid request gets the same status each time",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="A status that flaps between 400 and 422 makes retries and alerts a lottery.",
)
def same_request_same_status(history: History) -> Iterator[Observation]:
    """GP107."""
    seen: dict[tuple[Any, ...], HttpExchange] = {}
    for each in history:
        if each.valid is not False or each.status in {0, 429} or each.status >= 500:
            continue
        key = (
            each.method,
            each.path,
            each.query,
            each.key,
            each.request_body,
            each.request_headers,
        )
        first = seen.setdefault(key, each)
        if first is not each:
            yield expect(
                first.status == each.status, f"{first.status}, as before", each.status, first, each
            )


@check(
    "GP108",
    "Timestamps are RFC 3339 with a zone; created_at is not in the future",
    severity="minor",
    evidence="documented",
    cost="T",
    why="Documented: UTC with Z. A moment without a zone is a different one on each machine.",
)
def timestamps_are_sound(history: History) -> Iterator[Observation]:
    """GP108."""
    for each in history:
        if not 200 <= each.status < 300 or each.operation == "downloads.retrieve":
            continue
        for name, value in _select_values(each, _TIMESTAMP_FIELDS):
            moment = parse_instant(value) if isinstance(value, str) else None
            good = moment is not None and _RFC3339.fullmatch(str(value)) is not None
            yield expect(good, f"{name} as RFC 3339 with a zone", value, each)
            if moment is None or not good or name in {"start", "end"}:
                continue
            yield expect(moment > _EARLIEST_TIME, f"{name} not in the far past", value, each)
            if name == "created_at":
                yield expect(
                    moment <= each.at + timedelta(minutes=1), "created_at in the past", value, each
                )


def _select_values(exchange: HttpExchange, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    values = exchange.values
    for name in names:
        for value in values.get(name, ()):
            yield name, value


@check(
    "GP109",
    "Amounts survive as decimals: no 0.30000000000000004 in a money field",
    severity="major",
    evidence="assumption",
    cost="T",
    why="Sums of noisy amounts do not match the bill.",
)
def money_has_no_noise(history: History) -> Iterator[Observation]:
    """GP109."""
    for each in history:
        if each.status != 200 or each.operation == "downloads.retrieve":
            continue
        for name, value in _select_values(each, _MONEY_FIELDS):
            amount = parse_decimal(value)
            if amount is not None:
                digits = -int(amount.normalize().as_tuple().exponent)
                yield expect(digits <= _MAX_DIGITS, f"{name} as a short decimal", str(value), each)


@check(
    "GP110",
    "Balance and catalogue prices are texts, usage and costs are numbers",
    severity="major",
    evidence="documented",
    cost="T",
    why="Documented per field; a typed client refuses the other form.",
)
def money_is_written_as_documented(history: History) -> Iterator[Observation]:
    """GP110."""
    for each in history.with_operation("billing.balance"):
        if each.status == 200 and each.method == "GET":
            yield _expect_decimal_text("balance", each.object.get("balance"), each)
    for each in history.with_operation("models.list", "models.retrieve"):
        if each.status == 200:
            for _, price in _select_values(each, ("unit_price",)):
                yield _expect_decimal_text("a catalogue's unit_price", price, each)
    for each in (*history.results, *history.with_operation("billing.costs")):
        if each.status != 200:
            continue
        for name, value in _select_values(each, ("total_cost", "unit_price", "quantity", "cost")):
            number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
            yield expect(number, f"{name} as a number", value, each)


def _expect_decimal_text(name: str, value: object, exchange: HttpExchange) -> Observation:
    good = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value)
    return expect(good, f"{name} as a decimal text", value, exchange)


@check(
    "GP111",
    "A wrong method is 405 with Allow; HEAD and OPTIONS make and charge nothing",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="Probes and proxies send HEAD and OPTIONS of their own accord (RFC 9110).",
)
def wrong_methods_are_refused(history: History) -> Iterator[Observation]:
    """GP111."""
    for each in history.with_role("wrong-method"):
        yield expect(each.status == 405, "405", each.status, each)
        if each.status == 405:
            allowed = {word.strip() for word in each.fields.get("allow", "").split(",")} - {""}
            yield expect(
                allowed and each.method not in allowed,
                f"an Allow header, without {each.method}",
                allowed or "none",
                each,
            )
    for each in history.with_role("side-method"):
        yield expect(
            "id" not in each.object and not each.generation,
            "HEAD and OPTIONS make nothing",
            f"{each.body[:100]!r}",
            each,
        )
    for before, after, between in history.settled_intervals:
        if any(each.use in {"side-method", "wrong-method"} for each in between):
            yield expect(
                before.object.get("balance") == after.object.get("balance"),
                "the same balance after methods that make nothing",
                after.object,
                before,
                after,
            )


@check(
    "GP112",
    "Slashes, case, dots and escapes in a path never reach another resource",
    severity="major",
    evidence="assumption",
    cost="T",
    why="Path confusion is how one tenant reads another's data through a proxy.",
)
def odd_paths_lead_nowhere_else(history: History) -> Iterator[Observation]:
    """GP112."""
    for group in history.groups.values():
        odd = [each for each in group if each.use == "odd-path"]
        canonical = [each for each in group if each.use == "canonical-path"]
        for each in odd:
            same = bool(canonical) and each.json == canonical[0].json
            yield expect(
                not 200 <= each.status < 300 or same,
                "no other resource than the one its plain path names",
                f"{each.status} {each.body[:100]!r}",
                each,
            )


@check(
    "GP113",
    "An unknown path is 404 in the envelope, without a key too (or always 401)",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="A typing mistake should look like one.",
)
def unknown_paths_are_404(history: History) -> Iterator[Observation]:
    """GP113."""
    strangers: list[HttpExchange] = []
    for each in history.with_role("unknown-path"):
        allowed = {404, 401} if each.key == "none" else {404}
        yield expect(
            each.status in allowed and each.error,
            "404 in the envelope",
            f"{each.status} {each.body[:100]!r}",
            each,
        )
        if each.key == "none":
            strangers.append(each)
            first = strangers[0]
            yield expect(
                each.status == first.status,
                f"{first.status}, as for another unknown path without a key",
                each.status,
                first,
                each,
            )


@check(
    "GP114",
    "Content-Length is right, nothing is compressed unasked, errors close nothing",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="A wrong length hangs or cuts off every HTTP client (RFC 9110). Of connections only "
    "Connection: close is seen; one that breaks after an error shows in GP104, unanswered.",
)
def transport_is_sound(history: History) -> Iterator[Observation]:
    """GP114."""
    for each in history:
        if not each.status:
            continue
        asked = any(name == "accept-encoding" for name, _ in each.request_headers)
        coding = each.fields.get("content-encoding", "identity")
        yield expect(
            asked or coding == "identity", "no compression that was not asked for", coding, each
        )
        if 400 <= each.status < 500 and each.status not in _CLOSING_STATUSES:
            last = each.fields.get("connection", "").lower()
            yield expect(
                last != "close",
                f"a connection that goes on after {each.status}",
                f"Connection: {last}",
                each,
            )
        length = each.fields.get("content-length")
        if length is not None and each.method != "HEAD" and each.status != 304:
            yield expect(
                length == str(len(each.body)), f"Content-Length {len(each.body)}", length, each
            )


@check(
    "GP115",
    "Fields beyond the schema are recorded as drift, and break nothing",
    severity="info",
    evidence="seed",
    cost="T",
    why="The API may grow; knowing that it did keeps the fake faithful.",
)
def unknown_fields_are_drift(history: History) -> Iterator[Observation]:
    """GP115."""
    seen: set[tuple[str, str]] = set()
    for each in history:
        name = find_answer_schema(each.operation, each.status) if each.operation else None
        if name is None or not isinstance(each.plain, (dict, list)):
            continue
        found = dict.fromkeys(_find_unknown_fields(schemas.schema(name), each.plain))
        unknown = [field for field in found if (name, field) not in seen]
        seen.update((name, field) for field in unknown)
        yield (
            note(f"{name} has fields beyond the schema: {', '.join(unknown)}", each)
            if unknown
            else OK
        )


def _find_unknown_fields(schema: dict[str, Any], value: Any, place: str = "") -> Iterator[str]:
    """Yield where a value has fields beyond its schema, however deep."""
    if "discriminator" in schema and isinstance(value, dict):
        mapping = schema["discriminator"]["mapping"]
        branch = mapping.get(str(value.get(schema["discriminator"]["propertyName"])))
        schema = {} if branch is None else {"$ref": branch}
    if "$ref" in schema:
        schema = schemas.schema(schema["$ref"].removesuffix(".json"))
    if isinstance(value, dict) and "properties" in schema:
        for field in sorted(value):
            where = f"{place}.{field}" if place else field
            if field in schema["properties"]:
                yield from _find_unknown_fields(schema["properties"][field], value[field], where)
            else:
                yield where
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            yield from _find_unknown_fields(schema["items"], item, f"{place}[]")
