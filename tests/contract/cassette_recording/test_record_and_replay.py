"""What a client got when it was recorded is what every client gets from the replay."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from getimg import APIStatusError, AsyncGetimgAI, GetimgAI

from getimg_mock import MockServer, Settings, create_app
from getimg_mock.cassettes.inspection import inspect_cassette
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.cassette_recording.recording_run import (
    RecordingOptions,
    finish_recording,
    open_recording,
)
from getimg_mock.control.channels import LocalChannel
from getimg_mock.control.handle import WorkspaceHandle
from getimg_mock.testing.httpx_transport import HttpxTransport
from getimg_mock.world.requests import to_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from getimg_mock.application import Application

KEY = "sk_recorded0123456789abcdef"
IMAGE: dict[str, Any] = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
REFUSED: dict[str, Any] = IMAGE | {"resolution": "8K"}
VIDEO: dict[str, Any] = {
    "model": "seedance-v1-5-pro",
    "prompt": "Waves",
    "resolution": "480p",
    "duration": 4,
}
FAILING: dict[str, Any] = VIDEO | {"model": "seedance-v1-pro"}
OWN = ("id", "url", "deletes_at", "created_at")  # the SDK writes the last in a way of its own


def strip(value: Any) -> Any:
    """Return a value of JSON without what each run has of its own; 5.0 is 5."""
    if isinstance(value, dict):
        return {name: strip(each) for name, each in value.items() if name not in OWN}
    return [strip(each) for each in value] if isinstance(value, list) else to_whole(value)


def use_sdk(client: GetimgAI, wait: Callable[[], object]) -> list[Any]:
    """Return what the official SDK got, in order, with the bytes of the files."""
    image = client.images.generate(**IMAGE)
    found: list[Any] = [image.model_dump(mode="json")]
    with pytest.raises(APIStatusError) as caught:
        client.images.generate(**REFUSED)
    found.append([caught.value.status_code, caught.value.body])
    videos = [client.videos.generations.create(**each) for each in (VIDEO, FAILING)]
    wait()
    for each in videos:
        state: Any = client.videos.generations.retrieve(each.id)
        found.append(state.model_dump(mode="json"))
    found.append([each.model_dump(mode="json") for each in client.models.list(type="image")])
    links = (image.data[0].url, found[2]["data"][0]["url"])
    found += [client._client.get(each).content for each in links]
    return list(map(strip, found))


async def use_async_sdk(client: AsyncGetimgAI, wait: Callable[[], object]) -> list[Any]:
    """Return what the asynchronous SDK got; what is independent is sent together."""
    image, first, second = await asyncio.gather(
        client.images.generate(**IMAGE),
        client.videos.generations.create(**VIDEO),
        client.videos.generations.create(**FAILING),
    )
    with pytest.raises(APIStatusError) as caught:
        await client.images.generate(**REFUSED)
    wait()
    states = [await client.videos.generations.retrieve(each.id) for each in (second, first)]
    failed, completed = (each.model_dump(mode="json") for each in states)
    models = [each.model_dump(mode="json") for each in await client.models.list(type="image")]
    links = (image.data[0].url, completed["data"][0]["url"])
    files = [(await client._client.get(each)).content for each in links]
    refused = [caught.value.status_code, caught.value.body]
    found = [image.model_dump(mode="json"), refused, completed, failed, models, *files]
    return list(map(strip, found))


def use_httpx(client: httpx.Client, wait: Callable[[], object]) -> list[Any]:
    """Return what a client without a library got, backwards where the order is free."""
    videos = {
        name: client.post("/v2/videos/generations", json=body).json()["id"]
        for name, body in (("failing", FAILING), ("completing", VIDEO))
    }
    refused = client.post("/v2/images/generations", json=REFUSED)
    image = client.post("/v2/images/generations", json=dict(reversed(IMAGE.items()))).json()
    wait()
    states = {
        name: client.get(f"/v2/videos/generations/{each}").json() for name, each in videos.items()
    }
    models = client.get("/v2/models?type=image").json()
    files = []
    for answer in (image, states["completing"]):
        link = answer["data"][0]["url"]
        whole = client.get(link).content
        part = client.get(link, headers={"Range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, whole[5:10])
        files.append(whole)
    refusal = [refused.status_code, refused.json()]
    found = [image, refusal, states["completing"], states["failing"], models, *files]
    return list(map(strip, found))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """Record the official SDK against a service with an order of its own; return what it got."""
    folder = tmp_path_factory.mktemp("recorded") / "cassette"
    with MockServer(seed="real", balance="7.31", retention=7200, video_seconds=0) as upstream:
        workspace = upstream.workspace(KEY)
        workspace.transitions.set(model="seedance-v1-pro", failed="content_policy_violation")
        options = RecordingOptions(
            folder=folder, upstream=upstream.url, budget="2", record=SpendRecord()
        )
        app = open_recording(options, Settings.of(quiet=True))
        recorder = MockServer(port=0)
        recorder.app = app
        with recorder, GetimgAI(base_url=recorder.url, api_key=KEY, max_retries=0) as client:
            found = use_sdk(client, lambda: None)
        finish_recording(app)
    return folder, found


class Replay:
    """A replay in process, with the clock of the client's workspace in hand."""

    def __init__(self, folder: Path) -> None:
        self.app: Application = create_app(replay=folder, clock="virtual", quiet=True, seed="own")
        self.workspace = WorkspaceHandle(LocalChannel(self.app.fake, "sk_any"))
        self.options: dict[str, Any] = {"base_url": "http://replay:1", "api_key": "sk_any"}

    def wait(self) -> None:
        """Let the jobs end."""
        self.workspace.clock.advance(60)


def encode(found: list[Any]) -> str:
    """Return values so that a difference is short."""
    return json.dumps(found, sort_keys=True, default=lambda data: f"{len(data)} {hash(data)}")


def test_the_cassette_has_no_problem_and_no_secret(recorded: tuple[Path, list[Any]]) -> None:
    """Neither by the check nor by a search for the key."""
    folder, _ = recorded
    assert inspect_cassette(folder) == []
    texts = [each.read_bytes() for each in folder.rglob("*.json")]
    assert texts
    assert not any(b"sk_" in each or b"sig=" in each or b"7.31" in each for each in texts)


def test_the_official_sdk_gets_the_same(recorded: tuple[Path, list[Any]]) -> None:
    """Values, errors, the failed video, the catalogue and the bytes of the files."""
    folder, expected = recorded
    replay = Replay(folder)
    with GetimgAI(
        **replay.options, http_client=httpx.Client(transport=HttpxTransport(replay.app))
    ) as client:
        found = use_sdk(client, replay.wait)
    assert encode(found) == encode(expected)
    spent = 100 - replay.workspace.ledger.balance
    assert float(spent) == sum(each["usage"]["total_cost"] for each in (found[0], found[2]))


def test_the_asynchronous_sdk_gets_the_same(recorded: tuple[Path, list[Any]]) -> None:
    """Also when its requests are sent in another order, and together."""
    folder, expected = recorded
    replay = Replay(folder)

    async def main() -> list[Any]:
        http_client = httpx.AsyncClient(transport=HttpxTransport(replay.app))
        async with AsyncGetimgAI(**replay.options, http_client=http_client) as client:
            return await use_async_sdk(client, replay.wait)

    assert encode(asyncio.run(main())) == encode(expected)


def test_httpx_gets_the_same_until_the_links_expire(recorded: tuple[Path, list[Any]]) -> None:
    """The body's fields may be in another order; links expire after the recorded two hours."""
    folder, expected = recorded
    replay = Replay(folder)
    headers = {"Authorization": "Bearer sk_any"}
    with httpx.Client(
        transport=HttpxTransport(replay.app), base_url="http://replay:1", headers=headers
    ) as client:
        assert encode(use_httpx(client, replay.wait)) == encode(expected)
        link = client.post("/v2/images/generations", json=IMAGE).json()["data"][0]["url"]
        replay.workspace.clock.advance(7100)
        assert client.get(link).status_code == 200
        replay.workspace.clock.advance(200)
        assert client.get(link).status_code == 410


_NODE = """
const head = {Authorization: "Bearer sk_any", "Content-Type": "application/json"};
const url = process.argv[1] + "/v2/images/generations";
const send = (body) => fetch(url, {method: "POST", headers: head, body});
const image = await (await send(process.argv[2])).json();
const refused = await send(process.argv[3]);
const file = Buffer.from(await (await fetch(image.data[0].url)).arrayBuffer());
const found = [image, [refused.status, await refused.json()], file.toString("base64")];
console.log(JSON.stringify(found));
"""


def _run(*command: str) -> bytes:
    done = subprocess.run(  # noqa: S603 - programs of this test
        command, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def use_curl(url: str) -> list[Any]:
    """Return what curl got: an image, a refusal and the file of the image."""
    call = (
        "curl",
        "-sS",
        "-H",
        "Authorization: Bearer sk_any",
        "-H",
        "Content-Type: application/json",
    )
    place = f"{url}/v2/images/generations"
    image = json.loads(_run(*call, "-d", json.dumps(IMAGE), place))
    body, _, status = _run(
        *call, "-w", "\n%{http_code}", "-d", json.dumps(REFUSED), place
    ).rpartition(b"\n")
    return [image, [int(status), json.loads(body)], _run("curl", "-sS", image["data"][0]["url"])]


def use_node(url: str) -> list[Any]:
    """Return the same, as Node's fetch gets it."""
    program = ("node", "--input-type=module", "--eval", _NODE)
    image, refused, file = json.loads(_run(*program, url, json.dumps(IMAGE), json.dumps(REFUSED)))
    return [image, refused, base64.b64decode(file)]


@pytest.mark.parametrize(("program", "use"), [("curl", use_curl), ("node", use_node)])
def test_programs_of_other_languages_get_the_same(
    recorded: tuple[Path, list[Any]], program: str, use: Callable[[str], list[Any]]
) -> None:
    """A cassette that the SDK recorded answers any client on the network."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    folder, found = recorded
    with MockServer(replay=folder, seed="own") as server:
        image, refused, file = strip(use(server.url))
    assert image == found[0]
    assert refused == found[1]
    assert file == found[-2]
