"""The shipped catalogue: complete, true to what is known, and quick to load."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock._shipped import read_text
from getimg_mock.schemas import violations
from getimg_mock.world import catalogue
from getimg_mock.world.catalogue import Catalogue, Rate, Size
from getimg_mock.world.catalogue_rules import find_faults
from getimg_mock.world.sizes import LARGEST, SMALLEST, compute_size, parse_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.world.catalogue import Model, ModelType

SHIPPED = Catalogue.load_shipped()
ENTRIES: list[dict[str, Any]] = json.loads(read_text("fixtures", "models.json"))
EVIDENCE: dict[str, Any] = json.loads(read_text("fixtures", "models.evidence.json"))
MARK = re.compile(r"documented|observed( [A-Z][a-z]{2} 20\d\d)?|inferred|our choice")

every_model = pytest.mark.parametrize("model", SHIPPED.list_models(), ids=lambda model: model.id)
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])


@every_entry
def test_each_shipped_model_follows_every_rule_for_models_files(entry: dict[str, Any]) -> None:
    """The shipped file is not validated when it is loaded, so it is here."""
    assert list(find_faults(entry)) == []


@every_entry
def test_the_api_shows_each_shipped_model_as_the_file_has_it(entry: dict[str, Any]) -> None:
    """`as_json` is the file's entry without our own key, and fits the schema."""
    model = SHIPPED.models[entry["id"]]
    shown = {key: value for key, value in entry.items() if key != "x_mock"}
    assert model.as_json() == shown
    assert violations("model", model.as_json()) == []


def test_the_shipped_models_are_the_known_ones() -> None:
    """Api-facts section 6 names them; a client's guessed id must not exist by accident."""
    assert set(SHIPPED.models) == {
        "seedream-5-lite",
        "seedream-4-5",
        "seedream-4",
        "gemini-3-1-flash-image",
        "gemini-3-1-flash-lite-image",
        "gpt-image-2",
        "wan-2-7-image",
        "z-image-turbo",
        "seedance-v1-pro",
        "seedance-v1-5-pro",
    }


def test_what_is_known_of_seedream_5_lite_is_kept() -> None:
    """Its sample answer is 2048x2048 for 0.04 without a ratio or resolution; 4K is refused."""
    model = SHIPPED.models["seedream-5-lite"]
    assert (model.supported_aspect_ratios[0], model.supported_resolutions[0]) == ("1:1", "2K")
    assert "4K" not in model.supported_resolutions
    assert model.find_size("1:1", "2K") == Size(2048, 2048)
    rate = model.find_rate(resolution="2K", sound=False)
    assert rate is not None
    assert rate.unit_price == Decimal("0.04")


def test_what_is_known_of_the_seedance_models_is_kept() -> None:
    """The samples: 5 s of 1080p with sound for 0.05/s; 10 s at 16:9 of the older model."""
    newer, older = SHIPPED.models["seedance-v1-5-pro"], SHIPPED.models["seedance-v1-pro"]
    assert newer.supports_sound
    assert newer.supported_durations[0] == 5
    assert set(newer.supported_references) == {"reference_image", "first_frame", "last_frame"}
    for model in (newer, older):
        assert (model.find_size("16:9", "1080p"), model.fps) == (Size(1920, 1080), 24)
        rate = model.find_rate(resolution="1080p", sound=model.supports_sound)
        assert rate is not None
        assert (rate.billable_unit, rate.unit_price) == ("video_second", Decimal("0.05"))
        assert sorted(model.supported_durations) == list(range(4, 13))


@pytest.mark.parametrize(
    ("ratio", "resolution", "width", "height"),
    [
        ("16:9", "2K", 2848, 1600),
        ("9:16", "2K", 1600, 2848),
        ("4:3", "2K", 2304, 1728),
        ("3:2", "2K", 2496, 1664),
        ("1:1", "1K", 1024, 1024),
        ("16:9", "1K", 1312, 736),
        ("16:9", "720p", 1280, 720),
        ("1:1", "720p", 960, 960),
        ("21:9", "720p", 1470, 630),
        ("16:9", "480p", 864, 496),
    ],
)
def test_the_makers_sizes_are_kept(ratio: str, resolution: str, width: int, height: int) -> None:
    """Where a maker's table gives a size, every model that has the pair has that size."""
    sizes = [model.sizes.get((ratio, resolution)) for model in SHIPPED.list_models()]
    found = {size for size in sizes if size}
    assert found == {Size(width, height)}


@every_model
def test_each_pair_of_a_model_has_a_size_of_its_own(model: Model) -> None:
    """The file lists a size for each pair, near its ratio, even for videos, larger with more K."""
    entry = next(entry for entry in ENTRIES if entry["id"] == model.id)
    for ratio in model.supported_aspect_ratios:
        width, height = parse_ratio(ratio) or (0, 0)
        areas = {}
        for resolution in model.supported_resolutions:
            assert resolution in entry["x_mock"]["sizes"][ratio]
            size = model.find_size(ratio, resolution)
            assert size.width / size.height == pytest.approx(width / height, rel=0.025)
            step = 2 if model.type == "video" else 16
            assert (size.width % step, size.height % step) == (0, 0)
            areas[int(resolution[:-1])] = size.width * size.height
        assert [areas[key] for key in sorted(areas)] == sorted(areas.values())


@every_model
def test_each_choice_of_a_shipped_model_has_a_price(model: Model) -> None:
    """Empty rates do not mean free, so a model that we invent prices for has all of them."""
    for resolution in model.supported_resolutions:
        for sound in {False, model.supports_sound}:
            rate = model.find_rate(resolution=resolution, sound=sound)
            assert rate is not None
            assert rate.unit_price > 0


@every_model
def test_a_generation_takes_the_time_that_api_facts_propose(model: Model) -> None:
    """Pictures were seen to take 25 to 35 s; for videos 20 to 60 s is our choice."""
    low, high = model.seconds
    least, most = (20, 60) if model.type == "video" else (25, 35)
    assert least <= low < high <= most


def test_models_are_made_in_the_past_and_in_utc() -> None:
    """A model created in the future would be news to the client that is listing it."""
    for model in SHIPPED.list_models():
        assert model.created_at.utcoffset() == timedelta()
        assert model.created_at.astimezone(UTC).year in {2025, 2026}


@every_entry
def test_every_value_has_its_evidence_and_nothing_else_has(entry: dict[str, Any]) -> None:
    """A claim about getimg.ai names its evidence; evidence for what is gone goes as well."""
    marks = dict(EVIDENCE["models"][entry["id"]])
    marks.pop("note", None)
    claimed = dict(_claims(entry))
    assert list(marks) == list(claimed)
    for field, values in claimed.items():
        mark = marks[field]
        named = dict.fromkeys(values, "") if isinstance(mark, str) else mark
        assert set(named) - {"*"} <= set(values), field
        for value in values:
            found = mark if isinstance(mark, str) else mark.get(value, mark.get("*", ""))
            assert MARK.fullmatch(found), (field, value)


def test_evidence_is_kept_for_the_shipped_models_only() -> None:
    """A model that leaves the catalogue takes its evidence along."""
    assert list(EVIDENCE["models"]) == [entry["id"] for entry in ENTRIES]


def _claims(entry: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each field of a model's entry with the names of its values."""
    for field, value in entry.items():
        if field == "pricing":
            yield "pricing currency", []
            yield "pricing rates", [_rate_name(rate) for rate in value["rates"]]
        elif field == "x_mock":
            for key, ours in value.items():
                sizes = ours if key == "sizes" else {}
                yield f"x_mock {key}", [f"{ratio} {res}" for ratio in sizes for res in sizes[ratio]]
        else:
            many = isinstance(value, (list, dict))
            yield field, [str(each) for each in value] if many else []
            if value and isinstance(value, list):
                yield f"{field} order", []
            if value and isinstance(value, dict):
                yield f"{field} counts", []


def _rate_name(rate: dict[str, Any]) -> str:
    words = [rate["resolution"] or "any"]
    if rate["billable_unit"] == "video_second":
        words.append(rate["sound"])
    return " ".join(words)


rates = st.builds(
    Rate,
    billable_unit=st.just("video_second"),
    resolution=st.sampled_from(["480p", "720p", "1080p", None]),
    sound=st.sampled_from(["sound_on", "sound_off", "not_applicable"]),
    unit_price=st.decimals(0, 1, places=3),
)


@given(
    rates=st.lists(rates, unique_by=lambda rate: (rate.resolution, rate.sound)),
    resolution=st.sampled_from(["480p", "720p", "1080p", "4K"]),
    sound=st.booleans(),
)
def test_the_rate_is_the_most_exact_one_that_applies(
    rates: list[Rate],
    resolution: str,
    sound: bool,  # noqa: FBT001 - Hypothesis gives keywords
) -> None:
    """Exact resolution before any, then exact sound before `not_applicable` (inferred)."""
    model = _with_rates(rates)
    by_key = {(rate.resolution, rate.sound): rate for rate in rates}
    exact = "sound_on" if sound else "sound_off"
    order = [
        (resolution, exact),
        (resolution, "not_applicable"),
        (None, exact),
        (None, "not_applicable"),
    ]
    expected = next((by_key[key] for key in order if key in by_key), None)
    assert model.find_rate(resolution=resolution, sound=sound) == expected


def _with_rates(rates: list[Rate]) -> Model:
    return replace(SHIPPED.models["seedance-v1-5-pro"], rates=tuple(rates))


@pytest.mark.parametrize(
    ("given_id", "nearest"),
    [
        ("seedream-5-light", "seedream-5-lite"),
        ("Seedance-1.5-Pro", "seedance-v1-5-pro"),
        ("gpt-image-1", "gpt-image-2"),
        ("SEEDREAM-5-LITE", "seedream-5-lite"),
        ("stable-diffusion", None),
        ("", None),
    ],
)
def test_the_nearest_id_is_found_or_none_is(given_id: str, nearest: str | None) -> None:
    """A typing error gets its model, whatever its case; a stranger gets None."""
    assert SHIPPED.find_nearest(given_id) == nearest


def test_no_likeness_is_computed_for_a_text_that_is_too_long_for_any_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A body may hold a model of 25 MB, and likeness would take seconds of it."""
    monkeypatch.setattr(catalogue, "get_close_matches", pytest.fail)
    assert SHIPPED.find_nearest("x" * 101) is None


def test_the_list_is_parted_by_type_in_its_order() -> None:
    """`?type=` shows the models of one type, without changing their order."""
    assert SHIPPED.list_models() == SHIPPED.list_models(type="image") + SHIPPED.list_models(
        type="video"
    )
    assert {model.type for model in SHIPPED.list_models(type="video")} == {"video"}
    assert SHIPPED.list_models() == tuple(SHIPPED.models.values())


def test_what_the_api_shows_can_be_changed_without_changing_the_catalogue() -> None:
    """The catalogue is shared by all workspaces, so no answer may reach into it."""
    model = SHIPPED.models["seedream-5-lite"]
    before, shown = model.as_json(), model.as_json()
    shown["supported_references"].clear()
    shown["supported_resolutions"].append("8K")
    shown["pricing"]["rates"].clear()
    assert model.as_json() == before
    with pytest.raises(TypeError):
        SHIPPED.models["new"] = model  # type: ignore[index]


@given(st.text(max_size=40), st.sampled_from(["image", "video"]))
def test_an_imagined_model_can_do_what_any_shipped_one_can(name: str, kind: ModelType) -> None:
    """The lenient mode answers any model id, so the made-up model must not be the narrow one."""
    model = SHIPPED.imagine_model(name, kind)
    assert (model.id, model.type) == (name, kind)
    for other in SHIPPED.list_models(type=kind):
        assert set(other.supported_aspect_ratios) <= set(model.supported_aspect_ratios)
        assert set(other.supported_resolutions) <= set(model.supported_resolutions)
        assert set(other.supported_durations) <= set(model.supported_durations)
        assert set(other.supported_references) <= set(model.supported_references)
        assert other.supports_sound <= model.supports_sound
    if name:
        assert violations("model", model.as_json()) == []


def test_the_most_extreme_ratio_still_has_pixels_to_draw() -> None:
    """The bounds hold where the ratio cannot: neither side vanishes nor outgrows the formats."""
    assert compute_size("1:9999", "512", video=False) == Size(SMALLEST, LARGEST)
    assert compute_size("9999:1", "4K", video=True) == Size(LARGEST, SMALLEST)


words = st.text(max_size=12) | st.from_regex(r"\d{1,6}(\.\d{1,4})?[kKpPx:]{0,2}\d{0,6}")


@given(words, words, st.booleans())
def test_any_two_words_have_a_size_that_can_be_drawn(
    ratio: str,
    resolution: str,
    video: bool,  # noqa: FBT001 - Hypothesis gives positions
) -> None:
    """The lenient mode passes unknown words on; the size must exist, in steps and in bounds."""
    size = compute_size(ratio, resolution, video=video)
    for side in (size.width, size.height):
        assert SMALLEST <= side <= LARGEST
        assert side % (2 if video else 16) == 0


@given(st.integers(1, 50), st.integers(1, 50), st.sampled_from(["1K", "2K", "720p", "512"]))
def test_a_computed_size_has_its_ratio_and_the_area_of_its_resolution(
    width: int, height: int, resolution: str
) -> None:
    """All ratios of a resolution have one area, as far as rounding and the bounds let them."""
    size = compute_size(f"{width}:{height}", resolution, video=False)
    square = compute_size("1:1", resolution, video=False)
    if max(size.width, size.height) < LARGEST and min(size.width, size.height) >= 160:
        assert size.width / size.height == pytest.approx(width / height, rel=0.11)
        assert size.width * size.height == pytest.approx(square.width * square.height, rel=0.11)


def test_the_documented_sizes_come_out_of_the_rule_as_well() -> None:
    """A user's own file without sizes still gives what the documentation shows."""
    assert compute_size("1:1", "2K", video=False) == Size(2048, 2048)
    assert compute_size("16:9", "1080p", video=True) == Size(1920, 1080)
    assert compute_size("16:9", "720p", video=True) == Size(1280, 720)
    assert compute_size("16:9", "4K", video=True) == Size(3840, 2160)
    assert compute_size("auto", "HD", video=True) == Size(1280, 720)
    assert compute_size("auto", "HD", video=False) == Size(1024, 1024)


def test_loading_the_shipped_catalogue_validates_nothing() -> None:
    """Every start waits for it, and the tests have judged the file: no schema is compiled."""
    program = (
        "from getimg_mock import schemas; from getimg_mock.world import catalogue;"
        "first = catalogue.Catalogue.load_shipped();"
        "again = catalogue.Catalogue.load_shipped();"
        "print(schemas.validator.cache_info().currsize, first is again)"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "True"]
