"""Handles for generations, scenario rules and the journal of a workspace."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.control.journal_entries import ExchangeHandle
from getimg_mock.world.rule_files import read_scenario_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.control.channels import Channel


class GenerationHandle:
    """One generation; every attribute reads the current state, and none counts as a poll."""

    def __init__(self, channel: Channel, generation_id: str) -> None:
        self._channel = channel
        self.id = generation_id

    def as_json(self) -> dict[str, Any]:
        """Return all its data."""
        return self._call("GET", "")

    @property
    def status(self) -> str:
        """`pending`, `completed` or `failed`."""
        return str(self.as_json()["status"])

    @property
    def kind(self) -> str:
        """`image` or `video`."""
        return str(self.as_json()["kind"])

    @property
    def model(self) -> str:
        """The id of its model."""
        return str(self.as_json()["model"])

    @property
    def prompt(self) -> str:
        """The prompt of the request."""
        return str(self.as_json()["prompt"])

    @property
    def created_at(self) -> datetime:
        """When it was accepted."""
        return datetime.fromisoformat(self.as_json()["created_at"])

    @property
    def ends_at(self) -> datetime | None:
        """When it ended or will end; None while that is unknown."""
        return _parse_moment(self.as_json()["ends_at"])

    @property
    def deletes_at(self) -> datetime | None:
        """When its file is deleted and its link expires; None without a file."""
        return _parse_moment(self.as_json()["deletes_at"])

    @property
    def total_cost(self) -> Decimal:
        """Its cost if it completes, in US dollars."""
        return Decimal(self.as_json()["total_cost"])

    @property
    def error(self) -> dict[str, str] | None:
        """Why it failed: `code` and `message`; None unless it failed."""
        found: dict[str, str] | None = self.as_json()["error"]
        return found

    def complete(self) -> None:
        """Complete it now; it must be pending."""
        self._call("POST", "/complete")

    def fail(self, *, code: str = "server_error", message: str | None = None) -> None:
        """Fail it now; it must be pending. `message` defaults to the documented one of the code."""
        self._call("POST", "/fail", code=code, message=message)

    def hold(self) -> None:
        """Keep it pending until `complete` or `fail`."""
        self._call("POST", "/hold")

    def _call(self, method: str, action: str, **values: Any) -> dict[str, Any]:
        path = f"/generations/{self.id}{action}"
        told: dict[str, Any] = self._channel.call(method, path, values)
        return told

    def __repr__(self) -> str:
        return f"<generation {self.id}>"


class Generations:
    """The generations of a workspace, by id or iterated, oldest first."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __getitem__(self, generation_id: str) -> GenerationHandle:
        return GenerationHandle(self._channel, generation_id)

    def where(
        self, *, status: str | None = None, kind: str | None = None, model: str | None = None
    ) -> list[GenerationHandle]:
        """Return those that match: `where(status="pending", kind="video")`."""
        criteria = {"status": status, "kind": kind, "model": model}
        told = self._channel.call("GET", "/generations", criteria)
        return [self[each["id"]] for each in told["generations"]]

    def __iter__(self) -> Iterator[GenerationHandle]:
        return iter(self.where())

    def __len__(self) -> int:
        return len(self.where())


class RuleHandle:
    """The rules that one `scenarios.add` has added: one rule, or those of a named scenario."""

    def __init__(self, channel: Channel, ids: tuple[str, ...]) -> None:
        self._channel = channel
        self._last: dict[str, dict[str, Any]] = {}
        self.ids = ids

    @property
    def id(self) -> str:
        """The id of the rule; for a scenario, of its first rule."""
        return self.ids[0]

    @property
    def hits(self) -> int:
        """How many requests it has changed, up to its removal."""
        return sum(int(each["hits"]) for each in self.rules())

    @property
    def seen(self) -> int:
        """How many requests it has matched, whether or not it acted."""
        return sum(int(each["seen"]) for each in self.rules())

    def rules(self) -> list[dict[str, Any]]:
        """Return each rule with its counts."""
        return [
            self._last[each] if each in self._last else self._call("GET", each) for each in self.ids
        ]

    def remove(self) -> None:
        """Remove it; does nothing if it is removed already."""
        for each in self.ids:
            if each not in self._last:
                self._last[each] = self._call("DELETE", each)

    def _call(self, method: str, rule: str) -> dict[str, Any]:
        told: dict[str, Any] = self._channel.call(method, f"/scenarios/{rule}")
        return told

    def __repr__(self) -> str:
        return f"<scenario {', '.join(self.ids)}>"


class ScenariosHandle:
    """The scenario rules of a workspace."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def add(self, name: str | Path | None = None, /, **rule: Any) -> RuleHandle:
        """Add a scenario: a named one, one of a TOML or JSON file, or a single rule.

            add("rate-limited", times=2)
            add(Path("tests/slow.toml"))
            add(on="videos.create", model="seedance-*", status=500, after_commit=True, first=1)

        With a name or file, keywords change each of its rules.
        """
        values: dict[str, Any] = dict(rule)
        if isinstance(name, Path) or (name or "").endswith((".toml", ".json")):
            values["rules"] = read_scenario_file(Path(name or "")).rules
        elif name is not None:
            values["name"] = name
        told = self._channel.call("POST", "/scenarios", values)
        return RuleHandle(self._channel, tuple(each["id"] for each in told["rules"]))

    def clear(self) -> None:
        """Remove every rule."""
        self._channel.call("DELETE", "/scenarios")

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule, with how often it matched (`seen`) and acted (`hits`)."""
        rules: list[dict[str, Any]] = self._channel.call("GET", "/scenarios")["rules"]
        return rules

    def shipped(self) -> dict[str, str]:
        """Return the named scenarios with their summaries."""
        told = self._channel.call("GET", "/scenarios/shipped")["scenarios"]
        return {each["name"]: each["summary"] for each in told}


class MediaHandle:
    """The rules of a workspace for files of your own."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def add(
        self,
        file: str | Path,
        *,
        prompt: str | None = None,
        model: str | None = None,
        on: str | None = None,
    ) -> str:
        """Deliver a file, or one of a folder, in new generations; return the rule's id.

            add("tests/cat.png", prompt="cat")
            add("tests/clips", on="videos.create", model="seedance-*")

        Of several rules that match, the one added last acts. Raises `SettingsError` for a file
        that is not PNG, JPEG, WebP or MP4.
        """
        criteria = {"prompt": prompt, "model": model, "on": on}
        values = {"file": str(Path(file).absolute()), **criteria}
        return str(self._channel.call("POST", "/media", values)["id"])

    def remove(self, rule: str) -> None:
        """Remove a rule by its id."""
        self._channel.call("DELETE", f"/media/{rule}")

    def clear(self) -> None:
        """Remove the rules of the workspace."""
        self._channel.call("DELETE", "/media")

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules, each with the size and length of its files."""
        rules: list[dict[str, Any]] = self._channel.call("GET", "/media")["rules"]
        return rules


class JournalHandle:
    """The exchanges of a workspace, oldest first.

    Criteria of all methods: `operation` (a glob such as `videos.*`), `status`, `generation`,
    `since` and `until` (moments of the workspace's clock), `after` (an exchange's number).
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def query(self, **criteria: Any) -> list[ExchangeHandle]:
        """Return the exchanges that match; `last=10` keeps the newest ten."""
        return [ExchangeHandle.of(each) for each in self._fetch_raw(criteria)]

    def count(self, **criteria: Any) -> int:
        """Return the number of exchanges that match."""
        return int(self._channel.call("GET", "/journal/count", criteria)["count"])

    def wait(self, *, count: int = 1, timeout: float = 10.0, **criteria: Any) -> ExchangeHandle:
        """Block until `count` exchanges match, including past ones; return the last of them.

        `timeout` is in real seconds. Raises `WaitError`, a `TimeoutError`, when it expires.
        In a coroutine: `await asyncio.to_thread(workspace.journal.wait, ...)`.
        """
        values = {**criteria, "count": count, "timeout": timeout}
        return ExchangeHandle.of(self._channel.call("POST", "/journal/wait", values)["exchange"])

    def to_har(self, **criteria: Any) -> dict[str, Any]:
        """Return the matching exchanges as a HAR 1.2 document."""
        document: dict[str, Any] = self._channel.call("GET", "/journal/export", criteria)
        return document

    def to_ndjson(self, **criteria: Any) -> str:
        """Return the matching exchanges as one JSON object per line."""
        values = {**criteria, "format": "ndjson"}
        return str(self._channel.call("GET", "/journal/export", values))

    def clear(self) -> None:
        """Delete every exchange."""
        self._channel.call("DELETE", "/journal")

    def __iter__(self) -> Iterator[ExchangeHandle]:
        return iter(self.query())

    def __len__(self) -> int:
        return self.count()

    def _fetch_raw(self, criteria: dict[str, Any]) -> list[dict[str, Any]]:
        raw: list[dict[str, Any]] = self._channel.call("GET", "/journal", criteria)["exchanges"]
        return raw


def _parse_moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
