"""Plain httpx as in a small program: no retries, a polling loop, streamed downloads."""

from __future__ import annotations

import time  # noqa: TID251 - a client waits on its own clock
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

_SUFFIXES = {"image/png": ".png", "image/webp": ".webp", "video/mp4": ".mp4"}


class PlainHttpx:
    """A thin wrapper around `httpx.Client`, with a deadline for videos."""

    lacking = ("retries",)

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        timeout: float = 60.0,
        wait_timeout: float = 300.0,
        poll_interval: float = 5.0,
    ) -> None:
        self._client = httpx.Client(
            base_url=f"{base_url}/v2",
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout,
        )
        self._timeout = timeout
        self._wait_timeout = wait_timeout
        self._poll_interval = poll_interval

    def generate_image(self, **fields: Any) -> Any:
        """Return the finished image."""
        return self._post("images/generations", fields)

    def submit_video(self, **fields: Any) -> Any:
        """Return id and status."""
        return self._post("videos/generations", fields)

    def retrieve_video(self, id: str) -> Any:  # noqa: A002 - named by the driver protocol
        """Return the status of a video."""
        return self._get(f"videos/generations/{quote(id, safe='')}")

    def generate_video(self, **fields: Any) -> Any:
        """Return the finished video."""
        made = self.submit_video(**fields)["id"]
        deadline = time.monotonic() + self._wait_timeout
        while (video := self.retrieve_video(made))["status"] == "pending":
            if time.monotonic() > deadline:
                raise TimeoutError(f"video {made} is still pending")
            time.sleep(self._poll_interval)
        if video["status"] == "failed":
            raise RuntimeError(f"video {made} failed: {video['error']['message']}")
        return video

    def download(
        self, *, result: dict[str, Any], directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        """Save a file."""
        del overwrite
        item = result["data"][index]
        path = Path(directory, f"output-{index}{_SUFFIXES.get(item['mime_type'], '.jpg')}")
        with httpx.stream("GET", item["url"], timeout=self._timeout) as answer:
            answer.raise_for_status()
            with path.open("wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)
        return str(path)

    def models(self, type: str | None = None) -> Any:  # noqa: A002 - named by the driver protocol
        """Return the models."""
        return self._get("models", params={"type": type} if type else None)

    def model(self, id: str) -> Any:  # noqa: A002 - named by the driver protocol
        """Return one model."""
        return self._get(f"models/{quote(id, safe='')}")

    def balance(self) -> Any:
        """Return the balance."""
        return self._get("billing/balance")

    def costs(self, start: str, end: str) -> Any:
        """Return the costs of a range."""
        return self._get("billing/costs", params={"start": start, "end": end})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, path: str, fields: dict[str, Any]) -> Any:
        answer = self._client.post(path, json=fields)
        answer.raise_for_status()
        return answer.json()

    def _get(self, path: str, params: dict[str, str] | None = None) -> Any:
        answer = self._client.get(path, params=params)
        answer.raise_for_status()
        return answer.json()


make = PlainHttpx
