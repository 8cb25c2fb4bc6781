"""Files of a service are decoded while it makes others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer
from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
    load_shipped_models,
)
from getimg_mock.contract.plans import Plan, post
from getimg_mock.contract.provider.corpus.file_steps import request_file
from getimg_mock.contract.provider.early_decoding import decode_early
from getimg_mock.contract.provider.media_probe import probe_media
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.contract.verification.session import VerificationSession

if TYPE_CHECKING:
    from getimg_mock.contract.history import History


def _build_plan() -> Plan:
    image = build_small_request(find_cheapest(load_shipped_models(), "image"))
    steps = (post("image", image, valid=True, name="made"), request_file("made"))
    return Plan(name="a picture", tier="R2", steps=steps)


def test_what_was_loaded_is_decoded_at_the_end_of_the_block() -> None:
    """A judge reads the result without decoding; the callback comes after the last file."""
    history = InProcessTarget().run(_build_plan())
    probe_media.cache_clear()
    told: list[tuple[History, int]] = []
    with decode_early(lambda each: told.append((each, probe_media.cache_info().misses))) as decode:
        decode(history)
    assert told == [(history, 1)]
    assert probe_media.cache_info().misses == 1
    assert probe_media(history.exchanges[-1].body).mime_type == "image/jpeg"
    assert probe_media.cache_info().misses == 1


def test_an_interrupt_waits_for_no_file() -> None:
    """A run that is ended by Ctrl-C ends."""
    history = InProcessTarget().run(_build_plan())

    def interrupt() -> None:
        with decode_early(lambda _: None) as decode:
            decode(history)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_a_run_on_a_service_decodes_early_and_one_on_the_fake_does_not() -> None:
    """The fake in process never waits: a second thread would only compete with it."""
    checks = [check for check in PROVIDER_CHECKS if check.id == "GP801"]  # it looks at no file
    with MockServer(media_size="flat") as server:
        service = HttpTarget(server.url, {"a": "sk_a_key"})
        for target, decoded in ((service, 1), (InProcessTarget(), 0)):
            probe_media.cache_clear()
            events = list(VerificationSession(target, [_build_plan()], checks).run())
            assert [each["event"] for each in events][:2] == ["start", "plan"]
            assert probe_media.cache_info().misses == decoded
