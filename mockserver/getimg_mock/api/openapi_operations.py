"""What the OpenAPI document says of each operation, beyond the shapes of its messages.

Each status and parameter has its evidence (api-facts sections 1 to 9).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

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
class Described:
    """What the document says of one operation: its purpose, parameters and possible statuses.

    `statuses` gives each status its evidence. `links` are OpenAPI links, on the successful answer.
    """

    summary: str
    statuses: dict[int, str]
    parameters: tuple[Json, ...] = ()
    links: Json = field(default_factory=dict)


def _parameter(
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
    "images.generate": Described(
        summary="Make a picture, and answer when it is done",
        statuses={200: "documented", **_SUBMITTED},
    ),
    "videos.create": Described(
        summary="Order a video",
        statuses={202: "documented", **_SUBMITTED},
        links={
            "poll": {
                "operationId": "videos.retrieve",
                "parameters": {"id": "$response.body#/id"},
                "description": "How far the video is.",
            }
        },
    ),
    "videos.retrieve": Described(
        summary="Ask how far a video is; when it is completed, where to download it",
        statuses={200: "documented", 404: "documented", **_KEYED},
        parameters=(_parameter("id", "path", "The id from the answer to the order.", _TEXT),),
    ),
    "models.list": Described(
        summary="List the models",
        statuses={200: "documented", 400: "inferred", **_KEYED},
        parameters=(
            _parameter(
                "type",
                "query",
                "Only the models that make this.",
                {"type": "string", "enum": ["image", "video"]},
                required=False,
            ),
        ),
        links={
            "first": {
                "operationId": "models.retrieve",
                "parameters": {"model": "$response.body#/0/id"},
                "description": "The first of the models, by itself.",
            }
        },
    ),
    "models.retrieve": Described(
        summary="Show one model",
        statuses={200: "documented", 404: "inferred", **_KEYED},
        parameters=(_parameter("model", "path", "The id of the model.", _TEXT),),
    ),
    "billing.balance": Described(
        summary="Show what the workspace has left",
        statuses={200: "documented", **_KEYED},
    ),
    "billing.costs": Described(
        summary="List what was spent, by UTC date",
        statuses={200: "documented", 400: "inferred", **_KEYED},
        parameters=(
            _parameter(
                "start",
                "query",
                "The start of the range, with a time zone; inclusive.",
                _MOMENT,
            ),
            _parameter(
                "end",
                "query",
                "The end of the range, with a time zone; inclusive, after start, and within 180 "
                "days of it.",
                _MOMENT,
            ),
        ),
    ),
    "downloads.retrieve": Described(
        summary="Download a file; the link has its own signature and needs no key",
        statuses={
            200: "documented",
            **dict.fromkeys((206, 304, 403, 404, 410, 412, 416), "our choice"),
            500: "inferred",
        },
        parameters=(
            _parameter("id", "path", "The id of the generation.", _TEXT),
            _parameter("index", "path", "Which item of data.", {"type": "integer", "minimum": 0}),
            _parameter(
                "exp",
                "query",
                "When the link ends, in Unix seconds.",
                {"type": "integer", "minimum": 0},
            ),
            _parameter(
                "sig",
                "query",
                "The signature, in hexadecimal.",
                {"type": "string", "pattern": "^[0-9a-f]+$"},
            ),
        ),
    ),
}
