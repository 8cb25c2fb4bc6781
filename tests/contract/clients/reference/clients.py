"""The two carriers: they carry out the same steps, one by blocking and one by awaiting."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
import os
import threading
import time  # noqa: TID251 - a client waits on its own clock
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Concatenate, ParamSpec

import httpx

from tests.contract.clients.reference import downloads, lookups, polling, submissions
from tests.contract.clients.reference.bodies import Body
from tests.contract.clients.reference.connections import (
    REDACTOR,
    FirstHeadOnly,
    Redactor,
    Unwatched,
    explained,
    explaining,
    littered,
    passwords_of,
    read_apart,
    swept,
    telling_proxy,
    timeout_of,
)
from tests.contract.clients.reference.core import ENVIRONMENT, Core, core_of
from tests.contract.clients.reference.errors import AnswerError, ClientError
from tests.contract.clients.reference.key_in_errors import tell_key_on_errors
from tests.contract.clients.reference.requests import LATEST
from tests.contract.clients.reference.small_faults import change_process
from tests.contract.clients.reference.steps import Got, Send, Sleep, Steps, Walk

Arguments = ParamSpec("Arguments")
Operation = Callable[Concatenate[Core, Arguments], Steps]


class Client(ABC):
    """What both clients are made with."""

    environment = ENVIRONMENT
    faults: frozenset[str] = frozenset()
    habits: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        base_url: str | None,
        key: str | None,
        timeout: float | None = None,
        max_retries: int | None = None,
        wait_timeout: float | None = None,
        poll_interval: float | None = None,
    ) -> None:
        self._core = core_of(
            base_url,
            key,
            self.faults,
            habits=self.habits,
            timeout=timeout,
            max_retries=max_retries,
            wait_timeout=wait_timeout,
            poll_interval=poll_interval,
        )
        LATEST["key"] = self._core.key
        logging.getLogger("httpx").addFilter(REDACTOR)
        change_process(self._core)
        Redactor.off = self._core.faulty("links-logged")
        self._connect()

    @abstractmethod
    def _connect(self) -> None:
        """Make the connections."""

    def __repr__(self) -> str:
        shown = self._core.key if self._core.faulty("key-in-repr") else "sk_***"
        return f"{type(self).__name__}({self._core.base_url!r}, {shown!r})"


def blocking(
    operation: Operation[Arguments],
) -> Callable[Concatenate[ReferenceClient, Arguments], Any]:
    """Return an operation as a method of the synchronous client."""

    @functools.wraps(operation)
    def method(self: ReferenceClient, /, *given: Arguments.args, **named: Arguments.kwargs) -> Any:
        return self._done(operation(self._core, *given, **named))

    return method


def awaiting(
    operation: Operation[Arguments],
) -> Callable[Concatenate[AsyncReferenceClient, Arguments], Awaitable[Any]]:
    """Return an operation as a method of the asynchronous client."""

    @functools.wraps(operation)
    async def method(
        self: AsyncReferenceClient, /, *given: Arguments.args, **named: Arguments.kwargs
    ) -> Any:
        return await self._done(operation(self._core, *given, **named))

    return method


class ReferenceClient(Client):
    """The synchronous client."""

    generate_image = blocking(submissions.generate_image)
    generate_video = blocking(polling.generate_video)
    submit_video = blocking(submissions.submit_video)
    retrieve_video = blocking(polling.retrieve_video)
    download = blocking(downloads.download)
    models = blocking(lookups.models)
    model = blocking(lookups.model)
    balance = blocking(lookups.balance)
    costs = blocking(lookups.costs)

    def _connect(self) -> None:
        self._process, self._thread = os.getpid(), threading.get_ident()
        verify = not self._core.faulty("no-tls-verification")
        two = 2 if self._core.faults & {"pool-hurried", "pool-of-two"} else 100
        self._client = httpx.Client(
            verify=verify,
            proxy=telling_proxy(self._core),
            auth=passwords_of(self._core),
            limits=httpx.Limits(max_connections=two, max_keepalive_connections=20),
        )
        self._downloads = httpx.Client(verify=verify)
        if self._core.faulty("informational-fatal"):
            FirstHeadOnly.into(self._client)
        if self._core.faults & {"stale-unnoticed", "strays-read"}:
            Unwatched.into(self._client)

    def close(self) -> None:
        """Close the connections."""
        logging.getLogger("httpx").removeFilter(REDACTOR)
        if self._core.faulty("closed-in-part"):
            self._core.seen["kept"] = self._client
        else:
            self._client.close()
        self._downloads.close()
        swept(self._core)

    def _done(self, steps: Steps) -> Any:
        walk = Walk(steps)
        with tell_key_on_errors(self._core):
            for step in walk:
                with walk.telling():
                    if isinstance(step, Sleep):
                        time.sleep(step.seconds)
                    elif self._core.faulty("threads-read-on"):
                        walk.got = read_apart(self._core, partial(self._sent, step), step.method)
                    else:
                        walk.got = self._sent(step)
        return walk.value

    def _sent(self, send: Send) -> Got:
        if self._core.faulty("one-thread-only") and threading.get_ident() != self._thread:
            raise AnswerError("made in another thread")
        if self._process != os.getpid() and not self._core.faulty("fork-shares"):
            self._connect()  # the connections are the parent's
        littered(self._core)
        client, began = self._client_for(send), time.monotonic()
        with (
            explaining(send.method),
            self._cutting_others(),
            client.stream(
                send.method,
                send.url,
                headers=send.headers,
                content=send.body,
                timeout=timeout_of(self._core, send),
                follow_redirects=send.follow,
            ) as answer,
        ):
            with Body(self._core, send, answer, began) as body:
                for chunk in self._chunks(send, answer):
                    body.take(chunk)
            if self._core.faulty("refusal-closes-all") and answer.status_code == 402:
                self._client.close()
                self._connect()
            return body.got()

    @contextmanager
    def _cutting_others(self) -> Iterator[None]:
        """Send inside; faulty clients close all their connections when one breaks, or for good."""
        try:
            yield
        except httpx.TransportError:
            if self._core.faulty("timeout-cut-by-a-break"):
                self._core.timeout /= 2
            if self._core.faults & {"break-cuts-others", "closed-by-a-break"}:
                self._client.close()
            if self._core.faulty("break-cuts-others"):
                self._connect()
            raise

    def _client_for(self, send: Send) -> httpx.Client:
        if self._core.faulty("answers-unclosed"):  # a client for each request, never closed
            client = httpx.Client()
            self._core.seen.setdefault("clients", []).append(client)
            return client
        apart = send.save is not None and not self._core.faulty("cookies-shared")
        return self._downloads if apart else self._client

    def _chunks(self, send: Send, answer: httpx.Response) -> Iterable[bytes]:
        if send.save is not None and self._core.faulty("read-whole"):
            self._core.seen["whole"] = answer.read()
            return [self._core.seen["whole"]]
        return answer.iter_raw()


APART = frozenset({"task-left-at-timeout", "task-left-at-drips", "task-left-at-cancel"})


class AsyncReferenceClient(Client):
    """The asynchronous client. It has none of the faults of connections."""

    generate_image = awaiting(submissions.generate_image)
    generate_video = awaiting(polling.generate_video)
    submit_video = awaiting(submissions.submit_video)
    retrieve_video = awaiting(polling.retrieve_video)
    download = awaiting(downloads.download)
    model = awaiting(lookups.model)
    balance = awaiting(lookups.balance)
    costs = awaiting(lookups.costs)
    _models = awaiting(lookups.models)

    async def models(self, type: str | None = None) -> Any:  # noqa: A002 - the driver's word
        """List the models; a faulty client has equal calls at one time await one task."""
        if not self._core.faulty("task-of-equal-reads-shared"):
            return await self._models(type)
        task = self._core.seen.get("listing")
        if task is None or task.done():
            task = self._core.seen["listing"] = asyncio.ensure_future(self._models(type))
        return await task

    def _connect(self) -> None:
        self._slots, self._gate = asyncio.Semaphore(5), asyncio.Event()
        self._gate.set()
        self._client = httpx.AsyncClient()
        self._downloads = httpx.AsyncClient()

    async def close(self) -> None:
        """Close the connections."""
        logging.getLogger("httpx").removeFilter(REDACTOR)
        await self._client.aclose()
        await self._downloads.aclose()

    @asynccontextmanager
    async def _cutting_others(self) -> AsyncIterator[None]:
        """Send inside; a faulty client closes all its connections to stop one request."""
        try:
            yield
        except asyncio.CancelledError:
            if self._core.faulty("task-cancel-cuts-others"):
                await self.close()
                self._connect()
            raise

    async def _done(self, steps: Steps) -> Any:
        walk = Walk(steps)
        for step in walk:
            with walk.telling():
                if isinstance(step, Sleep) and self._blocks():
                    time.sleep(step.seconds)  # noqa: ASYNC251 - the fault
                elif isinstance(step, Sleep):
                    await self._slept(step.seconds)
                elif self._core.faulty("loop-slots-lost") and step.method == "POST":
                    await self._slots.acquire()
                    walk.got = await self._sent(step)
                    if walk.got.status < 400:
                        self._slots.release()
                elif self._core.faulty("loop-slots-kept-by-cancelled"):
                    walk.got = await self._sent_in_a_slot(step)
                elif self._core.faults & APART:
                    walk.got = await self._sent_apart(step)
                else:
                    walk.got = await self._sent(step)
        return walk.value

    def _note(self, send: Send) -> None:
        """Note what was sent last; a faulty client starts a task that it never ends."""
        look = "/videos/generations/" in send.url
        self._core.seen["sent"] = "look" if look else send.method
        if self._core.faulty("task-left-at-close") and "beat" not in self._core.seen:
            beat = asyncio.sleep(1e5)  # noqa: TID251 - a client waits on its clock
            self._core.seen["beat"] = asyncio.ensure_future(beat)

    def _blocks(self) -> bool:
        """Return whether a pause blocks the loop: by fault, each one, or one after a read."""
        after_read = self._core.seen.get("sent") == "GET"
        return self._core.faulty("loop-blocked") or (
            self._core.faulty("loop-blocked-by-reads") and after_read
        )

    def _sent_blocking(self, send: Send) -> Got:
        """Send by a library that blocks, as faulty clients do within a coroutine."""
        began = time.monotonic()
        with (
            explaining(send.method),
            httpx.Client() as client,
            client.stream(
                send.method,
                send.url,
                headers=send.headers,
                content=send.body,
                timeout=timeout_of(self._core, send),
            ) as answer,
            Body(self._core, send, answer, began) as body,
        ):
            for chunk in answer.iter_raw():
                body.take(chunk)
        return body.got()

    async def _slept(self, seconds: float) -> None:
        """Wait; a faulty client shuts a gate meanwhile, for good where this is cancelled."""
        if self._core.faulty("loop-gate-stays-shut"):
            self._gate.clear()
        await asyncio.sleep(seconds)  # noqa: TID251 - a client waits on its clock
        self._gate.set()

    async def _sent_in_a_slot(self, send: Send) -> Got:
        """Send in one of five slots; a faulty client keeps those of calls that are cancelled."""
        await self._slots.acquire()
        try:
            got = await self._sent(send)
        except ClientError:
            self._slots.release()
            raise
        self._slots.release()
        return got

    async def _sent_apart(self, send: Send) -> Got:
        """Send in a task of its own, which faulty clients leave when they wait no longer."""
        drips = {"timeout": self._core.timeout, "faults": frozenset({"per-read-timeout"})}
        left = drips if self._core.faulty("task-left-at-drips") else {"timeout": 3600.0}
        apart = dataclasses.replace(self._core, **left)
        task = asyncio.ensure_future(self._sent(send, apart))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._core.timeout)
        except asyncio.CancelledError:
            if not self._core.faulty("task-left-at-cancel"):
                task.cancel()
            raise
        if not done:
            if self._core.faulty("task-left-at-cancel"):
                task.cancel()
            raise explained(httpx.ReadTimeout("no whole answer"), send.method)
        return task.result()

    async def _sent(self, send: Send, core: Core | None = None) -> Got:
        core = core or self._core
        await self._gate.wait()
        self._note(send)
        look = send.method == "GET" and "/videos/generations/" in send.url
        if (send.save is not None and core.faulty("loop-blocked-by-files")) or (
            look and core.faulty("loop-blocked-by-looks")
        ):
            return self._sent_blocking(send)
        client = self._client if send.save is None else self._downloads
        began = time.monotonic()
        with explaining(send.method):
            async with (
                self._cutting_others(),
                client.stream(
                    send.method,
                    send.url,
                    headers=send.headers,
                    content=send.body,
                    timeout=timeout_of(core, send),
                    follow_redirects=send.follow,
                ) as answer,
            ):
                with Body(core, send, answer, began) as body:
                    async for chunk in answer.aiter_raw():
                        body.take(chunk)
                return body.got()


def faulty(*names: str) -> type[Any]:
    """Return the client with faults switched on; those of loops are of the asynchronous one."""
    of_loops = names[0].startswith(("loop-", "task-"))
    base = AsyncReferenceClient if of_loops else ReferenceClient
    return type("FaultyClient", (base,), {"faults": frozenset(names)})
