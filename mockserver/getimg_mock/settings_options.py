"""The settings as keyword arguments, for type checkers and editors.

`Settings` has the values as they are used; these types have what may be given for each. A test
compares the two: every setting is here, and every type that is named here is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - read at run time by the test that compares
from decimal import Decimal  # noqa: TC003 - see above
from pathlib import Path  # noqa: TC003 - see above
from typing import Literal, TypedDict

from getimg_mock.setting_values import MediaSize, Span  # noqa: TC001 - see above


class ChangeableOptions(TypedDict, total=False):
    """Settings that can be changed while a workspace lives, by `Workspace.configure`."""

    image_seconds: Span | float | str | Path
    video_seconds: Span | float | str | Path | None
    fail_rate: float
    retention: float
    charge_at: Literal["completion", "submission"]


class SharedOptions(ChangeableOptions, total=False):
    """Settings that a server and a single test take alike."""

    seed: str
    models: Path | str | None
    timing: Literal["instant", "observed"]
    strictness: Literal["full", "schema"]
    balance: Decimal | float | str
    image_rpm: int | None
    video_rpm: int | None
    concurrent: int | None
    rate_window: int
    silent_sound: Literal["accept", "refuse"]
    tampered_status: int
    expired_status: int
    unknown_download_status: int
    key_pattern: str
    max_body_mib: int
    reference_megapixels: int
    media_size: MediaSize
    media: Sequence[str] | str
    font: Path | str | None
    on_miss: Literal["fail", "fake", "real"]
    replay_ignore: Sequence[str] | str
    media_cache_mib: int
    magic: bool
    journal_exchanges: int
    journal_mib: int
    check_responses: bool
    mock_headers: bool


class SettingsOptions(SharedOptions, total=False):
    """All settings, as `Settings.of`, `MockServer` and `create_app` take them."""

    host: str
    port: int
    tls: bool
    tls_port: int | None
    tls_cert: Path | str | None
    tls_key: Path | str | None
    tls_host: Sequence[str] | str
    limits: Literal["generous", "realistic"]
    replay: Path | str | None
    trust_forwarded: bool
    max_workspaces: int
    store: str
    workers: int
    clock: str
    scenario: Sequence[str] | str
    control_token: str | None
    quiet: bool
    log_format: Literal["text", "json"]
