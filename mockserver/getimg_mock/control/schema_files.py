"""Serves the JSON Schemas under `/__mock__/schemas/`, at the paths that their files have.

The `$id` of a file is under a name that no host can have. That of a served schema is the address
it is served at, so that editors and validators resolve it and each reference in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.request_guard import read_host
from getimg_mock.errors import ControlError, UnknownNameError
from getimg_mock.schemas import load_schema, names, own_names

if TYPE_CHECKING:
    from starlette.types import Scope

    from getimg_mock.schemas import Json

FOLDER: Final = "/schemas"
_ENDING: Final = ".json"


def is_schema_path(path: str) -> bool:
    """Return whether a path below the control prefix is that of a schema, or of their list."""
    return path == FOLDER or path.startswith(f"{FOLDER}/")


def build_schema(scope: Scope, path: str) -> Json:
    """Return the schema at `path`, or the list of all; raises `ControlError` for an unknown one."""
    base = f"{scope['scheme']}://{read_host(scope)}{scope.get('root_path', '')}/__mock__{FOLDER}/"
    name = path.removeprefix(FOLDER).strip("/")
    known = own_names() + names()
    if not name:
        return {"schemas": [_describe(each, base) for each in known]}
    found = name.removesuffix(_ENDING)
    if not name.endswith(_ENDING) or found not in known:
        error = UnknownNameError("schema", name, [f"{each}{_ENDING}" for each in known])
        raise ControlError("not_found", str(error), status=404, nearest=error.nearest)
    return {**load_schema(found), "$id": f"{base}{name}"}


def _describe(name: str, base: str) -> dict[str, Any]:
    schema = load_schema(name)
    return {
        "name": name,
        "description": schema["description"],
        "url": f"{base}{name}{_ENDING}",
    }
