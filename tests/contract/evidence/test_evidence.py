"""Recorded traffic, what it confirms, and how long that counts."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock._shipped import read_text
from getimg_mock.contract.evidence.claims import compute_mark
from getimg_mock.contract.evidence.evidence_file import (
    Evidence,
    collect_evidence,
    load_shipped_evidence,
    read_evidence,
    write_evidence,
)
from getimg_mock.contract.evidence.recorded_traffic import read_traffic
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, find_check, select_checks
from getimg_mock.errors import SettingsError
from getimg_mock.reports.known_failures import read_known_failures
from tests.contract.provider.fixed_plans import run_plan
from tests.contract.provider.scoring import run_fake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Verdict

pytestmark = pytest.mark.slow


def traffic(tmp_path: Path, entries: list[dict[str, Any]]) -> Path:
    """Write recorded traffic."""
    path = tmp_path / "traffic.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in entries), encoding="utf-8")
    return path


def recorded(tmp_path: Path, *names: str) -> Path:
    """Write what the fake did as traffic that somebody recorded."""
    entries = [
        {
            "method": each.method,
            "path": each.path,
            "query": each.query,
            "status": each.status,
            "headers": dict(each.headers),
            "at": each.at.isoformat(),
            "key": each.key,
            "request_headers": {"Authorization": "Bearer sk_very_secret"},
            "request_body": (each.request_body or b"").decode() or None,
            "body": {"base64": b64encode(each.body).decode()},
        }
        for name in names
        for each in run_plan(name)
    ]
    return traffic(tmp_path, entries)


def judged_all(history: History) -> dict[str, Verdict]:
    """Judge a history as one of a service that is not ours."""
    return {check.id: judge_check(check, [history], own=False) for check in PROVIDER_CHECKS}


def test_recorded_traffic_is_judged_by_what_can_be_seen_in_it(tmp_path: Path) -> None:
    """Class T: the history alone, without the plan that made it."""
    found = judged_all(read_traffic(recorded(tmp_path, "money of a working day")))
    assert found["GP501"].status == found["GP504"].status == "PASS"
    assert found["GP308"].status == "PASS"
    assert found["GP701"].status == "VOID"
    assert not [each.check.id for each in found.values() if each.status == "FAIL"]


def test_recorded_traffic_holds_no_key(tmp_path: Path) -> None:
    """Keys and cookies are taken out when traffic is read."""
    history = read_traffic(recorded(tmp_path, "the catalogue"))
    assert "sk_very_secret" not in repr(history)


def test_a_har_file_is_read(tmp_path: Path) -> None:
    """What a browser or a proxy recorded can be judged."""
    entry = {
        "startedDateTime": "2026-09-01T12:00:00Z",
        "request": {
            "method": "GET",
            "url": "https://api.getimg.ai/v2/billing/balance",
            "headers": [{"name": "Authorization", "value": "Bearer sk_x"}],
        },
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {"text": '{"balance": 12.3, "currency": "USD"}'},
        },
    }
    path = tmp_path / "traffic.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    found = judged_all(read_traffic(path))
    assert found["GP110"].status == "FAIL"
    assert found["GP101"].status == "FAIL"


def test_traffic_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A wrong file is an error with its name, not an empty verdict."""
    with pytest.raises(SettingsError, match="is not recorded traffic"):
        read_traffic(traffic(tmp_path, [{"nothing": 1}]))


def test_traffic_becomes_evidence_with_its_date(tmp_path: Path) -> None:
    """What traffic confirms is written down with the day on which it was seen."""
    evidence = collect_evidence(
        PROVIDER_CHECKS, [read_traffic(recorded(tmp_path, "the catalogue"))]
    )
    path = tmp_path / "evidence.json"
    write_evidence(path, evidence)
    assert read_evidence(path, PROVIDER_CHECKS) == evidence
    assert evidence.confirmed["GP801"] == datetime(2026, 9, 1, tzinfo=UTC)
    assert evidence.exchanges["GP801"] == "traffic.ndjson#1"
    assert evidence.seen["traffic.ndjson#1"] == "2026-09-01"
    assert (
        compute_mark(find_check("GP103"), evidence) == "observed on 2026-09-01 (traffic.ndjson#1)"
    )
    made = {check.id: compute_mark(check, evidence) for check in PROVIDER_CHECKS}
    assert not judge_check(
        find_check("GE907"), [Comparison(claims=made, cited=evidence.seen)]
    ).broken
    assert not evidence.contradicted
    assert "GP801" in evidence.select_fresh(datetime(2026, 9, 30, tzinfo=UTC))
    assert not evidence.select_fresh(datetime(2027, 4, 1, tzinfo=UTC))
    assert not evidence.select_fresh(datetime(2026, 9, 30, tzinfo=UTC), timedelta(days=7))


def test_the_latest_word_on_a_check_counts() -> None:
    """The service changes: what it did last is what it does, and on one day doubt wins."""
    early, late = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    kept = Evidence({"GP801": early}, {}, {"GP801": "a.har#1"})
    broke = Evidence({}, {"GP801": (late, "an object")}, {"GP801": "b.har#2"})
    for merged in (kept.merge(broke), broke.merge(kept)):
        assert merged == broke
    assert Evidence({"GP801": late}).merge(broke) == broke
    again = Evidence({"GP801": late + timedelta(days=1)})
    assert broke.merge(again) == again


def test_the_reports_of_clients_stay_when_traffic_is_added(tmp_path: Path) -> None:
    """The evidence that ships holds both: adding traffic to it loses nothing."""
    path = tmp_path / "evidence.json"
    write_evidence(path, load_shipped_evidence())
    assert path.read_text(encoding="utf-8") == read_text("fixtures", "evidence.json")
    added = Evidence({"GP801": datetime(2026, 9, 1, tzinfo=UTC)})
    assert load_shipped_evidence().merge(added).reports == load_shipped_evidence().reports


def test_two_recordings_of_one_name_are_told_apart_by_their_days() -> None:
    """What cites an exchange says the day as well."""
    days = [datetime(2026, 9, day, tzinfo=UTC) for day in (1, 2)]
    kept = [
        Evidence({name: day}, {}, {name: "a.har#1"})
        for name, day in zip(("GP801", "GP802"), days, strict=True)
    ]
    assert kept[0].merge(kept[1]).seen == {"a.har#1": "2026-09-01, 2026-09-02"}


@pytest.mark.parametrize(
    ("change", "message"),
    [({"base": "http://127.0.0.1:4010"}, "only https"), ({"at": None}, "when it was recorded")],
)
def test_only_dated_traffic_of_the_real_service_is_evidence(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """The fake must never be taken for proof of itself."""
    path = recorded(tmp_path, "the catalogue")
    entries = [json.loads(line) | change for line in path.read_text("utf-8").splitlines()]
    with pytest.raises(SettingsError, match=message):
        collect_evidence(PROVIDER_CHECKS, [read_traffic(traffic(tmp_path, entries))])


def test_evidence_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A wrong file is an error with its name."""
    path = tmp_path / "evidence.json"
    for text in ("{}", "[]", "{"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match="is not an evidence file"):
            read_evidence(path, PROVIDER_CHECKS)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_evidence(tmp_path / "missing.json", PROVIDER_CHECKS)


@pytest.mark.parametrize("read", [read_evidence, read_known_failures])
def test_files_that_are_no_text_are_refused_in_a_sentence(
    tmp_path: Path, read: Callable[[Path, tuple[()]], object]
) -> None:
    """Evidence and known failures may come from anywhere; no trace of Python comes of it."""
    path = tmp_path / "file"
    path.write_bytes("GP407  caf\u00e9".encode("latin-1"))
    with pytest.raises(SettingsError, match="not UTF-8 from byte 10 on"):
        read(path, ())


def test_evidence_of_a_check_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """It would count for nothing, and nobody would know."""
    path = tmp_path / "evidence.json"
    entry = {"check": "GP470", "observed": "2026-09-01"}
    record = {"confirmations": [entry], "contradictions": []}
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"evidence.json: Unknown check 'GP470'.*Did you mean"):
        read_evidence(path, PROVIDER_CHECKS)


def test_old_evidence_is_stale_not_a_failure() -> None:
    """STALE, so that a run says it, and does not fail for the calendar."""
    (check,) = select_checks("GE908", registry.EQUIVALENCE)
    now = datetime(2026, 9, 1, tzinfo=UTC)
    old = Comparison(observed={"GP407": now - timedelta(days=8)}, now=now)
    assert judge_check(check, [old]).status == "PASS"
    assert judge_check(check, [replace(old, stale_after=timedelta(days=7))]).status == "STALE"


BROKEN_BY = {
    ("total-is-a-text", "refused keys use up nothing"): "GP101 GP110",
    ("video-accepted-with-200", "refused keys use up nothing"): "GP102 GP303",
    ("error-in-plain-text", "the catalogue"): "GP103",
    ("crashes-on-escapes", "images: values outside of the lists"): "GP104",
    ("error-beside-a-success", "schemes"): "GP105",
    ("shows-its-stack", "the catalogue"): "GP106",
    ("deletes-at-without-zone", "refused keys use up nothing"): "GP108 GP402",
    ("total-has-binary-noise", "refused keys use up nothing"): "GP109",
    ("wrong-content-length", "the catalogue"): "GP114",
    ("charges-refusals", "images: missing fields"): "GP216 GP504 GP505",
    ("image-is-pending", "an odd provider: unknown_fields"): "GP301",
    ("one-id-for-all", "what is left out"): "GP302",
    ("one-id-for-all", "remaining within a window"): "GP304",
    ("404-right-after-202", "refused keys use up nothing"): "GP305",
    ("status-of-another-id", "refused keys use up nothing"): "GP306 GP411",
    ("pending-with-data", "refused keys use up nothing"): "GP307",
    ("goes-back-to-pending", "refused keys use up nothing"): "GP308",
    ("result-changes", "refused keys use up nothing"): "GP309",
    ("failure-without-message", "videos that fail"): "GP311",
    ("charges-polls", "a video from 202 to its file"): "GP313 GP507",
    ("link-is-relative", "refused keys use up nothing"): "GP401",
    ("link-is-http", "an image and its file"): "GP403",
    ("one-id-for-all", "images in every format"): "GP404 GP405",
    ("has-sound-lies", "refused keys use up nothing"): "GP406",
    ("deletes-at-is-a-number", "an image and its file"): "GP408",
    ("file-is-cut-off", "an image and its file"): "GP409",
    ("files-differ-each-time", "an image and its file"): "GP410",
    ("total-is-not-the-product", "refused keys use up nothing"): "GP501",
    ("quantity-is-wrong", "refused keys use up nothing"): "GP502",
    ("unit-price-is-not-listed", "refused keys use up nothing"): "GP503",
    ("lists-all-videos", "two workspaces"): "GP702",
    ("charges-polls", "videos that fail"): "GP506",
    ("costs-total-is-wrong", "ranges of costs"): "GP508",
    ("failures-show-in-the-costs", "videos that fail"): "GP509",
    ("charges-refusals", "what cannot be paid"): "GP512",
    ("larger-is-no-larger", "pictures of every size"): "GP412",
    ("longer-is-cheaper", "longer videos"): "GP513",
    ("unknown-id-is-pending", "paths"): "GP601",
    ("deduplicates-bodies", "many equal videos"): "GP314 GP602",
    ("one-more-than-the-limit", "more images than the limit"): "GP603",
    ("polls-show-reset-in-milliseconds", "refused keys use up nothing"): "GP607",
    ("no-rate-headers", "more at once than the limit"): "GP604",
    ("charges-refusals", "more images than the limit"): "GP605",
    ("a-field-is-blamed-for-a-key", "bad keys"): "GP116",
    ("echoes-the-key-in-errors", "the catalogue"): "GP705",
    ("charges-polls", "refused keys use up nothing"): "GP706",
    ("models-in-an-envelope", "the catalogue"): "GP801",
    ("type-drops-a-model", "the catalogue"): "GP802",
    ("created-in-the-future", "the catalogue"): "GP803",
    ("rates-unordered", "the catalogue"): "GP805",
    ("images-have-durations", "the catalogue"): "GP806",
    ("documented-model-is-gone", "the catalogue"): "GP808",
    ("list-flickers", "the catalogue"): "GP809",
}
"""Faulty providers whose traffic, read without any plan, contradicts checks."""


@pytest.mark.parametrize(("fault", "plan"), BROKEN_BY)
def test_what_traffic_can_confirm_it_can_contradict(fault: str, plan: str) -> None:
    """Each check of the list is broken by the traffic of a provider that breaks it."""
    history = without_plan(run_plan(plan, fault))
    for name in BROKEN_BY[fault, plan].split():
        assert judge_check(find_check(name), [history], own=False).broken, name


def test_nothing_else_is_confirmed_by_traffic() -> None:
    """What no traffic could break is confirmed by none: it would be a promise out of nothing."""
    histories = [without_plan(history) for history in run_fake()]
    confirmed = collect_evidence(
        PROVIDER_CHECKS, [each for each in histories if each.exchanges]
    ).confirmed
    assert confirmed.keys() == set(" ".join(BROKEN_BY.values()).split())


def without_plan(history: History) -> History:
    """Return a history as it would be read from recorded traffic."""
    exchanges = (replace(each, step=None, effects=None, spontaneous=False) for each in history)
    return replace(
        history, own=False, plan=replace(history.plan, steps=()), exchanges=tuple(exchanges)
    )
