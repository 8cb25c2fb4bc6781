"""The suite: all checks of a provider."""

from __future__ import annotations

from typing import Final

from getimg_mock.contract.discovery import discover_checks
from getimg_mock.contract.provider import checks

CHECKS: Final = discover_checks(checks)
"""GP: what a provider must do."""
