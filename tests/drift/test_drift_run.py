"""Whole runs: against a service with another catalogue, without a key, and with files to write."""

from __future__ import annotations

import json
import socket
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import MockServer, schemas
from getimg_mock.cli import main
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.drift import drift_run, sdk_releases
from getimg_mock.drift.drift_run import DriftOptions, find_drift
from getimg_mock.errors import SettingsError
from tests.drift.packages import PYTHON, write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk_drift_secret"
GONE, DEARER, *_ = [each["id"] for each in load_shipped_models() if each["type"] == "image"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockServer]:
    """Run a service that has lost a model, and is dearer, with fields that nobody knows."""
    models = [each for each in deepcopy(load_shipped_models()) if each["id"] != GONE]
    dearer = next(each for each in models if each["id"] == DEARER)
    dearer["pricing"]["rates"][0]["unit_price"] = "9.99"
    file = tmp_path_factory.mktemp("service") / "models.json"
    file.write_text(json.dumps(models), encoding="utf-8")
    with MockServer(models=file, balance="12345.67", port=0) as server:
        yield server


def options(service: MockServer, **more: Any) -> DriftOptions:
    """Return options for the service, without an SDK."""
    return DriftOptions(**({"key": KEY, "target": service.url, "sdk": ("none",)} | more))


def test_the_catalogue_of_a_service_is_compared(service: MockServer) -> None:
    """By reads alone, which neither make anything nor tell of the account."""
    report, difference = find_drift(options(service))
    found = {(row.subject.partition(" ")[2], row.change, row.severity) for row in report.rows}
    assert (GONE, "model gone", "breaking") in found
    assert {(c, s) for subject, c, s in found if subject.startswith(f"{DEARER} pricing")} == {
        ("price changed", "warning")
    }
    assert len(found) == 2
    assert (report.status, difference) == (1, "")
    exchanges = service.workspace(KEY).journal.query()
    assert {each.method for each in exchanges} == {"GET"}
    assert len(exchanges) == 4
    assert "12345" not in repr(report)
    assert KEY not in repr(report)


def test_an_answer_that_breaks_its_schema_is_a_row(service: MockServer) -> None:
    """It says which keyword of which schema; the value, perhaps a balance, is not shown."""
    workspace = service.workspace(KEY)
    workspace.reset()
    wrong = {"status": 200, "body": {"balance": 98765, "currency": "USD"}}
    workspace.scenarios.add(on="billing.balance", answer=wrong)
    report, _ = find_drift(options(service))
    workspace.reset()
    (row,) = [each for each in report.rows if each.change == "invalid response"]
    assert row.subject == "billing.balance response /balance"
    assert row.severity == "breaking"
    assert "98765" not in repr(report)


def test_update_writes_a_models_file_that_serve_takes(service: MockServer, tmp_path: Path) -> None:
    """And dated evidence; a second run finds nothing, and changes nothing."""
    file, evidence = tmp_path / "models.json", tmp_path / "models.evidence.json"
    report, difference = find_drift(options(service, models=file, update=True))
    assert report.status == 1
    assert f"+++ {file}" in difference
    assert '"unit_price": "9.99"' in difference
    assert schemas.violations("own/models-file", json.loads(file.read_text())) == []
    dated = json.loads(evidence.read_text())["models"][DEARER]["pricing"]
    assert dated["evidence"].startswith("observed 20")
    before = (file.read_bytes(), evidence.read_bytes())
    report, difference = find_drift(options(service, models=file, update=True))
    assert (report.rows, difference) == ((), "")
    assert (file.read_bytes(), evidence.read_bytes()) == before
    with MockServer(models=file, port=0) as server:
        assert GONE not in server.workspace("sk_x").models
        assert find_drift(options(server, models=file))[0].rows == ()


def test_models_that_break_the_schema_are_rows_and_are_not_written(tmp_path: Path) -> None:
    """A catalogue of wrong types raises nothing; what is valid of it is compared."""
    models = deepcopy(load_shipped_models())
    wrong = {"supported_aspect_ratios": 5, "supported_references": {"a": "b"}, "pricing": []}
    models[1] = {**models[1], **wrong}
    with MockServer(port=0) as server:
        rules = server.workspace(KEY).scenarios
        rules.add(on="models.list", answer={"body": [*models, models[0], 7, {"id": ["x"]}]})
        report, _ = find_drift(options(server))
        assert {row.change for row in report.rows} == {"invalid response"}
        file = tmp_path / "models.json"
        with pytest.raises(SettingsError, match="--update wrote nothing"):
            find_drift(options(server, models=file, update=True))
        assert not file.exists()
        rules.add(on="models.list", answer={"body": {"error": {}}})
        with pytest.raises(SettingsError, match="lists no models"):
            find_drift(options(server))


def test_update_keeps_what_the_api_does_not_state(service: MockServer, tmp_path: Path) -> None:
    """Sizes and times of the user's own file are in the new one."""
    file = tmp_path / "models.json"
    mine = next(each for each in deepcopy(load_shipped_models()) if each["id"] == DEARER)
    mine["x_mock"] = {"seconds": [7, 9]}
    file.write_text(json.dumps({"extends": True, "models": [mine]}), encoding="utf-8")
    find_drift(options(service, models=file, update=True))
    written = {each["id"]: each for each in json.loads(file.read_text())}
    assert written[DEARER]["x_mock"] == {"seconds": [7, 9]}
    assert written[DEARER]["pricing"]["rates"][0]["unit_price"] == "9.99"


def test_evidence_keeps_the_day_of_what_did_not_change(service: MockServer, tmp_path: Path) -> None:
    """A value that is seen again keeps its first day; foreign files are not overwritten."""
    file, evidence = tmp_path / "models.json", tmp_path / "models.evidence.json"
    find_drift(options(service, models=file, update=True))
    written = json.loads(evidence.read_text())
    written["models"][DEARER]["name"]["evidence"] = "observed 2020-01-01"
    written["models"][DEARER]["pricing"]["value"] = "other"
    written["models"][DEARER]["pricing"]["evidence"] = "observed 2020-01-01"
    evidence.write_text(json.dumps(written))
    find_drift(options(service, models=file, update=True))
    kept = json.loads(evidence.read_text())["models"][DEARER]
    assert kept["name"]["evidence"] == "observed 2020-01-01"
    assert kept["pricing"]["evidence"] != "observed 2020-01-01"
    evidence.write_text("[]")
    with pytest.raises(SettingsError, match="not evidence"):
        find_drift(options(service, models=file, update=True))


def test_without_a_key_no_service_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages are compared, and the report says what was not."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    wheel = str(write_wheel(tmp_path / "sdk.whl"))
    report, _ = find_drift(DriftOptions(sdk=(wheel,)))
    assert report.compared == ("getimg 1.0.0 (python)",)
    assert report.notes == (
        "The live catalogue was not compared: give --key, or set GETIMG_API_KEY.",
    )
    with pytest.raises(SettingsError, match="Nothing was compared"):
        find_drift(DriftOptions(sdk=("none",)))


def test_the_newest_releases_are_left_out_where_no_registry_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each is a note, since a missing npm says nothing of the API; a named one is an error."""

    def fail(release: str) -> None:
        raise SettingsError(f"{release} was not compared: offline.")

    monkeypatch.setattr(sdk_releases, "_fetch", fail)
    with pytest.raises(SettingsError, match=r"Nothing was compared\. getimg was not compared"):
        find_drift(DriftOptions())
    wheel = str(write_wheel(tmp_path / "sdk.whl"))
    report, _ = find_drift(DriftOptions(sdk=("latest", wheel)))
    assert [each.split()[0] for each in report.notes] == ["getimg", "getimg-ai", "The"]
    with pytest.raises(SettingsError, match="offline"):
        find_drift(DriftOptions(sdk=("getimg==0.3.0",)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"key": None, "update": True}, "--update writes the live catalogue"),
        ({"since": "latest"}, "--since names an earlier package"),
        ({"since": "none.whl"}, "cannot be read"),
        ({"sdk": ("none.whl",)}, "cannot be read"),
        ({"target": "http://127.0.0.1:9"}, "does not answer"),
        ({"key": "no_key"}, "refuses the key"),
        ({"target": "ftp://x"}, "is not the URL of a service"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    service: MockServer, more: dict[str, Any], message: str
) -> None:
    """With what would have worked."""
    with pytest.raises(SettingsError, match=message):
        find_drift(options(service, **more))


def test_the_command_says_by_its_status_what_it_found(
    service: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 for what breaks, 0 for less, 2 for what was wrong; reports are written beside."""
    live = ["drift", "--key", KEY, "--target", service.url, "--sdk", "none"]
    report = tmp_path / "drift.sarif"
    assert main([*live, "--report", str(report)]) == 1
    assert "model gone" in capsys.readouterr().out
    assert json.loads(report.read_text())["runs"][0]["results"]
    old = str(write_wheel(tmp_path / "old.whl"))
    files = {**PYTHON, "_constants.py": "DEFAULT_MAX_RETRIES = 2"}
    new = str(write_wheel(tmp_path / "new.whl", files, "1.1.0"))
    assert main(["drift", "--sdk", new, "--since", old, "--report", "-", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["counts"]["breaking"] == 0
    assert {row["subject"] for row in printed["rows"]} >= {"client max_retries"}
    assert main(["drift", "--sdk", new, "--report", "drift.pdf"]) == 2
    assert main(["drift", "--sdk", "none.whl"]) == 2


def test_two_packages_are_compared_without_a_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key in the environment is for other commands; a service that is named is read."""
    monkeypatch.setenv("GETIMG_API_KEY", KEY)
    asked: list[str] = []

    def refuse(url: str, _key: str) -> None:
        asked.append(url)
        raise SettingsError("asked")

    monkeypatch.setattr(drift_run, "read_service", refuse)
    wheel = str(write_wheel(tmp_path / "old.whl"))
    both = ["drift", "--sdk", wheel, "--since", wheel]
    assert main(both) == 0
    assert asked == []
    assert main([*both, "--target", "http://127.0.0.1:9"]) == 2
    assert main(["drift", "--sdk", wheel]) == 2
    assert asked == ["http://127.0.0.1:9", "https://api.getimg.ai"]


def test_models_are_compared_with_the_file_of_the_user(service: MockServer, tmp_path: Path) -> None:
    """What a file says is what its programs rely on."""
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(load_shipped_models()[-1:]), encoding="utf-8")
    report, _ = find_drift(options(service, models=file))
    assert {row.change for row in report.rows} == {"model added"}
    assert drift_run.NO_SDK == "none"


def test_what_no_schema_describes_is_compared_with_what_update_wrote(tmp_path: Path) -> None:
    """Fields of a rate, and how a moment is written, are not lost on the way through a file."""
    models = deepcopy(load_shipped_models())
    models[0]["pricing"]["rates"][0]["volume"] = [{"from": 1000}]
    models[0]["pricing"]["tax"] = "included"
    models[0]["created_at"] = models[0]["created_at"].replace("Z", "+00:00")
    file = tmp_path / "models.json"
    with MockServer(port=0) as server:
        server.workspace(KEY).scenarios.add(on="models.list", answer={"body": models})
        report, _ = find_drift(options(server, models=file, update=True))
        assert [row.change for row in report.rows if row.subject.startswith("model ")] == [
            "added",
            "added",
        ]
        again, _ = find_drift(options(server, models=file))
    assert [row.subject for row in again.rows] == ["models.retrieve response"]  # it has them not


def test_a_model_that_a_models_file_cannot_have_is_compared_and_named(tmp_path: Path) -> None:
    """A role that the API has added must be seen, though no models file can have it yet."""
    models = deepcopy(load_shipped_models())
    models[0]["supported_references"]["mask_image"] = 1
    models[0]["name"] = "Another"
    with MockServer(port=0) as server:
        server.workspace(KEY).scenarios.add(on="models.list", answer={"body": models})
        report, _ = find_drift(options(server))
        found = {(row.subject.rpartition(" ")[2], row.change) for row in report.rows}
        assert {
            ("supported_references.mask_image", "invalid response"),
            ("mask_image", "limit changed"),
            ("name", "values changed"),
        } <= found
        assert report.status == 0
        with pytest.raises(SettingsError, match="--update wrote nothing"):
            find_drift(options(server, models=tmp_path / "models.json", update=True))
