"""What a verification shows on the pages of a CI service: annotations and a summary."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import SettingsError
from getimg_mock.reports.annotations import render_github, render_gitlab
from getimg_mock.reports.documents import as_markdown
from getimg_mock.user_files import write_user_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.reports.run_events import Outcome

SERVICES: Final = ("github", "gitlab", "none")

_VARIABLES: Final = {"github": "GITHUB_ACTIONS", "gitlab": "GITLAB_CI"}
_QUALITY: Final = "gl-code-quality-report.json"
_MOST_BYTES: Final = 1_000_000
"""GitHub refuses a summary of more than 1 MiB."""


def detect_service(environment: Mapping[str, str]) -> str:
    """Return which service runs this process, by its variable, or `none`."""
    found = (name for name, variable in _VARIABLES.items() if environment.get(variable) == "true")
    return next(found, "none")


def publish(outcomes: Sequence[Outcome], service: str) -> None:
    """Show runs on the pages of a service; raises `SettingsError` for a file that it names.

    GitHub reads annotations from standard error, too, and the summary from a file. GitLab reads a
    code quality report, which the job keeps as an artifact.
    """
    if service == "github":
        sys.stderr.write(render_github(outcomes))  # standard output may be a report
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            _append(Path(summary), as_markdown(outcomes))
    elif service == "gitlab":
        folder = Path(os.environ.get("CI_PROJECT_DIR") or ".")
        write_user_file(folder / _QUALITY, render_gitlab(outcomes))


def _append(path: Path, text: str) -> None:
    data = text.encode(errors="backslashreplace")
    if len(data) > _MOST_BYTES:
        data = data[:_MOST_BYTES] + b"\n\nThe rest is too long for a summary.\n"
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from None
