"""Faults of transport, of concurrency, and of what requests say."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.good_clients import HttpxAsync, HttpxPlain
from tests.contract.clients_by_others.registry import enlist, faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sync_transports import RequestsClient, lowered

TRANSPORT = "transport"
CONCURRENCY = "concurrency"
REQUESTS = "requests"


@faulty(TRANSPORT)
class TimeoutPerRead(HttpxPlain):
    """Has a timeout for each read only: an answer that drips holds the call without end."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        with self.open(method, url, body, headers, self.timeout) as (status, got, chunks):
            return Answer(status, got, b"".join(chunks))


@faulty(TRANSPORT)
class NoReadTimeout(HttpxPlain):
    """Bounds connecting alone: silence after the request holds the call for ever."""

    def make_pool(self) -> httpx.Client:
        made = super().make_pool()
        send = made.stream

        def stream(*words: Any, **named: Any) -> Any:
            return send(*words, **{**named, "timeout": httpx.Timeout(None, connect=10)})

        made.stream = stream  # type: ignore[method-assign]
        return made


@faulty(TRANSPORT)
class UnpacksEverything(HttpxPlain):
    """Asks for gzip and unpacks answers of any size into memory."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Accept-Encoding": "gzip, deflate"}

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = self.http.request(method, url, content=body, headers=headers, timeout=self.timeout)
        return Answer(answer.status_code, lowered(answer.headers), answer.content)


@faulty(TRANSPORT)
class PromisesBrotli(HttpxPlain):
    """Asks for zstd, and hands the coded bytes on as they are."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Accept-Encoding": "gzip, br, zstd"}

    def chunks(self, answer: httpx.Response) -> Iterator[bytes]:
        if answer.headers.get("content-encoding") == "gzip":
            return answer.iter_bytes()
        return answer.iter_raw()


@faulty(TRANSPORT)
class LeaksAnswersOfErrors(HttpxPlain):
    """Opens a client for each call and closes it only where the answer is good."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        http = self.make_pool()
        self.kept.append(http)
        answer = http.request(method, url, content=body, headers=headers, timeout=self.timeout)
        if answer.status_code < 400:
            self.kept.remove(http)
            http.close()
        return Answer(answer.status_code, lowered(answer.headers), answer.content)

    def prepare(self) -> None:
        self.kept: list[httpx.Client] = []


@faulty(TRANSPORT, style="aiohttp", program=True)
class SessionPerCall(AiohttpClient):
    """Makes a session of aiohttp for each call and never closes one."""

    def prepare(self) -> None:
        self.sessions: list[Any] = []

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        self.sessions.append(self.session)
        self.session = self.make_session()
        return await super().exchange(method, url, body, headers)


@faulty(TRANSPORT, style="requests", program=True)
class RequestsWithoutTimeout(RequestsClient):
    """Forgets the timeout, which requests does not have by itself."""

    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Any:
        return super().open(method, url, body, headers, None)  # type: ignore[arg-type]


@faulty(CONCURRENCY)
class PoolOverFork(HttpxPlain):
    """Keeps one pool for the process and its forked children."""

    @property
    def http(self) -> httpx.Client:
        if self.pool is None:
            self.pool = self.make_pool()
        return self.pool


@faulty(CONCURRENCY)
class SharedBody(HttpxPlain):
    """Builds each request in one object on the client: two threads mix their prompts."""

    def prepare(self) -> None:
        self.fields: dict[str, Any] = {}

    def body(self, fields: dict[str, Any]) -> bytes:
        self.fields.update(fields)
        return super().body(self.fields)


@faulty(CONCURRENCY)
class ChangesArguments(HttpxPlain):
    """Adds the role to the caller's own reference images."""

    def body(self, fields: dict[str, Any]) -> bytes:
        for image in fields.get("images") or []:
            image.setdefault("role", "reference_image")
        return super().body(fields)


@faulty(CONCURRENCY)
class ThreadPerCall(HttpxPlain):
    """Starts a watchdog thread for each call that lives for an hour."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        threading.Thread(target=threading.Condition().wait, daemon=True).start()
        return super().attempt(method, url, body)


@faulty(CONCURRENCY, style="httpx-async")
class AnswersByPlace(HttpxAsync):
    """Keeps the last answer on the client between two awaits: tasks read each other's."""

    last: Any = None

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        self.last = await super().call(method, url, body)
        await self.sleep(0)
        answer: Answer = self.last
        return answer


@faulty(REQUESTS)
class CutsPrompts(HttpxPlain):
    """Cuts prompts after 1,000 characters, the limit of another vendor."""

    def body(self, fields: dict[str, Any]) -> bytes:
        return super().body({**fields, "prompt": fields["prompt"][:1000]})


@faulty(REQUESTS)
class StripsPrompts(HttpxPlain):
    """Strips prompts and joins their lines into one."""

    def body(self, fields: dict[str, Any]) -> bytes:
        return super().body({**fields, "prompt": " ".join(fields["prompt"].split())})


@faulty(REQUESTS)
class NullsForAbsent(HttpxPlain):
    """Sends null for each optional field that the caller left out."""

    def body(self, fields: dict[str, Any]) -> bytes:
        return json.dumps({"aspect_ratio": None, "resolution": None, **fields}).encode()


@faulty(REQUESTS)
class NumbersAsTexts(HttpxPlain):
    """Sends duration and sound as texts, as a form would."""

    def body(self, fields: dict[str, Any]) -> bytes:
        texts: dict[str, Any] = {
            name: str(fields[name]) for name in ("duration", "sound") if name in fields
        }
        return super().body({**fields, **texts})


@faulty(REQUESTS)
class OldFields(HttpxPlain):
    """Sends width and height of v1 instead of the ratio."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if name != "aspect_ratio"}
        return super().body({**kept, "width": 1024, "height": 1024})


@faulty(REQUESTS, blocker=True)
class IdsUnencoded(HttpxPlain):
    """Puts ids into the path as they come: `../../models` is another endpoint."""

    def segment(self, id: str) -> str:
        return id


@faulty(REQUESTS)
class IdsEncodedTwice(HttpxPlain):
    """Encodes ids of models twice, so that a slash arrives as %252F."""

    def segment(self, id: str) -> str:
        return super().segment(super().segment(id))


@faulty(REQUESTS)
class MomentsWithoutZone(HttpxPlain):
    """Sends start and end of costs without their zone."""

    def moment(self, value: datetime | str) -> str:
        return str(value)[:19].replace(" ", "T")


@faulty(REQUESTS)
class PlusUnencoded(HttpxPlain):
    """Leaves the plus of an offset as it is in the query, where it means a space."""

    def url(self, path: str, query: dict[str, str] | None = None) -> str:
        return super().url(path) + (f"?{urlencode(query or {}, safe=':+')}" if query else "")


@faulty(REQUESTS)
class DefaultSound(HttpxPlain):
    """Asks for sound where the caller said nothing, which costs more."""

    def submit_video(self, **fields: Any) -> Any:
        return super().submit_video(**{"sound": True, **fields})


@faulty(REQUESTS)
class FixedAddress(HttpxPlain):
    """Keeps the host of base_url and drops its path: a gateway's prefix is lost."""

    def url(self, path: str, query: dict[str, str] | None = None) -> str:
        whole = httpx.URL(super().url(path, query))
        return str(httpx.URL(self.base_url).copy_with(raw_path=b"/")).rstrip("/") + (
            path + (f"?{whole.query.decode()}" if query else "")
        )


for said, told, subject, risky in (
    ("retries_all", "Node: retries every failure, orders included.", "retries and money", True),
    ("retry_after_ms", "Node: reads Retry-After as milliseconds.", "retries and money", False),
    ("poll_gives_up", "Node: ends the wait at the first failed poll.", "polling", False),
    ("key_on_download", "Node: sends the key with downloads.", "downloads", True),
    ("any_status", "Node: saves any 2xx as the file.", "downloads", True),
    ("in_place", "Node: streams into the final name and leaves halves.", "downloads", True),
    ("redirects", "Node: leaves redirects to fetch's default.", "secrets", False),
    ("no_timeout", "Node: calls of the API have no timeout.", "transport", False),
):

    def node() -> None:
        """Stand for a program of Node."""

    node.__name__, node.__doc__ = f"node_{said}", told
    enlist(
        "node-fetch",
        subject=subject,
        blocker=risky,
        program=True,
        command="node {here}/node_client.mjs " + said,
    )(node)
