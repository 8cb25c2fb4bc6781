"""The files of the page at `/__mock__/`: markup, style and scripts, shipped in the package.

They hold nothing of any workspace: the page reads everything through the control commands.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from getimg_mock._shipped import open_package_folder

if TYPE_CHECKING:
    from starlette.types import Scope, Send

EXAMPLE_KEY: Final = "sk_mock_example"
"""The key of the examples; any other that begins with `sk_` does as well."""

_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

# Scripts and styles come from this server alone; nothing is inline, and no page may frame this one.
POLICY: Final = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' blob:; "
    "connect-src 'self'; "
    "base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class PageFile(NamedTuple):
    """One file of the page."""

    media_type: str
    data: bytes


@cache
def load_page_files() -> dict[str, PageFile]:
    """Return the files by their paths below the prefix; the page itself is that of `/`."""
    found = {}
    for each in open_package_folder("control", "page").iterdir():
        ending = each.name[each.name.rfind(".") :]
        if ending in _MEDIA_TYPES:
            path = "/" if each.name == "index.html" else f"/page/{each.name}"
            found[path] = PageFile(_MEDIA_TYPES[ending], each.read_bytes())
    return found


def prefers_html(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether a request accepts HTML, as browsers say and API clients do not."""
    return any(name == b"accept" and b"text/html" in value.lower() for name, value in headers)


async def send_welcome(url: str, scope: Scope, send: Send) -> None:
    """Send the page at `/`: what this is, and how to point a client at it.

    `url` is the address of this server, checked, so that it needs no escaping.
    """
    body = _render_welcome(url, EXAMPLE_KEY)
    headers = [
        (b"content-type", _MEDIA_TYPES[".html"].encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        *HEADERS,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _render_welcome(url: str, example_key: str) -> bytes:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>getimg-mock</title>
<link rel="icon" href="__mock__/page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="__mock__/page/page.css">
</head>
<body class="welcome">
<main>
<h1>getimg-mock</h1>
<p>This is a stand-in for the getimg.ai v2 API. Nothing here costs anything.</p>
<p><a class="button" href="__mock__/">See pictures, jobs, time and money</a></p>
<h2>Point a client at it</h2>
<pre><code>export GETIMG_AI_BASE_URL={url}
export GETIMG_API_KEY={example_key}</code></pre>
<h2>Or try it with curl</h2>
<pre><code>curl -s {url}/v2/images/generations \\
  -H "Authorization: Bearer {example_key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "seedream-5-lite", "prompt": "A lighthouse"}}'</code></pre>
</main>
</body>
</html>
""".encode()
