"""Rules that the host of the application cannot apply are refused when they are written."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from getimg_mock import create_app
from getimg_mock.world.behaviours import REPLACEMENT_FAULTS, RESPONSE_FAULTS, SOCKET_FAULTS

HEADERS = {"Authorization": "Bearer sk_socket"}


@pytest.fixture
def client() -> TestClient:
    """Give a client of the application under a host that gives no access to sockets."""
    return TestClient(create_app(quiet=True), headers=HEADERS, base_url="http://localhost")


@pytest.mark.parametrize("fault", [*REPLACEMENT_FAULTS, *RESPONSE_FAULTS])
def test_a_rule_is_refused_exactly_if_it_needs_the_socket(client: TestClient, fault: str) -> None:
    """The refusal names the servers that can, and changes nothing."""
    rule = {"fault": fault}
    answers = [client.post("/__mock__/scenarios", json=each) for each in (rule, {"rules": [rule]})]
    refused = fault in SOCKET_FAULTS
    assert [each.status_code for each in answers] == [400 if refused else 200] * 2
    if refused:
        assert "MockServer" in answers[0].text
        assert client.get("/__mock__/scenarios").json()["rules"] == []


def test_a_named_scenario_with_such_a_rule_is_refused(client: TestClient) -> None:
    """The name stands for its rules."""
    answer = client.post("/__mock__/scenarios", json={"name": "lost-response"})
    assert answer.status_code == 400
    assert "MockServer" in answer.text


@pytest.mark.parametrize("fault", SOCKET_FAULTS)
def test_a_request_that_asks_for_it_gets_an_error_of_the_api(fault: str) -> None:
    """A rule of the settings, or a header, is known only when the request comes."""
    app = create_app(quiet=True)
    with TestClient(app, headers=HEADERS, base_url="http://localhost") as client:
        answer = client.get("/v2/models", headers={"X-Mock-Behaviour": f"fault={fault}"})
    assert answer.status_code == 501
    assert answer.json()["error"]["code"] == "socket_fault_unavailable"
    assert "MockServer" in answer.json()["error"]["message"]
