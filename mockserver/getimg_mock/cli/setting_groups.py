"""The headings under which `serve --help` shows the settings."""

from __future__ import annotations

from typing import Final

from getimg_mock.settings import ADDRESS_SETTINGS

SETTING_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "where it listens": (
        *ADDRESS_SETTINGS,
        "trust_forwarded",
        "control_token",
    ),
    "models, money and limits": (
        "models",
        "strictness",
        "balance",
        "charge_at",
        "limits",
        "image_rpm",
        "video_rpm",
        "concurrent",
        "rate_window",
        "key_pattern",
        "silent_sound",
    ),
    "time, outcomes and faults": (
        "clock",
        "timing",
        "image_seconds",
        "video_seconds",
        "fail_rate",
        "scenario",
        "magic",
        "seed",
    ),
    "recorded outcomes": (
        "replay",
        "on_miss",
        "replay_ignore",
    ),
    "files and links": (
        "media",
        "media_size",
        "font",
        "media_cache_mib",
        "retention",
        "tampered_status",
        "expired_status",
        "unknown_download_status",
        "reference_megapixels",
    ),
    "what is kept": (
        "store",
        "workers",
        "max_workspaces",
        "journal_exchanges",
        "journal_mib",
        "max_body_mib",
    ),
    "what is printed and sent": (
        "check_responses",
        "mock_headers",
        "quiet",
        "log_format",
    ),
}
"""The names of settings by heading. `OTHER` has those that none lists."""

OTHER: Final = "further settings"
"""The heading of settings that no group lists."""


def find_heading(name: str) -> str:
    """Return the heading of a setting."""
    return next((title for title, names in SETTING_GROUPS.items() if name in names), OTHER)
