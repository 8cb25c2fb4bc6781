"""Schemathesis against a provider: all its checks, our OpenAPI document, the shipped models.

The document leaves the ids of models open, since they are the catalogue's; here they are filled in,
or Schemathesis would send nothing but unknown models. One of its checks is off: it takes every
request that fits the schema for acceptable, and rules between fields are not in a schema.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from getimg_mock.api import access_log
from getimg_mock.api.openapi import openapi
from getimg_mock.application import Application
from getimg_mock.contract.targets import shipped_models
from getimg_mock.fake import Fake
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from tests.contract.mutants import Mutant
    from tests.contract.wrapping import Wrap

KEY = "sk_schemathesis_key"


def document() -> dict[str, Any]:
    """Return our OpenAPI document with the models that there are."""
    found: dict[str, Any] = openapi()
    for kind in ("image", "video"):
        ids = [model["id"] for model in shipped_models() if model["type"] == kind]
        request = found["components"]["schemas"][f"{kind.title()}Request"]
        request["properties"]["model"] = {"type": "string", "enum": ids}
    return found


def application(wrap: Wrap | None = None) -> Any:
    """Return a provider as an ASGI application, its videos done at once."""
    fake = Fake.of(Settings.of(quiet=True, video_seconds=0, balance="1000000"))
    app: Any = Application(fake, access_log.silent)
    return wrap(app, fake) if wrap is not None else app


def failures(app: Any, *, examples: int = 15) -> list[str]:
    """Return what Schemathesis finds wrong with a provider: the first failure of an operation."""
    schema = schemathesis.openapi.from_dict(document())
    schema.app = app
    found: list[str] = []
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]

        @seed(0)
        @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            case.call_and_validate(
                headers={"Authorization": f"Bearer {KEY}"},
                excluded_checks=[positive_data_acceptance],
            )

        try:
            call()
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever it finds
            found.append(f"{operation.label}: {type(error).__name__}: {error}"[:2000])
    return found


def found_by_schemathesis(mutant: Mutant) -> bool:
    """Return whether Schemathesis finds anything wrong with a faulty provider."""
    return bool(failures(application(mutant.wrap)))


def main() -> None:
    """Print what Schemathesis finds as JSON.

    A process of its own: its ASGI transport leaves streams open, which a test that takes warnings
    for errors would be failed by.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=15)
    parser.add_argument("--fault", help="name of a faulty provider")
    parser.add_argument("--ours", action="store_true", help="with our checks registered")
    chosen = parser.parse_args()
    if chosen.ours:
        import getimg_mock.contract.for_schemathesis  # noqa: F401, PLC0415 - importing registers it
    wrap = None
    if chosen.fault:
        from tests.contract.everyone import BY_NAME  # noqa: PLC0415 - for a fault only

        wrap = BY_NAME[chosen.fault].wrap
    sys.stdout.write(json.dumps(failures(application(wrap), examples=chosen.examples)))


if __name__ == "__main__":
    main()
