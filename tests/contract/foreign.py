"""Schemathesis against a provider: all its checks, our OpenAPI document, the shipped models.

The document leaves the ids of models open, since they are the catalogue's; here they are filled in,
or Schemathesis would send nothing but unknown models. In each mode of the fake one of its checks is
off, so that in one of the two each is on. In full, it takes every request that fits the schema for
acceptable, and rules between fields are not in a schema. In lenient mode, which takes any key, it
takes a key that nobody gave out for one that must be refused. Full is also sent what breaks the
schema; lenient is not, since it lets some of that pass.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from getimg_mock.api import access_log
from getimg_mock.api.openapi import openapi
from getimg_mock.application import Application
from getimg_mock.contract.corpus.choices import shipped_models
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


def application(wrap: Wrap | None = None, *, lenient: bool = False) -> Any:
    """Return a provider as an ASGI application, its videos done at once."""
    strictness = "schema" if lenient else "full"
    fake = Fake.of(
        Settings.of(quiet=True, video_seconds=0, balance="1000000", strictness=strictness)
    )
    app: Any = Application(fake, access_log.silent)
    return wrap(app, fake) if wrap is not None else app


def failures(app: Any, *, examples: int = 15, lenient: bool = False) -> list[str]:
    """Return what Schemathesis finds wrong with a provider: the first failure of an operation."""
    excluded = ignored_auth if lenient else positive_data_acceptance
    modes = (GenerationMode.POSITIVE,) if lenient else tuple(GenerationMode)
    schema = schemathesis.openapi.from_dict(document())
    schema.app = app
    # What no operation knows of is ignored, and the document does not forbid it.
    schema.config.generation.update(allow_extra_parameters=False)
    found: list[str] = []
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        for mode in modes:
            strategy = operation.as_strategy(generation_mode=mode)
            found += _failure(operation.label, strategy, examples, excluded)
    return found


def _failure(label: str, strategy: Any, examples: int, excluded: Any) -> list[str]:
    """Return the first failure of the drawn requests, or nothing."""

    @seed(0)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=strategy)
    def call(case: Any) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        case.call_and_validate(headers=headers, excluded_checks=[excluded])

    try:
        call()
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever it finds
        return [f"{label}: {type(error).__name__}: {error}"[:2000]]
    return []


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
    parser.add_argument("--lenient", action="store_true", help="the fake in lenient mode")
    chosen = parser.parse_args()
    if chosen.ours:
        import getimg_mock.contract.for_schemathesis  # noqa: F401, PLC0415 - importing registers it
    wrap = None
    if chosen.fault:
        from tests.contract.everyone import BY_NAME  # noqa: PLC0415 - for a fault only

        wrap = BY_NAME[chosen.fault].wrap
    app = application(wrap, lenient=chosen.lenient)
    found = failures(app, examples=chosen.examples, lenient=chosen.lenient)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
