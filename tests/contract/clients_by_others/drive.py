"""Drives a client of the list by JSON lines: `python -m ...clients_by_others.drive MODULE NAME`.

The module is imported alone, as all of them together take seconds to import. Clients that block are
called in the main thread, where a signal can cancel them; further calls at the same time have
threads of their own. All others are tasks of one event loop.
"""

import asyncio
import importlib
import inspect
import json
import logging
import queue
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.contract.clients_by_others.registry import CLIENTS

OPERATIONS = (
    "generate_image",
    "generate_video",
    "submit_video",
    "retrieve_video",
    "download",
    "models",
    "model",
    "balance",
    "costs",
)
OPTIONS = ("timeout", "max_retries", "wait_timeout", "poll_interval")
LINES = threading.Lock()


class Clocks:
    """The clocks of `time`, which can be advanced; in place before a client borrows them."""

    def __init__(self) -> None:
        self.ahead = 0.0
        for name in ("time", "monotonic", "perf_counter"):
            setattr(time, name, self.shifted(getattr(time, name)))

    def shifted(self, real: Callable[[], float]) -> Callable[[], float]:
        return lambda: real() + self.ahead


def described(error: BaseException) -> dict[str, Any]:
    named = ("code", "request_id")
    notes = getattr(error, "__notes__", ())
    return {
        "type": type(error).__name__,
        "message": "\n".join([str(error), *map(str, notes)]),
        "status": getattr(error, "status_code", None),
        "generation": getattr(error, "generation_id", None),
        "unknown": bool(getattr(error, "outcome_unknown", False)),
        **{name: getattr(error, name, None) for name in named},
    }


def cancelled(error: BaseException) -> dict[str, Any]:
    return {"outcome": "cancelled", "error": described(error)}


def answer(asked: dict[str, Any], said: dict[str, Any]) -> None:
    with LINES:
        print(json.dumps({"case": asked["case"], **said}, default=str), flush=True)


class Desk:
    """Answers the lines; a client is kept for as long as address, key and options stay."""

    def __init__(self, name: str, clocks: Clocks) -> None:
        self.entry = CLIENTS[name]
        self.clocks = clocks
        self.clients: dict[str, Any] = {}
        self.lock = threading.Lock()

    def about(self, abilities: list[str]) -> dict[str, Any]:
        lacking = getattr(self.entry.maker, "lacking", ())
        return {
            "name": self.entry.name,
            "ops": list(OPERATIONS),
            "options": list(OPTIONS),
            "lacking": list(lacking),
            "abilities": abilities,
        }

    def client(self, asked: dict[str, Any]) -> Any:
        options = dict(asked.get("options", {}))
        which = json.dumps([asked["base_url"], asked["key"], options])
        with self.lock:
            if which not in self.clients:
                if "max_retries" in options:
                    options["max_retries"] = int(options["max_retries"])
                made = self.entry.maker(base_url=asked["base_url"], key=asked["key"], **options)
                self.clients = {which: made}
            return self.clients[which]

    def own(self, asked: dict[str, Any], abilities: list[str]) -> dict[str, Any] | None:
        """Return the response to what is not for the client; None where it is."""
        if asked["op"] == "describe":
            return {"outcome": "value", "value": self.about(abilities)}
        if asked["op"] == "advance":
            self.clocks.ahead += asked["args"]["seconds"]
            return {"outcome": "value", "value": None}
        return None

    def call(self, asked: dict[str, Any]) -> Any:
        return getattr(self.client(asked), asked["op"])(**asked["args"])


class Blocking:
    """Calls a client that blocks."""

    abilities = ["advance", "cancel", "together"]  # noqa: RUF012 - read only

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.under_way = ""
        self.unwanted = ""
        signal.signal(signal.SIGINT, self.interrupt)

    def interrupt(self, *_: object) -> None:
        if self.unwanted and self.unwanted == self.under_way:
            self.unwanted = ""
            raise KeyboardInterrupt

    def read(self) -> None:
        main = threading.main_thread().ident or 0
        while line := sys.stdin.readline():
            asked = json.loads(line)
            if asked["op"] == "cancel":
                self.unwanted = asked["case"]
                signal.pthread_kill(main, signal.SIGINT)
            elif self.under_way:
                threading.Thread(target=self.work, args=(asked,), daemon=True).start()
            else:
                self.under_way = asked["case"]
                self.waiting.put(asked)
        self.waiting.put(None)

    def work(self, asked: dict[str, Any]) -> None:
        answer(asked, self.outcome(asked))

    def outcome(self, asked: dict[str, Any]) -> dict[str, Any]:
        own = self.desk.own(asked, self.abilities)
        if own is not None:
            return own
        try:
            return {"outcome": "value", "value": self.desk.call(asked)}
        except KeyboardInterrupt as error:
            return cancelled(error)
        except Exception as error:
            return {"outcome": "error", "error": described(error)}

    def serve(self) -> None:
        threading.Thread(target=self.read, daemon=True).start()
        while asked := self.waiting.get():
            said = self.outcome(asked)
            self.under_way = ""
            answer(asked, said)


class Looping:
    """Calls a client of an event loop, each call in a task of its own."""

    abilities = ["advance", "cancel", "loop", "together"]  # noqa: RUF012 - read only

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.stops: dict[str, Callable[[], object]] = {}

    async def outcome(self, asked: dict[str, Any]) -> dict[str, Any]:
        own = self.desk.own(asked, self.abilities)
        if own is not None:
            return own
        try:
            value = self.desk.call(asked)
            if inspect.isawaitable(value):
                value = await value
        except Exception as error:
            return {"outcome": "error", "error": described(error)}
        return {"outcome": "value", "value": value}

    async def read(
        self,
        start: Callable[[dict[str, Any]], None],
        read_line: Callable[[], Awaitable[str]],
    ) -> None:
        while line := await read_line():
            asked = json.loads(line)
            if asked["op"] != "cancel":
                start(asked)
            elif asked["case"] in self.stops:
                self.stops[asked["case"]]()

    async def work_in_asyncio(self, asked: dict[str, Any]) -> None:
        try:
            said = await self.outcome(asked)
        except asyncio.CancelledError as error:
            said = cancelled(error)
        self.stops.pop(asked["case"])
        answer(asked, said)

    async def serve_in_asyncio(self) -> None:
        def start(asked: dict[str, Any]) -> None:
            task = asyncio.get_running_loop().create_task(self.work_in_asyncio(asked))
            self.stops[asked["case"]] = task.cancel

        await self.read(start, lambda: asyncio.to_thread(sys.stdin.readline))

    def serve_in_trio(self) -> None:
        import trio  # noqa: PLC0415 - clients of other styles do not need it

        async def work(asked: dict[str, Any]) -> None:
            said: dict[str, Any] = {}
            with trio.CancelScope() as scope:
                self.stops[asked["case"]] = scope.cancel
                try:
                    said = await self.outcome(asked)
                except trio.Cancelled as error:
                    said = cancelled(error)
                    raise
            self.stops.pop(asked["case"])
            answer(asked, said)

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                await self.read(
                    lambda asked: nursery.start_soon(work, asked),
                    lambda: trio.to_thread.run_sync(sys.stdin.readline),
                )
                nursery.cancel_scope.cancel()

        trio.run(main)


def main(module: str, name: str) -> None:
    clocks = Clocks()
    # What a client tells of a call that was cancelled may be in its log alone. It can still set up
    # logging by itself, as no handler is added.
    logging.getLogger().setLevel(logging.INFO)
    if logging.lastResort is not None:
        logging.lastResort.setLevel(logging.INFO)
    for library in ("httpx", "httpcore", "urllib3", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)
    importlib.import_module(module)
    desk = Desk(name, clocks)
    flow = getattr(desk.entry.maker, "generate_video", None)
    if desk.entry.style == "trio":
        Looping(desk).serve_in_trio()
    elif inspect.iscoroutinefunction(flow):
        asyncio.run(Looping(desk).serve_in_asyncio())
    else:
        Blocking(desk).serve()


if __name__ == "__main__":
    main(*sys.argv[1:3])
