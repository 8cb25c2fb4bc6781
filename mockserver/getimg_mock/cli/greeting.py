"""What `getimg-mock serve` prints when it answers: how to point a client at it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from getimg_mock.control.page_files import EXAMPLE_KEY

if TYPE_CHECKING:
    from pathlib import Path

_TLS = """
HTTPS is at {url}{trust}.
"""
_TRUST = "; getimg-mock ca shows how programs trust it"
_CONTROL = """
The controls under /__mock__/ ask for this token in the header X-Mock-Token:
  export GETIMG_MOCK_TOKEN={token}
"""
_RECORDING = """\
getimg-mock answers at {url} (Ctrl-C stops it, and writes the cassette)

{requests} go on to {upstream}, with the key that they come with, and are recorded in {folder}.
{money}

Point a client at it, which keeps its own key:
  export GETIMG_AI_BASE_URL={url}

"""
_PAID = (
    "What they generate is charged there: at most {budget} USD today (UTC), over all runs. What "
    "could cost more is refused."
)
_READS = "Reads alone pass. To let generations pass, allow an amount: --budget 0.50."


def render_greeting(
    url: str, token: str | None = None, secure: str | None = None, authority: Path | None = None
) -> str:
    """Return what to do next, ready to copy; `secure` is the address of HTTPS."""
    control = _CONTROL.format(token=token) if token else ""
    if secure:
        control = _TLS.format(url=secure, trust=_TRUST if authority else "") + control
    trust = f"--cacert {shlex.quote(str(authority))} " if url == secure and authority else ""
    return f"""\
getimg-mock answers at {url} (Ctrl-C stops it)

Point a client at it:
  export GETIMG_AI_BASE_URL={url}
  export GETIMG_API_KEY={EXAMPLE_KEY}

Or try it with curl:
  curl -s {trust}{url}/v2/images/generations -H "Authorization: Bearer {EXAMPLE_KEY}" \\
    -H "Content-Type: application/json" \\
    -d '{{"model": "seedream-5-lite", "prompt": "A lighthouse"}}'

Pictures, jobs, time and money: {url}/__mock__/

Any key that begins with sk_ opens a workspace of its own. Nothing here costs anything.
{control}
"""


def render_recording_greeting(
    url: str, upstream: str, folder: Path, budget: str | None, *, unrecorded: bool
) -> str:
    """Return what a recorder does: it costs money, as a fake does not.

    `unrecorded` says that a cassette is replayed, and other requests alone are sent.
    """
    return _RECORDING.format(
        url=url,
        requests="Requests that the cassette does not have" if unrecorded else "All requests",
        upstream=upstream,
        folder=folder,
        money=_READS if budget is None else _PAID.format(budget=budget),
    )
