"""The OpenAPI document of the controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openapi_spec_validator import validate

from getimg_mock.control import command_table
from getimg_mock.control.interface_document import build_document

if TYPE_CHECKING:
    from tests.control.client import Client


class TestDocument:
    """The OpenAPI document of the controls."""

    def test_is_valid(self) -> None:
        """OpenAPI 3.1, by the reference validator."""
        validate(build_document())

    def test_describes_every_command_and_nothing_else(self) -> None:
        """It is made from the commands, so neither can be forgotten."""
        told = {
            (method.upper(), path)
            for path, operations in build_document()["paths"].items()
            for method in operations
        }
        known = {(each.method, f"/__mock__{each.path}") for each in command_table.COMMANDS}
        streams = {("GET", "/__mock__/journal/tail"), ("GET", "/__mock__/changes")}
        others = {
            ("GET", "/__mock__/verdict"),
            ("POST", "/__mock__/requests"),
            ("POST", "/__mock__/session"),
        }
        assert told == known | streams | others

    def test_names_are_unique(self) -> None:
        """An operation's id is a function's name in generated clients."""
        names = [each.name for each in command_table.COMMANDS]
        assert len(set(names)) == len(names)
        assert len({(each.method, each.path) for each in command_table.COMMANDS}) == len(names)

    def test_every_error_fits_its_schema(self, client: Client) -> None:
        """One envelope for all of them."""
        schema = build_document()["components"]["schemas"]["Error"]
        for path in ("/nothing", "/journal?status=x", "/generations/req-1"):
            error = client.get(f"/__mock__{path}").json["error"]
            assert set(schema["properties"]["error"]["required"]) <= error.keys()
