"""Makers of stores: each opens a store, as often as asked, on what an earlier one has kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from getimg_mock.fake import Fake, open_workspace
from getimg_mock.settings import Settings
from getimg_mock.store.addresses import open_store
from getimg_mock.world.clock import VirtualClock
from tests.api.driver import Driver

if TYPE_CHECKING:
    from getimg_mock.store.protocol import Store

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


@dataclass
class Maker:
    """Opens stores at one address; a durable one finds what an earlier one has kept."""

    address: str
    opened: list[Store] = field(default_factory=list)

    @property
    def is_durable(self) -> bool:
        """Whether stores at the address keep anything when they are closed."""
        return self.address != "memory"

    def open(self, **values: Any) -> Store:
        """Return a store: that of another process, or of this one after a restart."""
        settings = self.settings(**values)

        def make_clock() -> VirtualClock:
            return VirtualClock(start=START, rate=0)

        store = open_store(settings, lambda key: open_workspace(key, settings, make_clock()))
        self.opened.append(store)
        return store

    def settings(self, **values: Any) -> Settings:
        """Return settings with the address of the store."""
        given: dict[str, Any] = {"store": self.address, "quiet": True} | values
        return Settings.of(**given)

    def drive(self, **values: Any) -> Driver:
        """Return a driver of a new fake on the store, with its clocks frozen."""
        driver = Driver.of(store=self.address, **values)
        self.opened.append(driver.app.fake.store)
        return driver

    def run(self, **values: Any) -> Fake:
        """Return a new fake on the store, with the clocks that the settings ask for."""
        fake = Fake.of(self.settings(**values))
        self.opened.append(fake.store)
        return fake

    def contains(self, text: str) -> bool:
        """Return whether the text is anywhere in what is kept."""
        if self.address.startswith("redis"):
            kept = redis.Redis.from_url(self.address.partition("?")[0])
            dumped = [kept.dump(each) for each in kept.scan_iter("*")]
            kept.close()
            return any(text.encode() in (each or b"") for each in dumped)
        path = Path(self.address.removeprefix("sqlite:///"))
        return any(text.encode() in each.read_bytes() for each in path.parent.iterdir())

    def close(self) -> None:
        """Close every store that was opened."""
        for each in self.opened:
            each.close()
