"""Schemathesis against a provider: all its checks, our OpenAPI document, the shipped models.

The document leaves to the catalogue which values a model takes, and to code how reference URLs and
ranges of costs must look. Here all that is filled in: every request that fits is acceptable, and
the fake in full keeps every check. In lenient mode, which takes any key, a key that nobody gave out
is no reason to refuse, so that one check is off; what breaks the schema is not sent, since lenient
mode lets some of that pass.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Literal

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from getimg_mock.api import access_log
from getimg_mock.api.openapi_document import build_openapi
from getimg_mock.application import Application
from getimg_mock.contract.model_choice import PIXEL, load_shipped_models
from getimg_mock.fake import Fake
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.model_choice import ModelJson
    from tests.contract.provider.mutants import Mutant
    from tests.contract.provider.wrapping import Wrap

KEY = "sk_schemathesis_key"


URLS = ["https://example.com/cat.png", PIXEL]
MONTH = {"start": "2026-08-01T00:00:00Z", "end": "2026-08-31T23:59:59Z"}


def document() -> dict[str, Any]:
    """Return our OpenAPI document with what it leaves to the catalogue, and to code, filled in."""
    found: dict[str, Any] = build_openapi()
    for kind in ("image", "video"):
        request = found["components"]["schemas"].pop(f"{kind.title()}Request")
        choices = [
            narrowed(request, model) for model in load_shipped_models() if model["type"] == kind
        ]
        found["components"]["schemas"][f"{kind.title()}Request"] = {"anyOf": choices}
    for parameter in found["paths"]["/v2/billing/costs"]["get"]["parameters"]:
        parameter["schema"] = {"type": "string", "enum": [MONTH[parameter["name"]]]}
    return found


def narrowed(request: dict[str, Any], model: ModelJson) -> dict[str, Any]:
    """Return the schema of the requests that one model takes."""
    values = {
        "model": [model["id"]],
        "aspect_ratio": model["supported_aspect_ratios"],
        "resolution": model["supported_resolutions"],
        "duration": model["supported_durations"],
    }
    properties = {
        name: part | ({"enum": values[name]} if name in values else {})
        for name, part in request["properties"].items()
    }
    item = request["properties"]["images"]["items"]
    properties["images"] = {"anyOf": list(_references(item, model["supported_references"]))}
    return {"type": "object", "required": request["required"], "properties": properties}


def _references(item: dict[str, Any], supported: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the lists of references: of one role, or a first and a last frame."""

    def of(role: str) -> dict[str, Any]:
        url = {"type": "string", "enum": URLS}
        return item | {"properties": {"url": url, "role": {"type": "string", "enum": [role]}}}

    yield {"type": "array", "maxItems": 0}
    for role in supported.keys() - {"last_frame"}:
        yield {"type": "array", "items": of(role), "minItems": 1, "maxItems": supported[role]}
    if {"first_frame", "last_frame"} <= supported.keys():
        pair = [of("first_frame"), of("last_frame")]
        yield {"type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2}


def application(wrap: Wrap | None = None, *, lenient: bool = False) -> Any:
    """Return a provider as an ASGI application, its videos done at once."""
    strictness: Literal["schema", "full"] = "schema" if lenient else "full"
    fake = Fake.of(
        Settings.of(quiet=True, video_seconds=0, balance="1000000", strictness=strictness)
    )
    app: Any = Application(fake, access_log.log_nothing)
    return wrap(app, fake) if wrap is not None else app


def failures(app: Any, *, examples: int = 15, lenient: bool = False) -> list[str]:
    """Return what Schemathesis finds wrong with a provider: the first failure of an operation."""
    excluded = [ignored_auth] if lenient else []
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


def _failure(label: str, strategy: Any, examples: int, excluded: list[Any]) -> list[str]:
    """Return the first failure of the drawn requests, or nothing."""

    @seed(0)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def call(case: Any) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    try:
        call()
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever it finds
        return [f"{label}: {type(error).__name__}: {error}"[:2000]]
    return []


def found_by_schemathesis(mutant: Mutant) -> bool:
    """Return whether Schemathesis finds anything wrong with a faulty provider."""
    return bool(failures(application(mutant.wrap)))


def main() -> None:
    """Print what Schemathesis finds as JSON: a list for each group of options, split by `--then`.

    A process of its own: its ASGI transport leaves streams open, which a test that takes warnings
    for errors would be failed by. Starting it takes as long as many examples do.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=15)
    parser.add_argument("--fault", help="name of a faulty provider")
    parser.add_argument("--ours", action="store_true", help="with our checks registered")
    parser.add_argument("--lenient", action="store_true", help="the fake in lenient mode")
    groups: list[list[str]] = [[]]
    for word in sys.argv[1:]:
        if word == "--then":
            groups.append([])
        else:
            groups[-1].append(word)
    found = [find_failures(parser.parse_args(group)) for group in groups]
    sys.stdout.write(json.dumps(found))


def find_failures(chosen: argparse.Namespace) -> list[str]:
    """Return what Schemathesis finds with one group of options."""
    if chosen.ours:
        import getimg_mock.contract.provider.schemathesis_checks  # noqa: F401, PLC0415 - importing registers it
    wrap = None
    if chosen.fault:
        from tests.contract.provider.everyone import BY_NAME  # noqa: PLC0415 - for a fault only

        wrap = BY_NAME[chosen.fault].wrap
    app = application(wrap, lenient=chosen.lenient)
    return failures(app, examples=chosen.examples, lenient=chosen.lenient)


if __name__ == "__main__":
    main()
