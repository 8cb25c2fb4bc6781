"""The committed schemas/openapi.json: in step with what it is made of, and right."""

from __future__ import annotations

import json

from openapi_spec_validator import OpenAPIV31SpecValidator

from getimg_mock._shipped import read_text
from getimg_mock.api.openapi_document import render_openapi


def test_the_committed_document_is_in_step_with_schemas_and_examples() -> None:
    """Who changes a schema rebuilds the document: `getimg-mock openapi > schemas/openapi.json`."""
    assert read_text("schemas", "openapi.json") == render_openapi()


def test_the_committed_document_is_an_openapi_3_1_document() -> None:
    """Generators, linters and fuzzers can take it as it is."""
    document = json.loads(read_text("schemas", "openapi.json"))
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
