"""docs/catalogue.md: its table, its example and its error are what the code gives."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from getimg_mock.errors import CatalogueError
from getimg_mock.world.catalogue import Catalogue

PAGE = Path(__file__).parents[2].joinpath("docs", "catalogue.md").read_text(encoding="utf-8")
SHIPPED = Catalogue.load_shipped()


def block(language: str) -> str:
    """Return the text of the page's one block in `language`."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_table_lists_the_shipped_models_with_resolutions_and_prices() -> None:
    """A page about models that are gone, or dearer, would mislead."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    expected = []
    for model in SHIPPED.list_models():
        prices = [format(rate.unit_price, "f") for rate in model.rates]
        price = " to ".join(dict.fromkeys((prices[0], prices[-1])))
        expected.append((model.id, " ".join(model.supported_resolutions), price))
    assert [row for row in rows if row[0] in SHIPPED.models] == expected


def test_the_example_of_a_few_changes_can_be_used(tmp_path: Path) -> None:
    """The example on the page loads as it stands and does what the page says."""
    path = tmp_path / "models.json"
    path.write_text(block("json"), encoding="utf-8")
    catalogue = Catalogue.from_file(path)
    kept = [model_id for model_id in SHIPPED.models if model_id != "z-image-turbo"]
    assert list(catalogue.models) == [*kept, "my-model"]


def test_the_error_on_the_page_is_the_one_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows the text word for word."""
    monkeypatch.chdir(tmp_path)
    document = json.loads(block("json"))
    document["models"][0]["supported_aspect_ratios"][1] = "16x9"
    del document["models"][0]["x_mock"]
    Path("models.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        Catalogue.from_file(Path("models.json"))
    assert str(caught.value) == block("text").rstrip("\n")
