"""The official Python SDK, driven as its README shows.

It has no waiter and no download: those two are the loops of the README, word for word, without
the deadline and the checks that the README does not have either.
"""

from __future__ import annotations

import asyncio
import logging
import time  # noqa: TID251 - a client waits on its own clock
from datetime import datetime
from pathlib import Path
from typing import Any

import getimg
import httpx
from getimg import AsyncGetimgAI, GetimgAI

_PAUSE = 5
_LOG = logging.getLogger("readme")  # where the README prints
_SUFFIXES = {"image/png": ".png", "image/webp": ".webp", "video/mp4": ".mp4"}


def _build_options(timeout: float | None, max_retries: int | None) -> dict[str, Any]:
    given: dict[str, Any] = {"timeout": timeout, "max_retries": max_retries}
    return {name: value for name, value in given.items() if value is not None}


def _build_path(item: dict[str, Any], directory: str, index: int) -> Path:
    return Path(directory, f"output-{index}{_SUFFIXES.get(item['mime_type'], '.jpg')}")


def _parse_moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class OfficialSDK:
    """The synchronous client."""

    environment = {"base_url": "GETIMG_AI_BASE_URL", "key": "GETIMG_API_KEY"}  # noqa: RUF012 - read only

    def __init__(
        self,
        *,
        base_url: str | None,
        key: str | None,
        timeout: float | None = None,
        max_retries: int | None = None,
    ) -> None:
        self.client = GetimgAI(
            base_url=base_url, api_key=key, **_build_options(timeout, max_retries)
        )

    def generate_image(self, **fields: Any) -> Any:
        """Return the finished image."""
        return self.client.images.generate(**fields)

    def submit_video(self, **fields: Any) -> Any:
        """Return id and status."""
        return self.client.videos.generations.create(**fields)

    def retrieve_video(self, id: str) -> Any:  # noqa: A002 - named by the driver protocol
        """Return the status of a video."""
        return self.client.videos.generations.retrieve(id)

    def generate_video(self, **fields: Any) -> Any:
        """Return the finished video, after the loop of the README."""
        submission = self.client.videos.generations.create(**fields)
        _LOG.info("Submitted: %s", submission.id)
        result = self.client.videos.generations.retrieve(submission.id)
        while result.status == "pending":
            time.sleep(_PAUSE)
            result = self.client.videos.generations.retrieve(submission.id)
        if result.status == "failed":
            raise RuntimeError(f"Failed: {result.error.message}")
        _ = result.data[0]
        return result

    def download(
        self, *, result: dict[str, Any], directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        """Save a file as the README does."""
        del overwrite
        item = result["data"][index]
        path = _build_path(item, directory, index)
        with path.open("wb") as file:
            file.write(httpx.get(item["url"]).content)
        return str(path)

    def models(self, type: str | None = None) -> Any:  # noqa: A002 - named by the driver protocol
        """Return the models."""
        return self.client.models.list(**({"type": type} if type else {}))  # type: ignore[arg-type]

    def model(self, id: str) -> Any:  # noqa: A002 - named by the driver protocol
        """Return one model."""
        return self.client.models.retrieve(id)

    def balance(self) -> Any:
        """Return the balance."""
        return self.client.billing.retrieve_balance()

    def costs(self, start: str, end: str) -> Any:
        """Return the costs of a range."""
        return self.client.billing.list_costs(start=_parse_moment(start), end=_parse_moment(end))

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


class AsyncOfficialSDK:
    """The asynchronous client."""

    environment = OfficialSDK.environment

    def __init__(
        self,
        *,
        base_url: str | None,
        key: str | None,
        timeout: float | None = None,
        max_retries: int | None = None,
    ) -> None:
        options = _build_options(timeout, max_retries)
        self.client = AsyncGetimgAI(base_url=base_url, api_key=key, **options)

    async def generate_image(self, **fields: Any) -> Any:
        """Return the finished image."""
        return await self.client.images.generate(**fields)

    async def submit_video(self, **fields: Any) -> Any:
        """Return id and status."""
        return await self.client.videos.generations.create(**fields)

    async def retrieve_video(self, id: str) -> Any:  # noqa: A002 - named by the driver protocol
        """Return the status of a video."""
        return await self.client.videos.generations.retrieve(id)

    async def generate_video(self, **fields: Any) -> Any:
        """Return the finished video, after the loop of the README."""
        submission = await self.client.videos.generations.create(**fields)
        _LOG.info("Submitted: %s", submission.id)
        result = await self.client.videos.generations.retrieve(submission.id)
        while result.status == "pending":
            await asyncio.sleep(_PAUSE)  # noqa: TID251 - a client waits on its own clock
            result = await self.client.videos.generations.retrieve(submission.id)
        if result.status == "failed":
            raise RuntimeError(f"Failed: {result.error.message}")
        _ = result.data[0]
        return result

    async def download(
        self, *, result: dict[str, Any], directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        """Save a file as the README does, with httpx's asynchronous client."""
        del overwrite
        item = result["data"][index]
        path = _build_path(item, directory, index)
        async with httpx.AsyncClient() as client:
            answer = await client.get(item["url"])
        path.write_bytes(answer.content)
        return str(path)

    async def models(self, type: str | None = None) -> Any:  # noqa: A002 - named by the driver protocol
        """Return the models."""
        return await self.client.models.list(**({"type": type} if type else {}))  # type: ignore[arg-type]

    async def model(self, id: str) -> Any:  # noqa: A002 - named by the driver protocol
        """Return one model."""
        return await self.client.models.retrieve(id)

    async def balance(self) -> Any:
        """Return the balance."""
        return await self.client.billing.retrieve_balance()

    async def costs(self, start: str, end: str) -> Any:
        """Return the costs of a range."""
        return await self.client.billing.list_costs(
            start=_parse_moment(start), end=_parse_moment(end)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()


VERSION = getimg.__version__

if not hasattr(GetimgAI, "billing"):  # before 0.4.0
    for _client in (OfficialSDK, AsyncOfficialSDK):
        for _newer in ("model", "balance", "costs"):
            setattr(_client, _newer, None)
make = OfficialSDK
make_async = AsyncOfficialSDK
