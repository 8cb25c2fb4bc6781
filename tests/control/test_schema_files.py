"""The schemas under `/__mock__/schemas/`: reachable, and resolvable at the address they state."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import jsonschema_rs
import pytest

from getimg_mock import schemas

if TYPE_CHECKING:
    from tests.control.client import Client

FOLDER = "/__mock__/schemas"
EVERY = schemas.own_names() + schemas.names()


def list_references(part: Any) -> list[str]:
    """Return the value of every `$ref` in a schema."""
    if isinstance(part, list):
        return [found for each in part for found in list_references(each)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [found for each in part.values() for found in list_references(each)]


@pytest.mark.parametrize("name", EVERY)
def test_a_schema_and_each_reference_in_it_is_at_its_address(client: Client, name: str) -> None:
    """An editor that follows `$id` and `$ref` gets a schema each time, and never a foreign host."""
    reply = client.get(f"{FOLDER}/{name}.json")
    assert reply.status == 200
    address = reply.json["$id"]
    host, mark, path = address.partition("/__mock__")
    assert host.startswith("http://")
    assert mark + path == f"{FOLDER}/{name}.json"
    for reference in list_references(reply.json):
        target = urljoin(address, reference).partition("#")[0]
        assert target.startswith(host)
        assert client.get(target.removeprefix(host)).json["$id"] == target


def test_the_entries_for_editors_name_schemas_that_are_there(client: Client) -> None:
    """What docs/schemas.md shows can be pasted, and sent in to SchemaStore."""
    page = Path(__file__).parents[2].joinpath("docs", "schemas.md").read_text(encoding="utf-8")
    shown = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    entries = next(each for each in shown if isinstance(each, list))
    urls = set(re.findall(r"https?://\S+/schemas(/own/[\w-]+\.json)", page))
    assert {each["url"].partition("/schemas")[2] for each in entries} <= urls
    assert len(urls) >= 4
    assert all(each["fileMatch"] and each["name"] and each["description"] for each in entries)
    assert all(client.get(FOLDER + url).status == 200 for url in urls)


def test_the_list_names_every_schema(client: Client) -> None:
    """What there is need not be guessed."""
    listed = client.get(FOLDER).json["schemas"]
    assert [each["name"] for each in listed] == list(EVERY)
    assert all(each["url"].endswith(f"{FOLDER}/{each['name']}.json") for each in listed)


@pytest.mark.parametrize("path", ["/own/setings.json", "/own/settings", "/../pyproject.json"])
def test_an_unknown_schema_is_refused(client: Client, path: str) -> None:
    """The answer names the nearest schema; no other file can be read."""
    reply = client.get(FOLDER + path)
    assert reply.status == 404
    assert reply.json["error"]["message"].startswith("Unknown schema")


def test_a_models_file_is_validated_with_served_schemas_alone(client: Client) -> None:
    """The schema of models files refers to that of a model: both come from the fake."""
    schema = client.get(f"{FOLDER}/own/models-file.json").json
    host = schema["$id"].partition("/__mock__")[0]

    def retrieve(address: str) -> Any:
        return client.get(address.removeprefix(host)).json

    validator = jsonschema_rs.Draft202012Validator(schema, retriever=retrieve)
    assert validator.is_valid({"extends": True, "remove": ["z-image-turbo"]})
    assert not validator.is_valid([{"id": "my-model"}])
    assert not validator.is_valid({"extend": True})
