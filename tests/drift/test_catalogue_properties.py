"""Of any two catalogues, each difference is one row, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock import schemas
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.drift.catalogue_changes import compare_catalogues

Model = dict[str, Any]
Row = tuple[str, str, str]
OTHER: Final = load_shipped_models()[0]
Draw = Callable[[st.SearchStrategy[Any]], Any]

EXAMPLES: Final = 30
RATIOS: Final = ("1:1", "16:9", "9:16", "4:3", "any", "")
RESOLUTIONS: Final = ("1K", "2K", "2K sound_on", "any", "")
ROLES: Final = ("reference_image", "first_frame", "a role", "")
SOUNDS: Final = ("sound_on", "sound_off", "not_applicable")
TEXTS: Final = st.sampled_from(["", "a", "<b>", "x" * 300, "16:9", "any"])
EXTRAS: Final = st.dictionaries(
    st.sampled_from(["seed", "note", "tags", "x"]),
    st.none() | st.booleans() | st.integers(0, 3) | TEXTS | st.lists(TEXTS, max_size=2),
    max_size=2,
)
NAMES: Final = st.sampled_from(["a", "a b", "model a", "B"])
PRICES: Final = st.decimals(0, 100, places=3).map(str)


def lists(values: tuple[Any, ...]) -> st.SearchStrategy[list[Any]]:
    """Draw lists of different values, in any order."""
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values))


@st.composite
def rates(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw rates, each for something else."""
    keys = st.tuples(
        st.sampled_from(["image", "video_second", "any"]),
        st.none() | st.sampled_from(RESOLUTIONS[:-1]),
        st.sampled_from(SOUNDS),
    )
    return [
        {
            "billable_unit": unit,
            "resolution": resolution,
            "sound": sound,
            "unit_price": draw(PRICES),
            **draw(EXTRAS),
        }
        for unit, resolution, sound in draw(st.lists(keys, unique=True, max_size=4))
    ]


@st.composite
def models(draw: st.DrawFn, name: str) -> Model:
    """Draw a model that fits the schema."""
    model = {
        "id": name,
        "name": draw(TEXTS),
        "type": draw(st.sampled_from(["image", "video"])),
        "created_at": draw(st.sampled_from(["2026-01-01T00:00:00.000Z", "2026-02-03T04:05:06Z"])),
        "supported_aspect_ratios": draw(lists(RATIOS)),
        "supported_resolutions": draw(lists(RESOLUTIONS)),
        "supported_durations": draw(lists((4, 5, 7.5, 10))),
        "supported_references": draw(
            st.dictionaries(st.sampled_from(ROLES), st.integers(0, 9), max_size=3)
        ),
        "supports_sound": draw(st.booleans()),
        "pricing": {"currency": "USD", "rates": draw(rates()), **draw(EXTRAS)},
        **draw(EXTRAS),
    }
    assert not schemas.violations("model", model)
    return model


@st.composite
def catalogues(draw: st.DrawFn) -> list[Model]:
    """Draw a catalogue with one model of each id."""
    return [draw(models(name)) for name in draw(st.lists(NAMES, unique=True, max_size=2))]


class Edit(NamedTuple):
    """A change of a model, and the rows that it must give, without `model ID`."""

    apply: Callable[[Model], None]
    rows: list[Row]


def set_field(name: str, value: Any) -> Callable[[Model], None]:
    """Return the edit that sets a field."""
    return lambda model: model.update({name: value})


def edit_list(draw: Draw, model: Model, name: str, values: tuple[Any, ...]) -> Edit:
    """Replace a list."""
    old, new = model[name], draw(lists(values))
    rows = []
    if set(old) - set(new):
        rows.append((name, "values changed", "breaking"))
    elif set(new) - set(old):
        rows.append((name, "values changed", "info"))
    if old and new and old[0] != new[0]:
        rows.append((f"default of {name}", "default changed", "warning"))
    return Edit(set_field(name, new), rows)


def edit_price(draw: Draw, model: Model) -> Edit | None:
    """Change one price, or write it otherwise; remove the rate, or give it a field."""
    found = model["pricing"]["rates"]
    if not found:
        return None
    at = draw(st.integers(0, len(found) - 1))
    rate = found[at]
    key = ("billable_unit", "resolution", "sound")
    subject = f"pricing {' '.join(rate[each] or 'any' for each in key)}"
    kind = draw(st.sampled_from(["price", "digits", "gone", "field", "order"]))

    def apply(model: Model) -> None:
        changed = model["pricing"]["rates"]
        if kind == "price":
            changed[at]["unit_price"] += "1"
        elif kind == "digits":
            changed[at]["unit_price"] += "00"
        elif kind == "gone":
            del changed[at]
        elif kind == "order":
            changed.reverse()
        else:
            changed[at]["fresh"] = True

    rows: dict[str, list[Row]] = {
        "price": [(subject, "price changed", "warning")],
        "gone": [(subject, "removed", "warning")],
        "field": [(f"{subject} fresh", "added", "info")],
    }
    return Edit(apply, rows.get(kind, []))


def edit_references(draw: Draw, model: Model) -> Edit:
    """Change how many references of one role a model takes; none is as if it were not listed."""
    role, most = draw(st.sampled_from(ROLES)), draw(st.integers(0, 9))
    before = model["supported_references"].get(role, 0)
    rows: list[Row] = []
    if most != before:
        severity = "breaking" if most < before else "info"
        rows = [(f"supported_references {role}", "limit changed", severity)]

    def apply(model: Model) -> None:
        model["supported_references"][role] = most

    return Edit(apply, rows)


def edit_plain(draw: Draw, model: Model) -> Edit:
    """Change a field with one value, or how a moment is written."""
    name = draw(st.sampled_from(["name", "type", "created_at", "supports_sound", "moment", "new"]))
    if name == "type":
        other = "video" if model["type"] == "image" else "image"
        return Edit(set_field(name, other), [(name, "type changed", "breaking")])
    if name == "supports_sound":
        severity = "breaking" if model[name] else "info"
        return Edit(set_field(name, not model[name]), [(name, "values changed", severity)])
    if name == "moment":
        return Edit(set_field("created_at", model["created_at"].replace("Z", "+00:00")), [])
    if name == "new":
        return Edit(set_field("fresh", ["x"]), [("fresh", "added", "info")])
    other = "2027-01-01T00:00:00Z" if name == "created_at" else "another"
    return Edit(set_field(name, other), [(name, "values changed", "info")])


def edit_extra(draw: Draw, model: Model) -> Edit | None:
    """Change or remove a field that no schema describes."""
    name = next((each for each in ("seed", "note", "tags", "x") if each in model), None)
    if name is None:
        return None
    if draw(st.booleans()):
        return Edit(set_field(name, {"a": 1}), [(name, "values changed", "info")])
    return Edit(lambda model: model.__delitem__(name), [(name, "removed", "warning")])


def draw_edit(draw: Draw, model: Model) -> Edit | None:
    """Draw one change of a model."""
    kind = draw(st.sampled_from(["plain", "ratios", "resolutions", "durations", "references"]))
    kind = draw(st.sampled_from([kind, "price", "extra"]))
    if kind == "plain":
        return edit_plain(draw, model)
    if kind == "references":
        return edit_references(draw, model)
    if kind == "price":
        return edit_price(draw, model)
    if kind == "extra":
        return edit_extra(draw, model)
    name, values = {
        "ratios": ("supported_aspect_ratios", RATIOS),
        "resolutions": ("supported_resolutions", RESOLUTIONS),
        "durations": ("supported_durations", (4, 5, 7.5, 10)),
    }[kind]
    return edit_list(draw, model, name, values)


def compare(before: list[Model], after: list[Model]) -> list[Row]:
    """Return the rows of a comparison."""
    return sorted(
        (row.subject, row.change, row.severity) for row in compare_catalogues("live", before, after)
    )


@settings(max_examples=EXAMPLES)
@given(catalogues())
def test_a_catalogue_does_not_differ_from_itself(listed: list[Model]) -> None:
    """Nor from the same models in another order."""
    assert compare(listed, deepcopy(listed)[::-1]) == []


@settings(max_examples=EXAMPLES)
@given(catalogues(), catalogues())
def test_models_that_one_has_alone_are_added_or_gone(one: list[Model], other: list[Model]) -> None:
    """Each of them is one row; what else a catalogue has changes no row of a model."""
    before, after = ({each["id"]: each for each in listed} for listed in (one, other))
    expected = [
        (f"model {name}", "model gone", "breaking") for name in before.keys() - after.keys()
    ]
    expected += [(f"model {name}", "model added", "info") for name in after.keys() - before.keys()]
    for name in before.keys() & after.keys():
        expected += compare([before[name]], [after[name]])
    assert compare(one, other) == sorted(expected)


@settings(max_examples=3 * EXAMPLES)
@given(st.data())
def test_each_edit_gives_its_rows_and_no_other(data: st.DataObject) -> None:
    """One for each field that changed; none for how an amount or a moment is written."""
    catalogue = [data.draw(models("a")), OTHER]
    changed = deepcopy(catalogue)
    model = changed[0]
    edit = draw_edit(data.draw, deepcopy(model))
    if edit is None:
        return
    edit.apply(model)
    assert compare(catalogue, changed) == sorted(
        (f"model {model['id']} {subject}", change, severity)
        for subject, change, severity in edit.rows
    )
