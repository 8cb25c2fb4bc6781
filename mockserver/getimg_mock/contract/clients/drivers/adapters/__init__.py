"""Adapters for clients that exist: the official Python SDK, and plain httpx."""

from __future__ import annotations

from typing import Final

SHIPPED: Final = {
    "official-sdk": f"{__name__}.official_sdk:make",
    "official-sdk-async": f"{__name__}.official_sdk:make_async",
    "httpx": f"{__name__}.httpx_client:make",
}
"""Adapters that ship, by the name to give on the command line."""
