"""Forwarding a client's requests to another service than the fake, each exactly once.

The client has a placeholder key, and links to this port. The forwarder puts the real key and the
links of the service in their place. Files on another host are fetched without a key.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.contract.clients.cases.case_rules import KEY
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, build_error
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.steps import Send
from getimg_mock.contract.targets.execution import PreparedRequest, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from getimg_mock.contract.clients.fault_serving.fault_server import ReceivedRequest
    from getimg_mock.contract.targets.http_target import HttpSession, HttpTarget

_DOWNLOADS: Final = "/v2/downloads/"
_HOP_HEADERS: Final = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
_REPLACED_HEADERS: Final = frozenset({"host", "authorization", "content-length", "accept-encoding"})


@dataclass
class Forwarder:
    """The forwarder of one case.

    `here` is the URL that the client uses; `refused` lists requests that the budget refused.
    """

    address: HttpTarget
    here: str = ""
    refused: list[str] = field(default_factory=list)
    _links: dict[str, str] = field(default_factory=dict)
    _sessions: dict[str, HttpSession] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._plan = Plan(name="a client's requests", steps=())
        self._sessions[""] = self._open.enter_context(self.address.open_session(self._plan))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def __call__(self, asked: ReceivedRequest) -> WireAnswer:
        """Forward a request and return the answer."""
        link = self._links.get(asked.target, "")
        parts = urlsplit(link)
        session = self._open_session(f"{parts.scheme}://{parts.netloc}" if link else "")
        target = parts.path + (f"?{parts.query}" if parts.query else "") if link else asked.target
        path, _, query = target.partition("?")
        step = Send(method=asked.method, path=path, query=query, body=asked.body or None)
        sent = PreparedRequest(asked.method, target, self._headers(asked), asked.body or None)
        try:
            came = session.exchange(sent, step)
        except RefusedError as error:
            self.refused.append(str(error))
            return build_error(402, "quota_exceeded", f"The budget does not allow this: {error}")
        kept = tuple(pair for pair in came.headers if pair[0] not in _HOP_HEADERS)
        return self._with_our_links(WireAnswer(came.status or 502, kept, came.body))

    def _headers(self, asked: ReceivedRequest) -> tuple[tuple[str, str], ...]:
        """Return a request's headers with the real key; downloads get no key."""
        headers = [(n.lower(), v) for n, v in asked.headers if n.lower() not in _REPLACED_HEADERS]
        if not asked.target.startswith(_DOWNLOADS):
            real = self._sessions[""].keys["a"]
            headers += [
                ("authorization", value.replace(KEY, real))
                for name, value in asked.headers
                if name.lower() == "authorization"
            ]
        return tuple(headers)

    def _with_our_links(self, answer: WireAnswer) -> WireAnswer:
        body = answer.body
        for url in _urls(answer.json):
            parts = urlsplit(url)
            path = parts.path.removeprefix(urlsplit(self.address.url).path.rstrip("/"))
            if not path.startswith(_DOWNLOADS):
                path = f"{_DOWNLOADS}elsewhere/{len(self._links)}"
            local = path + (f"?{parts.query}" if parts.query else "")
            self._links[local] = url
            # Replaced in the text: encoding the JSON again could change the form of amounts.
            for shown in (json.dumps(url), json.dumps(url).replace("/", "\\/")):
                body = body.replace(shown.encode(), json.dumps(self.here + local).encode())
        return replace(answer, body=body)

    def _open_session(self, origin: str) -> HttpSession:
        if origin not in self._sessions:
            other = replace(self.address, url=origin)
            self._sessions[origin] = self._open.enter_context(other.open_session(self._plan))
        return self._sessions[origin]


def _urls(value: Any) -> Iterator[str]:
    data = value.get("data") if isinstance(value, dict) else None
    for item in data if isinstance(data, list) else ():
        url = item.get("url") if isinstance(item, dict) else None
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            yield url
