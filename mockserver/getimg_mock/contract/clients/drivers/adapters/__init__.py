"""Adapters that ship: for the official Python SDK, and for plain httpx."""

from __future__ import annotations

from typing import Final

SHIPPED: Final = {
    "official-sdk": f"{__name__}.official_sdk:make",
    "official-sdk-async": f"{__name__}.official_sdk:make_async",
    "httpx": f"{__name__}.httpx_client:make",
}
"""The adapters by their name on the command line."""
