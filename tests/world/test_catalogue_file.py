"""Models files: what is taken, what comes of it, and what is said of a bad one, and where."""

from __future__ import annotations

import copy
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock._shipped import read_text
from getimg_mock.errors import CatalogueError, SettingsError
from getimg_mock.schemas import violations
from getimg_mock.world.catalogue import Catalogue, Size
from getimg_mock.world.clock import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

SHIPPED = Catalogue.load_shipped()

ENTRIES: dict[str, dict[str, Any]] = {
    entry["id"]: entry for entry in json.loads(read_text("fixtures", "models.json"))
}
IMAGE = {
    **ENTRIES["seedream-4"],
    "id": "new-image",
    "x_mock": {"seconds": [1, 2.5], "sizes": {"16:9": {"2K": [2560, 1440]}}},
}
VIDEO = {**ENTRIES["seedance-v1-pro"], "id": "new-video", "x_mock": {"fps": 30}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move to a working directory of the test's own, so that a file's name is its path."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(document: object) -> Catalogue:
    """Return the catalogue of a file with `document`."""
    Path("models.json").write_text(json.dumps(document), encoding="utf-8")
    return Catalogue.from_file(Path("models.json"))


def refusal(document: object) -> str:
    """Return what is said of a file with `document`."""
    with pytest.raises(CatalogueError) as caught:
        loaded(document)
    return str(caught.value)


@pytest.mark.usefixtures("folder")
def test_the_answer_of_the_real_api_can_be_used_as_it_is() -> None:
    """What `GET /v2/models` answered, saved by curl, replaces the catalogue and is shown again."""
    answer = [model.as_json() for model in SHIPPED.list_models()]
    answer += [
        {key: value for key, value in each.items() if key != "x_mock"} for each in (IMAGE, VIDEO)
    ]
    catalogue = loaded(answer)
    assert [model.as_json() for model in catalogue.list_models()] == answer


@pytest.mark.usefixtures("folder")
def test_a_model_that_is_shipped_as_well_keeps_our_sizes_and_times() -> None:
    """The documented sizes stay with a model, whether or not the file has our own key."""
    for model in loaded([model.as_json() for model in SHIPPED.list_models()]).list_models():
        shipped = SHIPPED.models[model.id]
        assert (model.sizes, model.seconds, model.fps) == (
            shipped.sizes,
            shipped.seconds,
            shipped.fps,
        )


@pytest.mark.usefixtures("folder")
def test_one_size_of_a_shipped_model_can_be_changed_alone() -> None:
    """What `x_mock` leaves out comes from the shipped model, pair by pair."""
    entry = SHIPPED.models["seedream-5-lite"].as_json()
    catalogue = loaded([{**entry, "x_mock": {"sizes": {"16:9": {"2K": [2560, 1440]}}}}])
    model = catalogue.models["seedream-5-lite"]
    assert model.find_size("16:9", "2K") == Size(2560, 1440)
    assert model.find_size("16:9", "3K") == Size(4272, 2400)
    assert model.find_size("4:3", "2K") == Size(2304, 1728)


@pytest.mark.usefixtures("folder")
def test_what_a_file_says_of_a_shipped_model_wins() -> None:
    """Our own key fills gaps; it overrules nothing that the user wrote."""
    entry = SHIPPED.models["seedance-v1-pro"].as_json()
    model = loaded([{**entry, "x_mock": {"fps": 30}}]).models["seedance-v1-pro"]
    assert (model.fps, model.seconds) == (30, SHIPPED.models["seedance-v1-pro"].seconds)


@pytest.mark.usefixtures("folder")
def test_a_model_of_the_other_type_takes_nothing_from_the_shipped_one() -> None:
    """The same id with another type is another model; a picture's times are no video's."""
    model = loaded([{**VIDEO, "id": "seedream-4", "x_mock": {}}]).models["seedream-4"]
    assert model.seconds == (20, 60)


@pytest.mark.usefixtures("folder")
def test_what_a_file_leaves_out_is_computed() -> None:
    """A stranger without `x_mock` gets sizes by the rule, 24 frames and the usual times."""
    image, video = loaded([{**IMAGE, "x_mock": {}}, {**VIDEO, "x_mock": {}}]).list_models()
    assert image.find_size("1:1", "2K") == Size(2048, 2048)
    assert image.find_size("16:9", "1K") == Size(1360, 768)
    assert image.find_size("16:9", "2K") == Size(2736, 1536)
    assert (video.find_size("16:9", "720p"), video.fps) == (Size(1280, 720), 24)
    assert (image.seconds, video.seconds) == ((25, 35), (20, 60))


@pytest.mark.usefixtures("folder")
def test_our_own_key_is_used_and_never_shown() -> None:
    """`x_mock` is no part of getimg.ai's answer."""
    image, video = loaded([IMAGE, VIDEO]).list_models()
    assert (image.find_size("16:9", "2K"), image.seconds) == (Size(2560, 1440), (1, 2.5))
    assert video.fps == 30
    assert "x_mock" not in image.as_json()


@pytest.mark.usefixtures("folder")
def test_a_field_that_we_do_not_know_is_shown_again() -> None:
    """The real API may grow fields; whoever saved them wants them back."""
    model = loaded([{**IMAGE, "description": {"en": "Fast"}}]).models["new-image"]
    assert model.as_json()["description"] == {"en": "Fast"}


@pytest.mark.usefixtures("folder")
def test_a_price_keeps_the_digits_it_was_written_with() -> None:
    """The catalogue's prices are decimal strings: 0.0300 stays 0.0300."""
    pricing = copy.deepcopy(IMAGE["pricing"])
    pricing["rates"][0]["unit_price"] = "0.0300"
    shown = loaded([{**IMAGE, "pricing": pricing}]).models["new-image"].as_json()
    assert shown["pricing"] == pricing


@pytest.mark.usefixtures("folder")
def test_an_extension_replaces_in_place_adds_at_the_end_and_removes() -> None:
    """The order is the order of the list that clients see."""
    dearer = {**ENTRIES["seedream-4"], "name": "Mine"}
    catalogue = loaded({"extends": True, "models": [VIDEO, dearer], "remove": ["z-image-turbo"]})
    expected = [model_id for model_id in SHIPPED.models if model_id != "z-image-turbo"]
    assert list(catalogue.models) == [*expected, "new-video"]
    assert catalogue.models["seedream-4"].name == "Mine"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "document", [[VIDEO], {"models": [VIDEO]}, {"extends": False, "models": [VIDEO]}]
)
def test_a_file_that_does_not_extend_replaces(document: object) -> None:
    """Nothing of the shipped catalogue stays unless the file says so."""
    assert list(loaded(document).models) == ["new-video"]


@pytest.mark.usefixtures("folder")
def test_a_byte_order_mark_is_let_pass() -> None:
    """Shells and editors on Windows write one."""
    Path("models.json").write_text(json.dumps([IMAGE]), encoding="utf-8-sig")
    assert list(Catalogue.from_file(Path("models.json")).models) == ["new-image"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "models: holds no model"),
        ([IMAGE, 5], "models[1]: "),
        ([IMAGE, VIDEO, IMAGE], 'models[2].id: "new-image" is the id of models[0] already.'),
        (5, "must be an array of models, or an object with them, not 5."),
        (None, "must be an array of models, or an object with them, not null."),
        ({}, "models: holds no model"),
        ({"models": {}}, "models: must be an array"),
        ({"extends": 1, "models": [IMAGE]}, "extends: must be true or false, not 1."),
        ({"extend": True, "models": [IMAGE]}, 'extend: is an unknown key; did you mean "extends"?'),
        ({"data": [IMAGE]}, "data: is an unknown key; known: extends, models, remove."),
        (
            {"models": [IMAGE], "remove": ["x"]},
            'remove: means something only with "extends": true.',
        ),
        ({"extends": True, "remove": "x"}, "remove: must be an array of model ids"),
        ({"extends": True, "remove": [["x"]]}, "remove[0]: must be the id of a model"),
        (
            {"extends": True, "remove": ["seedream-4", "seedream-5-light"]},
            'remove[1]: unknown model "seedream-5-light"; did you mean "seedream-5-lite"?',
        ),
        (
            {"extends": True, "remove": ["seedream-4", "seedream-4"]},
            'remove[1]: names "seedream-4" a second time.',
        ),
        ({"extends": True, "remove": list(SHIPPED.models)}, "remove: leaves no model."),
        (
            {"error": {"message": "Incorrect API key.", "code": "invalid_api_key"}},
            'error: is a refusal of the API, not its list of models: "Incorrect API key.".',
        ),
    ],
)
def test_a_bad_document_is_refused_with_the_place(document: object, text: str) -> None:
    """What is around the models is ours, so it is judged strictly, with the nearest name."""
    assert refusal(document).startswith(f"models.json: {text}")


@pytest.mark.usefixtures("folder")
def test_further_errors_are_counted() -> None:
    """One error is told at a time; whoever repairs it wants to know whether it is the last."""
    bad = {**IMAGE, "supports_sound": True, "x_mock": {"fps": 0, "seconds": 0}}
    said = refusal([VIDEO, bad])
    assert said == (
        "models.json: models[1].supports_sound: must be false for an image model. (and 2 more)"
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'[\n  {"id": }\n]', "models.json:2:10: is not JSON: Expecting value."),
        (b"", "models.json:1:1: is not JSON: Expecting value."),
        (b'[1] "', "models.json:1:5: is not JSON: Extra data."),
        (b'{"id": 1, "id": 2}', 'models.json: has the key "id" twice in one object.'),
        (b"[NaN]", "models.json: holds NaN, which is not JSON."),
        (b"[1e999]", "models.json: holds a number that is too large: 1e999."),
        (b"[" + b"9" * 5000 + b"]", "models.json: "),
        (b"[" * 100_000, "models.json: is nested too deeply."),
        (b'["\\ud800"]', "models.json: holds half of a surrogate pair."),
        ("[]".encode("utf-16"), "models.json: is not UTF-8 text (byte 0); save it as UTF-8."),
        (b" " * (16 * 1024 * 1024 + 1), "models.json: is larger than 16 MiB"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_a_file_that_is_no_json_is_refused(folder: Path, data: bytes, text: str) -> None:
    """Nothing that can lie in a file is shown to the user as a traceback."""
    (folder / "models.json").write_bytes(data)
    with pytest.raises(CatalogueError) as caught:
        Catalogue.from_file(Path("models.json"))
    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_an_impossible_name_are_refused(folder: Path) -> None:
    """The text begins with the path as it was given and says what the system said."""
    (folder / "models").mkdir()
    for name, text in {
        "absent.json": "absent.json: cannot be read: No such file or directory.",
        "models": "models: cannot be read: ",
        "a\0b": "'a\\x00b': cannot be read: ",
    }.items():
        with pytest.raises(SettingsError) as caught:
            Catalogue.from_file(Path(name))
        assert str(caught.value).startswith(text)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of Unix")
def test_a_pipe_can_be_read(folder: Path) -> None:
    """`--models <(curl ...)` gives a pipe, which can be read once and has no size."""
    reading, writing = os.pipe()
    os.write(writing, json.dumps([IMAGE]).encode())
    os.close(writing)
    (folder / "models.json").symlink_to(f"/dev/fd/{reading}")
    assert list(Catalogue.from_file(Path("models.json")).models) == ["new-image"]
    os.close(reading)


ratios = st.builds("{}:{}".format, st.integers(1, 50), st.integers(1, 50))
resolutions = st.sampled_from(["480p", "720p", "1080p", "1K", "2K", "3K", "4K", "512", "HD"])
prices = st.decimals(0, 10, places=4).map(lambda price: format(price, "f"))

moments = st.integers(-(10**12), 10**14).map(
    lambda ms: f"{(EPOCH + timedelta(milliseconds=ms)).isoformat(timespec='milliseconds')[:23]}Z"
)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a model that follows every rule."""
    kind = draw(st.sampled_from(["image", "video"]))
    video = kind == "video"
    sounds = ["sound_on", "sound_off", "not_applicable"] if video else ["not_applicable"]
    known = draw(st.lists(resolutions, min_size=1, max_size=4, unique=True))
    shapes = draw(st.lists(ratios, min_size=1, max_size=4, unique=True))
    keys = draw(
        st.lists(st.tuples(st.sampled_from([*known, None]), st.sampled_from(sounds)), unique=True)
    )
    paid = sorted(draw(st.lists(prices, min_size=len(keys), max_size=len(keys))), key=float)
    side = st.integers(8, 4096).map(lambda half: 2 * half)
    size = st.lists(side, min_size=2, max_size=2)
    rows = st.dictionaries(st.sampled_from(known), size)
    low = draw(st.integers(0, 100))
    ours = {
        "fps": st.integers(1, 120),
        "seconds": st.just([low, low + draw(st.integers(0, 100))]),
        "sizes": st.dictionaries(st.sampled_from(shapes), rows),
    }
    roles = ["reference_image", "first_frame", "last_frame"] if video else ["reference_image"]
    lengths = st.lists(
        st.integers(1, 600) | st.floats(0.5, 600), min_size=1, max_size=5, unique=True
    )
    return {
        "id": draw(st.from_regex(r"[a-z0-9][a-z0-9.:_-]{0,20}", fullmatch=True)),
        "name": draw(st.text(max_size=10)),
        "type": kind,
        "created_at": draw(moments),
        "supported_aspect_ratios": shapes,
        "supported_resolutions": known,
        "supported_durations": draw(lengths) if video else [],
        "supported_references": draw(st.dictionaries(st.sampled_from(roles), st.integers(0, 20))),
        "supports_sound": draw(st.booleans()) if video else False,
        "pricing": {
            "currency": "USD",
            "rates": [
                {
                    "billable_unit": "video_second" if video else "image",
                    "resolution": resolution,
                    "sound": sound,
                    "unit_price": price,
                }
                for (resolution, sound), price in zip(keys, paid, strict=True)
            ],
        },
        "x_mock": draw(st.fixed_dictionaries({}, optional=ours)),
    }


catalogues = st.lists(entries(), min_size=1, max_size=3, unique_by=lambda entry: entry["id"])
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[object], Path]:
    """Write a document to one file that all examples of a property share."""
    path = tmp_path_factory.mktemp("catalogue") / "models.json"

    def write(document: object) -> Path:
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


@given(document=catalogues)
def test_a_catalogue_that_follows_the_rules_comes_back_as_it_was_written(
    document: list[dict[str, Any]], writer: Callable[[object], Path]
) -> None:
    """File to model to answer and back: nothing is lost, and every pair has its pixels."""
    catalogue = Catalogue.from_file(writer(document))
    shown = [model.as_json() for model in catalogue.list_models()]
    assert shown == [{k: v for k, v in entry.items() if k != "x_mock"} for entry in document]
    assert Catalogue.from_file(writer(shown)).models.keys() == catalogue.models.keys()
    for entry, model in zip(document, catalogue.list_models(), strict=True):
        assert violations("model", model.as_json()) == []
        pairs = {(a, b) for a in model.supported_aspect_ratios for b in model.supported_resolutions}
        assert set(model.sizes) == pairs
        for ratio, row in entry["x_mock"].get("sizes", {}).items():
            for resolution, size in row.items():
                assert model.find_size(ratio, resolution) == Size(*size)


@given(document=catalogues, data=st.data())
def test_a_catalogue_with_one_thing_changed_loads_or_is_refused_with_its_place(
    document: list[dict[str, Any]], data: st.DataObject, writer: Callable[[object], Path]
) -> None:
    """Any value anywhere: no other exception, and a refusal that begins with the file."""
    target: Any = document
    while True:
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        key = data.draw(st.sampled_from(keys))
        inner = target[key]
        if not (isinstance(inner, (dict, list)) and inner) or data.draw(st.integers(0, 3)) == 0:
            break
        target = inner
    target[key] = data.draw(junk)
    path = writer(document)
    try:
        catalogue = Catalogue.from_file(path)
    except CatalogueError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017 - loading is right as well
    else:
        for model in catalogue.list_models():
            assert violations("model", model.as_json()) == []


@given(document=junk)
def test_any_json_is_no_catalogue_and_is_refused_as_one(
    document: object, writer: Callable[[object], Path]
) -> None:
    """Junk is refused by our own error, never by a crash."""
    with pytest.raises(CatalogueError):
        Catalogue.from_file(writer(document))


@pytest.mark.usefixtures("folder")
def test_a_models_file_may_name_its_schema() -> None:
    """Editors find a schema by this key, so a file that has it is read as without it."""
    document = {"extends": True, "remove": ["z-image-turbo"]}
    named = {"$schema": "http://127.0.0.1:4010/__mock__/schemas/own/models-file.json", **document}
    plain = list(loaded(document).models)
    assert list(loaded(named).models) == plain
    assert violations("own/models-file", named) == []
