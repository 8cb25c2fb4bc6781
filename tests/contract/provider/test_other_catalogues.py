"""Catalogues that a service may have, and the shipped one does not: what they lack is not tried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from getimg_mock import verify_provider
from getimg_mock.contract.model_choice import has_defaults, leave_out_zeros, load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

ROLES: Final = ("reference_image", "first_frame", "last_frame")


def test_no_plan_orders_by_a_role_that_is_listed_with_zero() -> None:
    """It is as if it were not listed: the plans are those of the shipped catalogue."""
    shipped = load_shipped_models()
    listed = []
    for each in shipped:
        taken = each["supported_references"]
        others = {role: 0 for role in ROLES if role not in taken}
        listed.append(each | {"supported_references": taken | others})
    assert listed != shipped
    plain = [leave_out_zeros(each) for each in listed]
    assert plain == shipped
    assert list(build_corpus(plain)) == list(build_corpus(shipped))


def _make_model(kind: str, references: dict[str, int]) -> dict[str, Any]:
    """Return a model with one ratio, resolution and duration, and one price."""
    resolution, unit = ("1K", "image") if kind == "image" else ("720p", "video_second")
    return {
        "id": f"plain-{kind}",
        "name": "Plain",
        "type": kind,
        "created_at": "2026-01-01T00:00:00.000Z",
        "supported_aspect_ratios": ["1:1"],
        "supported_resolutions": [resolution],
        "supported_durations": [] if kind == "image" else [5],
        "supported_references": references,
        "supports_sound": False,
        "pricing": {
            "currency": "USD",
            "rates": [
                {
                    "billable_unit": unit,
                    "resolution": None,
                    "sound": "not_applicable",
                    "unit_price": "0.01",
                }
            ],
        },
    }


def _target(tmp_path: Path, *models: dict[str, Any]) -> InProcessTarget:
    path = tmp_path / "models.json"
    path.write_text(json.dumps(models))
    return InProcessTarget(settings={"models": str(path)}, models=list(models))


@pytest.mark.slow
@pytest.mark.parametrize("roles", [{}, {"last_frame": 1, "first_frame": 1}], ids=["none", "frames"])
def test_a_catalogue_of_two_plain_models_fails_nothing(
    roles: dict[str, int], tmp_path: Path
) -> None:
    """Images take no references, and videos none or frames alone: what they take is tried."""
    models = (_make_model("image", {}), _make_model("video", roles))
    result = verify_provider(_target(tmp_path, *models))
    assert {each.id for each in result.verdicts if each.status == "FAIL"} == set()
    tried = {plan.name for plan in build_corpus(models)}
    assert ("a video whose reference is missing" in tried) == bool(roles)


def test_a_catalogue_without_a_kind_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Nothing was tried, so nothing is said to hold."""
    with pytest.raises(SettingsError, match="lists no video model with a ratio"):
        verify_provider(_target(tmp_path, _make_model("image", {})))


def test_a_model_without_a_first_value_has_no_defaults() -> None:
    """Plans leave out what may be left out, and so need a model's defaults."""
    for kind in ("image", "video"):
        model = _make_model(kind, {})
        assert has_defaults(model)
        for name in ("supported_aspect_ratios", "supported_resolutions"):
            assert not has_defaults(model | {name: []})
    assert not has_defaults(_make_model("video", {}) | {"supported_durations": []})
