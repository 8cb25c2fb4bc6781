"""Recorded traffic as it is read: every key out, and whatever is wrong with a file said."""

from __future__ import annotations

import json
from base64 import b64encode
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from getimg_mock.cli import main
from getimg_mock.contract.evidence.evidence_file import collect_evidence
from getimg_mock.contract.evidence.recorded_traffic import read_traffic
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, find_check
from getimg_mock.errors import SettingsError
from getimg_mock.redaction import find_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History

KEY = "sk_super_secret_1"
BALANCE = {
    "method": "GET",
    "path": "/v2/billing/balance",
    "status": 200,
    "at": "2026-09-01T12:00:00Z",
    "headers": {"content-type": "application/json"},
    "body": {"balance": "1.00", "currency": "USD"},
}
RESULT = {
    "method": "GET",
    "path": "/v2/videos/generations/req-1",
    "status": 200,
    "at": "2026-09-01T12:00:00Z",
    "headers": {"content-type": "application/json"},
    "request_headers": {"Authorization": f"Bearer {KEY}"},
    "body": {
        "id": "req-1",
        "status": "completed",
        "data": [
            {"url": f"https://api.getimg.ai/v2/downloads/req-1/0?exp=1&sig=a&key={KEY}"},
        ],
    },
}
ERROR = {
    "method": "POST",
    "path": "/v2/images/generations",
    "status": 400,
    "at": "2026-09-01T12:00:00Z",
    "headers": {"content-type": "application/json"},
    "request_headers": {"Authorization": f"Bearer {KEY}"},
    "body": {"error": {"message": f"No luck with {KEY}", "code": "invalid_parameter"}},
}


def read(tmp_path: Path, *entries: Any) -> History:
    """Return traffic of these exchanges, written and read."""
    path = tmp_path / "traffic.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in entries), encoding="utf-8")
    return read_traffic(path)


@pytest.mark.parametrize(
    ("check", "entry"),
    [
        ("GP705", BALANCE | {"body": {"balance": "1.00", "currency": "USD", "you": KEY}}),
        ("GP705", BALANCE | {"headers": {"x-echo": KEY}}),
        (
            "GP705",
            BALANCE | {"status": 302, "headers": {"location": f"https://a.example/?k={KEY}"}},
        ),
        ("GP106", ERROR),
        ("GP411", RESULT),
    ],
)
def test_a_key_in_an_answer_is_found_in_traffic(
    tmp_path: Path, check: str, entry: dict[str, Any]
) -> None:
    """The key was sent in Authorization, so it is known; nothing keeps it, and it is found."""
    sent = {"Authorization": f"Bearer {KEY}"}
    history = read(tmp_path, entry | {"request_headers": sent})
    assert judge_check(find_check(check), [history], own=False).broken
    clean = json.loads(json.dumps(entry).replace(KEY, "nothing"))
    assert not judge_check(find_check(check), [read(tmp_path, clean)], own=False).broken
    assert KEY not in repr(history)


@pytest.mark.parametrize("sent", [None, "Bearer ***", "Bearer <redacted>", "Bearer sk_...f00"])
def test_without_a_known_key_nothing_is_confirmed_about_keys(
    tmp_path: Path, sent: str | None
) -> None:
    """Evidence never confirms a check that could not have failed in that traffic."""
    about_keys = {"GP106", "GP411", "GP705"}
    harmless = json.loads(json.dumps([ERROR, RESULT, BALANCE]).replace(KEY, "nothing"))
    for entry in harmless:
        entry["request_headers"] = {"Authorization": sent} if sent else {"Accept": "*/*"}
    history = read(tmp_path, *harmless)
    assert judge_check(find_check("GP705"), [history], own=False).status == "VOID"
    assert not about_keys & collect_evidence(PROVIDER_CHECKS, [history]).confirmed.keys()
    for entry in harmless:
        entry["request_headers"] = {"Authorization": f"Bearer {KEY}"}
    assert (
        about_keys
        <= collect_evidence(PROVIDER_CHECKS, [read(tmp_path, *harmless)]).confirmed.keys()
    )


def test_a_key_that_was_never_good_confirms_nothing(tmp_path: Path) -> None:
    """A typed-in stand-in gets 401 everywhere, and no answer could have leaked the real one."""
    entry = ERROR | {"status": 401, "body": {"error": {"message": "No.", "code": "no"}}}
    assert "GP705" not in collect_evidence(PROVIDER_CHECKS, [read(tmp_path, entry)]).confirmed


def test_a_key_that_nobody_sent_is_a_leak_as_well(tmp_path: Path) -> None:
    """What looks like a key is one, though recorders leave out what was sent."""
    history = read(tmp_path, BALANCE | {"headers": {"x-debug": "sk_of_someone_else"}})
    assert judge_check(find_check("GP705"), [history], own=False).broken
    assert "someone_else" not in repr(history)


def test_words_that_end_like_a_key_begins_stay_whole(tmp_path: Path) -> None:
    """`task_1` is an id: to cut it would make one of two."""
    body = {"balance": "1.00", "currency": "USD", "task_1": "mask_image", "risk_level": "2"}
    history = read(tmp_path, BALANCE | {"body": body})
    assert history.exchanges[0].json == body


def test_several_keys_go_by_names_of_their_own(tmp_path: Path) -> None:
    """Which key was used stays visible; which one it was does not."""
    entries = [
        BALANCE | {"request_headers": {"authorization": f"Bearer sk_{word}"}}
        for word in ("one", "two", "one")
    ]
    history = read(tmp_path, *entries, BALANCE | {"request_headers": {"accept": "*/*"}})
    assert [each.key for each in history] == ["a", "b", "a", "none"]


LETTERS = st.characters(
    codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="<[*\u2026"
)
KEYS = st.one_of(
    st.from_regex(r"sk_[A-Za-z0-9_-]{1,40}", fullmatch=True),
    st.text(LETTERS, min_size=8, max_size=40).filter(lambda text: bool(find_keys([text]).names)),
)
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "percent": lambda key: quote(key, safe=""),
    "plus": quote_plus,
    "path": quote,
}
PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "path": lambda key: {"path": f"/v2/models/{quote(key, safe='')}"},
    "query": lambda key: {"query": f"a=b&api_key={quote_plus(key)}&c=d"},
    "request body": lambda key: {"request_body": {"prompt": key}},
    "request text": lambda key: {"request_body": quote_plus(key)},
    "request header": lambda key: {"request_headers": {"x-auth-token": key, "x-o": f"1 {key}"}},
    "answer": lambda key: {"body": {"api_key": key, "b": [key]}},
    "answer text": lambda key: {"body": f"hello {key}!"},
    "answer link": lambda key: {"body": {"url": f"/{quote(key)}?access_token={quote_plus(key)}"}},
    "answer header": lambda key: {"headers": {"x": key, "location": f"/?k={quote(key, safe='')}"}},
    "binary": lambda key: {"body": {"base64": b64encode(b"\xff\xd8" + key.encode()).decode()}},
}


def shown(key: str, place: str) -> dict[str, Any]:
    """Return an exchange with a key in one place."""
    return BALANCE | PLACES[place](key)


def test_what_is_named_like_a_key_is_hidden(tmp_path: Path) -> None:
    """Nobody sent it and it is of no known form, but its name says what it is."""
    body = {"api_key": "abc", "url": "https://x.example/?access_token=abc&key=abc&keys=1"}
    headers = {"x-api-key": "abc", "x-keys": "1"}
    each = read(tmp_path, BALANCE | {"query": "api_key=abc", "body": body, "headers": headers})
    assert "abc" not in repr(each)
    assert each.exchanges[0].object == {
        "api_key": "<hidden>",
        "url": "https://x.example/?access_token=<hidden>&key=<hidden>&keys=1",
    }
    assert each.exchanges[0].fields["x-keys"] == "1"


@given(
    key=KEYS,
    places=st.sets(st.sampled_from(sorted(PLACES)), min_size=1),
    written=st.sampled_from([".ndjson", ".har"]),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
def test_no_key_outlives_the_reading(
    tmp_path: Path, key: str, places: set[str], written: str
) -> None:
    """Wherever it stands, however it is written: nothing that comes of the traffic holds it."""
    sent = BALANCE | {"request_headers": {"Authorization": f"Bearer {key}"}}
    entries = [sent, *(shown(key, place) for place in sorted(places))]
    path = tmp_path / f"traffic{written}"
    text = har(entries) if written == ".har" else "\n".join(map(json.dumps, entries))
    path.write_text(text, encoding="utf-8")
    history = read_traffic(path)
    kept = [history.base, *(text for each in history for text in texts_of(each))]
    for way in WAYS.values():
        assert not [text for text in kept if way(key).encode() in text.encode("latin-1")]
    assert len(history.exchanges) == len(entries)


def texts_of(exchange: HttpExchange) -> Iterator[str]:
    """Yield everything that was read of an exchange, bytes as latin-1."""
    yield exchange.key
    for text in (exchange.method, exchange.path, exchange.query):
        yield text.encode().decode("latin-1")
    for pair in (*exchange.headers, *exchange.request_headers):
        yield from (text.encode().decode("latin-1") for text in pair)
    yield (exchange.request_body or b"").decode("latin-1")
    yield exchange.body.decode("latin-1")


def har(entries: list[dict[str, Any]]) -> str:
    """Return the exchanges as a browser would save them."""

    def text(value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def content(value: Any) -> dict[str, str]:
        if isinstance(value, dict) and set(value) == {"base64"}:
            return {"text": value["base64"], "encoding": "base64"}
        return {"text": text(value)}

    def headers(entry: dict[str, Any], name: str) -> list[dict[str, str]]:
        return [{"name": n, "value": v} for n, v in entry.get(name, {}).items()]

    return json.dumps(
        {
            "log": {
                "entries": [
                    {
                        "startedDateTime": each["at"],
                        "request": {
                            "method": each["method"],
                            "headers": headers(each, "request_headers"),
                            "url": f"https://api.getimg.ai{each['path']}?{each.get('query', '')}",
                            "postData": {"text": text(each.get("request_body", ""))},
                        },
                        "response": {
                            "status": each["status"],
                            "headers": headers(each, "headers"),
                            "content": content(each["body"]),
                        },
                    }
                    for each in entries
                ]
            }
        }
    )


def test_no_report_of_traffic_holds_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Console, events, evidence and every kind of report: what is written is without keys."""
    entries = [shown(KEY, place) for place in PLACES]
    entries = [each | {"request_headers": {"authorization": f"Bearer {KEY}"}} for each in entries]
    path = tmp_path / "traffic.ndjson"
    path.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    made = tmp_path / "made"
    made.mkdir()
    reports = [
        f"--report={made / 'r'}{kind}" for kind in (".json", ".xml", ".sarif", ".md", ".html")
    ]
    main(
        [
            "verify",
            "api",
            "--from",
            str(path),
            "--evidence",
            str(made / "evidence"),
            "--events",
            str(made / "events"),
            *reports,
        ]
    )
    texts = [each.read_text("utf-8") for each in made.iterdir()] + [capsys.readouterr().out]
    assert len(texts) == 8
    assert not [text for text in texts if KEY in text]
    assert [text for text in texts if "<key a>" in text]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.ndjson", "", "it has no exchange; each line is a JSON object with method"),
        ("a.ndjson", "\n \n", "it has no exchange"),
        ("a.har", '{"log": {"entries": []}}', "it has no exchange; a HAR file is"),
        ("a.har", "{}", "there is no 'log'; a HAR file is one JSON object with log.entries"),
        ("a.har", '{"log": {"entries": {}}}', "log.entries is not a list"),
        ("a.har", '{"log": {"entries": [{"request": {}}]}}', "entry 1: there is no 'response'"),
        ("a.har", '{"method": "GET"}\n{"method": "GET"}', "Extra data.*; a HAR file is one JSON"),
        ("a.ndjson", json.dumps(BALANCE) + "\n\n{", r"line 3 is not JSON \(.*\); each line"),
        ("a.ndjson", json.dumps(BALANCE) + "\n{}", "line 2: there is no 'path'; each line"),
        ("a.ndjson", "[1]", "line 1: .*; each line is a JSON object"),
        ("a.ndjson", json.dumps(BALANCE | {"status": "good"}), "line 1: .*'good'"),
        ("a.ndjson", json.dumps(BALANCE | {"at": "noon"}), "line 1: .*'noon'"),
    ],
)
def test_traffic_that_cannot_be_read_says_where_and_what_would_do(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    """Which line, and what was expected there; an empty file is no run without failures."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        read_traffic(path)
    assert main(["verify", "api", "--from", str(path)]) == 2


def test_bytes_that_are_no_text_are_refused_in_a_sentence(tmp_path: Path) -> None:
    """No trace of Python."""
    path = tmp_path / "traffic.ndjson"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8 from byte 0 on"):
        read_traffic(path)


def test_line_separators_of_unicode_end_no_line(tmp_path: Path) -> None:
    """JSON allows them in a text as they are."""
    entry = json.dumps(BALANCE | {"body": {"balance": "a\u2028b"}}, ensure_ascii=False)
    path = tmp_path / "traffic.ndjson"
    path.write_text(entry, encoding="utf-8")
    assert read_traffic(path).exchanges[0].object == {"balance": "a\u2028b"}


def test_the_key_of_a_tool_of_others_is_known_too() -> None:
    """A check of Schemathesis sees one exchange, and what it was sent with."""
    pytest.importorskip("schemathesis")
    from getimg_mock.contract.provider.schemathesis_checks import (  # noqa: PLC0415 - optional
        build_history,
        getimg_contract,
    )

    request = SimpleNamespace(
        url="https://api.getimg.ai/v2/billing/balance",
        body=None,
        headers={"Authorization": f"Bearer {KEY}"},
    )
    content = json.dumps({"balance": "1", "currency": "USD", "you": KEY}).encode()
    response = SimpleNamespace(
        request=request,
        status_code=200,
        headers={"Content-Type": ["application/json"], "Content-Length": [str(len(content))]},
        content=content,
    )
    case = SimpleNamespace(method="GET")
    (seen,) = build_history(response, case)
    assert KEY not in repr(seen)
    assert seen.fields["content-length"] == str(len(seen.body))  # of what stands for the key
    with pytest.raises(AssertionError, match="GP705"):
        getimg_contract(None, response, case)
