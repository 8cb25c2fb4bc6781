"""Drives a client of the list by JSON lines: `python -m ...clients_by_others.drive MODULE NAME`.

The module is imported alone, as all of them together take seconds to import.
"""

import asyncio
import importlib
import inspect
import json
import sys
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


def described(error: BaseException) -> dict[str, Any]:
    named = ("code", "request_id")
    return {
        "type": type(error).__name__,
        "message": str(error),
        "status": getattr(error, "status_code", None),
        "generation": getattr(error, "generation_id", None),
        "unknown": bool(getattr(error, "outcome_unknown", False)),
        **{name: getattr(error, name, None) for name in named},
    }


class Desk:
    """Answers the lines; a client is kept for as long as address, key and options stay."""

    def __init__(self, name: str) -> None:
        self.entry = CLIENTS[name]
        self.clients: dict[str, Any] = {}

    def about(self) -> dict[str, Any]:
        lacking = getattr(self.entry.maker, "lacking", ())
        return {
            "name": self.entry.name,
            "ops": list(OPERATIONS),
            "options": list(OPTIONS),
            "lacking": list(lacking),
        }

    def client(self, asked: dict[str, Any]) -> Any:
        options = dict(asked.get("options", {}))
        which = json.dumps([asked["base_url"], asked["key"], options])
        if which not in self.clients:
            if "max_retries" in options:
                options["max_retries"] = int(options["max_retries"])
            made = self.entry.maker(base_url=asked["base_url"], key=asked["key"], **options)
            self.clients = {which: made}
        return self.clients[which]

    async def work(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            if asked["op"] == "describe":
                return {"outcome": "value", "value": self.about()}
            value = getattr(self.client(asked), asked["op"])(**asked["args"])
            if inspect.isawaitable(value):
                value = await value
        except Exception as error:
            return {"outcome": "error", "error": described(error)}
        return {"outcome": "value", "value": value}

    async def serve(self, read: Callable[[], Awaitable[str]]) -> None:
        while line := await read():
            asked = json.loads(line)
            said = {"case": asked["case"], **await self.work(asked)}
            print(json.dumps(said, default=str), flush=True)


async def read_in_thread() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


def serve_under_trio(desk: Desk) -> None:
    import trio  # noqa: PLC0415 - clients of other styles do not need it

    async def read() -> str:
        return await trio.to_thread.run_sync(sys.stdin.readline)

    trio.run(desk.serve, read)


def main(module: str, name: str) -> None:
    importlib.import_module(module)
    desk = Desk(name)
    if desk.entry.style == "trio":
        serve_under_trio(desk)
    else:
        asyncio.run(desk.serve(read_in_thread))


if __name__ == "__main__":
    main(*sys.argv[1:3])
