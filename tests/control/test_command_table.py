"""Commands, whatever values they are given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from getimg_mock import GetimgMockError
from getimg_mock.control import command_table
from getimg_mock.control.channels import LocalChannel

if TYPE_CHECKING:
    from getimg_mock import MockServer
    from getimg_mock.control.command import Command
    from tests.control.client import Client


def described(path: str) -> str:
    """Return a path with names for its parameters that belong to nothing."""
    return path.replace("{generation}", "req-none").replace("{rule}", "rule-0")


WORDS = st.sampled_from(
    [
        "10m",
        "flaky",
        "videos.create",
        "seedance-*",
        "completed",
        "2026-12-01T00:00:00Z",
        "sk_x",
        "9999-12-31T23:59:59-23:59",
        "20..60",
        "rate_limit",
        "reset",
        "har",
        "1e400",
        "-0",
        "[",
        "\ud800",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(-2, 50) | st.floats() | WORDS
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(WORDS, SCALARS, max_size=2)


@pytest.mark.parametrize("command", command_table.COMMANDS, ids=lambda command: command.name)
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_breaks_a_command(
    server: MockServer, key: str, command: Command, data: st.DataObject
) -> None:
    """Whatever is sent: an answer that JSON can say, or a refusal; and the workspace works on."""
    names = [each.name for each in command.fields] or ["x"]
    if command.free:
        names += ["on", "status", "latency", "seconds", "polls", "failed", "transition", "prompt"]
    payload = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=3))
    payload = {k: v for k, v in payload.items() if f"{{{k}}}" not in command.path}
    if command.name == "journal.wait":
        payload["timeout"] = 0
    channel = LocalChannel(server.app.fake, key)
    try:
        answer = channel.call(command.method, described(command.path), payload)
        assert isinstance(answer, str) or json.dumps(answer, allow_nan=False)
    except GetimgMockError as error:
        told = str(error)
    else:
        told = ""
    assert len(told) < 1000
    assert channel.call("GET", "/workspace")
    assert channel.call("GET", "/snapshot")


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_with_a_mistake_is_refused_or_works(
    server: MockServer, key: str, client: Client, data: st.DataObject
) -> None:
    """A workspace that was restored from something else must not fail later, on its clients."""
    ws = server.workspace(key)
    ws.reset()
    video = client.video()
    ws.scenarios.add("flaky")
    state = ws.snapshot()
    part: Any = state
    while True:
        name = data.draw(st.sampled_from(sorted(part)) if isinstance(part, dict) else st.just(0))
        deeper = isinstance(part[name], (dict, list)) and part[name] and data.draw(st.booleans())
        if not deeper:
            break
        part = part[name]
    if isinstance(part, dict) and data.draw(st.booleans()):
        del part[name]
    else:
        part[name] = data.draw(VALUES)
    try:
        ws.restore(state)
    except GetimgMockError:
        assert ws.generations[video].status == "pending"
    # The clock is virtual: an image that takes time would wait until it is moved.
    ws.configure(image_seconds=0)
    assert client.image().status < 600
    assert client.get("/v2/billing/balance").status == 200
    assert {each.status for each in ws.generations} <= {"pending", "completed", "failed"}
    assert "internal" not in str(client.poll(video))
