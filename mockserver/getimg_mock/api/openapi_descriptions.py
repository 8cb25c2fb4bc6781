"""Descriptions of the operations for the OpenAPI document, each with its evidence.

Sources: api-facts sections 1 to 9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from getimg_mock.schemas import Json

_SERVER_ERROR: Final = {500: "documented"}
_KEYED: Final = {401: "documented", **_SERVER_ERROR}
_SUBMITTED: Final = {
    400: "documented",
    402: "documented",
    413: "our choice",
    415: "our choice",
    422: "documented",
    429: "documented",
    **_KEYED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedOperation:
    """The description of one operation: its purpose, parameters and possible statuses.

    `statuses` gives each status its evidence. `links` are OpenAPI links, on the successful answer.
    """

    summary: str
    statuses: dict[int, str]
    parameters: tuple[Json, ...] = ()
    links: Json = field(default_factory=dict)


def _build_parameter(
    name: str, place: str, description: str, schema: Json, *, required: bool = True
) -> Json:
    return {
        "name": name,
        "in": place,
        "description": description,
        "required": required,
        "schema": schema,
        "x-evidence": "documented",
    }


_TEXT: Final[Json] = {"type": "string", "minLength": 1}
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}

DESCRIPTIONS: Final = {
    "images.generate": DescribedOperation(
        summary="Generate an image, and answer when it is completed",
        statuses={200: "documented", **_SUBMITTED},
    ),
    "videos.create": DescribedOperation(
        summary="Submit a video",
        statuses={202: "documented", **_SUBMITTED},
        links={
            "poll": {
                "operationId": "videos.retrieve",
                "parameters": {"id": "$response.body#/id"},
                "description": "The status of the video.",
            }
        },
    ),
    "videos.retrieve": DescribedOperation(
        summary="Get the status of a video, and its download link when it is completed",
        statuses={200: "documented", 404: "documented", **_KEYED},
        parameters=(
            _build_parameter("id", "path", "The id from the answer to the submission.", _TEXT),
        ),
    ),
    "models.list": DescribedOperation(
        summary="List the models",
        statuses={200: "documented", 400: "inferred", **_KEYED},
        parameters=(
            _build_parameter(
                "type",
                "query",
                "Only models that generate this type.",
                {"type": "string", "enum": ["image", "video"]},
                required=False,
            ),
        ),
        links={
            "first": {
                "operationId": "models.retrieve",
                "parameters": {"model": "$response.body#/0/id"},
                "description": "The first model of the list.",
            }
        },
    ),
    "models.retrieve": DescribedOperation(
        summary="Get one model",
        statuses={200: "documented", 404: "inferred", **_KEYED},
        parameters=(_build_parameter("model", "path", "The id of the model.", _TEXT),),
    ),
    "billing.balance": DescribedOperation(
        summary="Get the balance of the workspace",
        statuses={200: "documented", **_KEYED},
    ),
    "billing.costs": DescribedOperation(
        summary="List costs by UTC date",
        statuses={200: "documented", 400: "inferred", **_KEYED},
        parameters=(
            _build_parameter(
                "start",
                "query",
                "The start of the range, with a time zone; inclusive.",
                _MOMENT,
            ),
            _build_parameter(
                "end",
                "query",
                "The end of the range, with a time zone; inclusive, after start, and within 180 "
                "days of it.",
                _MOMENT,
            ),
        ),
    ),
    "downloads.retrieve": DescribedOperation(
        summary="Download a file; its link is signed and needs no key",
        statuses={
            200: "documented",
            **dict.fromkeys((206, 304, 403, 404, 410, 412, 416), "our choice"),
            500: "inferred",
        },
        parameters=(
            _build_parameter("id", "path", "The id of the generation.", _TEXT),
            _build_parameter(
                "index", "path", "The index of the item in data.", {"type": "integer", "minimum": 0}
            ),
            _build_parameter(
                "exp",
                "query",
                "When the link expires, in Unix seconds.",
                {"type": "integer", "minimum": 0},
            ),
            _build_parameter(
                "sig",
                "query",
                "The signature, in hexadecimal.",
                {"type": "string", "pattern": "^[0-9a-f]+$"},
            ),
        ),
    ),
}
