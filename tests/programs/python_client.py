"""A program with the API's address written in it: python_client.py urllib, or another library."""

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import Mapping

API = "https://api.getimg.ai/v2"
HEADERS = {
    "Authorization": f"Bearer {os.environ['GETIMG_API_KEY']}",
    "Content-Type": "application/json",
}


def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    """Return the body of an answer, by the library that the command line names."""
    library = sys.argv[1]
    if library == "urllib":
        request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310 - https
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - https
            return bytes(answer.read())
    if library == "requests":
        import requests  # noqa: PLC0415 - one library a run

        return requests.request(method, url, headers=headers, data=body, timeout=30).content
    if library == "httpx":
        import httpx  # noqa: PLC0415 - one library a run

        return httpx.request(method, url, headers=headers, content=body, timeout=30).content
    return asyncio.run(_send_aiohttp(method, url, headers, body))


async def _send_aiohttp(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    import aiohttp  # noqa: PLC0415 - one library a run

    async with (
        aiohttp.ClientSession(trust_env=True) as session,
        session.request(method, url, headers=headers, data=body) as answer,
    ):
        return await answer.read()


def submit(path: str, fields: dict[str, str], **more: str) -> dict[str, object]:
    """Return the JSON that a submission is answered with."""
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in more.items()}}
    answer: dict[str, object] = json.loads(
        send("POST", API + path, headers, json.dumps(fields).encode())
    )
    return answer


def show(what: str, answer: dict[str, object]) -> None:
    """Print the size of what a generation's link leads to."""
    data = answer["data"]
    assert isinstance(data, list)
    sys.stdout.write(f"{what} {len(send('GET', data[0]['url'], {}))}\n")


IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
try:
    submit("/images/generations", IMAGE, X_Mock_Behaviour="fault=reset after_commit")
except Exception:  # noqa: BLE001 - each library has its own
    sys.stdout.write("lost\n")
show("picture", submit("/images/generations", IMAGE))
video = submit("/videos/generations", {"model": "seedance-v1-5-pro", "prompt": "Waves"})
show("video", json.loads(send("GET", f"{API}/videos/generations/{video['id']}", HEADERS)))
