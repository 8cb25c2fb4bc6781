"""Exports exchanges as HAR 1.2, which browsers' network panels and other tools open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from getimg_mock.control.package_version import find_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from getimg_mock.schemas import Json

_REASONS: Final = {
    200: "OK",
    202: "Accepted",
    206: "Partial Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    410: "Gone",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


def build_har(exchanges: Iterable[Mapping[str, Any]]) -> Json:
    """Return exchanges, each as `Exchange.as_json` gives it, as one HAR document.

    Times are those of the workspace's clock. Fields that HAR does not define begin with an
    underscore, as HAR allows.
    """
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "getimg-mock", "version": find_version()},
            "entries": [build_har_entry(each) for each in exchanges],
        }
    }


def build_har_entry(exchange: Mapping[str, Any]) -> Json:
    """Return one entry of a HAR document."""
    request, response = exchange["request"], exchange["response"]
    milliseconds = exchange["milliseconds"]
    return {
        "startedDateTime": exchange["at"],
        "time": milliseconds,
        "request": _build_request(request),
        "response": _build_response(response),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_number": exchange["number"],
        "_operation": exchange["operation"],
        "_wall": exchange["wall"],
        "_generation": exchange["generation"],
        "_rules": exchange["rules"],
        "_fault": exchange["fault"],
        "_unknown_fields": exchange["unknown_fields"],
        "_effects": exchange["effects"],
    }


def _build_request(request: Mapping[str, Any]) -> Json:
    headers = dict(request["headers"])
    query = f"?{request['query']}" if request["query"] else ""
    written: Json = {
        "method": request["method"],
        "url": f"http://{headers.get('host', 'localhost')}{request['path']}{query}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _build_headers(request["headers"]),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(request["query"], keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": request["size"],
    }
    if request["size"]:
        written["postData"] = {
            "mimeType": headers.get("content-type", ""),
            "params": [],
            "text": request.get("text", request.get("base64", "")),
        }
        if "base64" in request:
            written["postData"]["_encoding"] = "base64"
    return written


def _build_response(response: Mapping[str, Any]) -> Json:
    headers = dict(response["headers"])
    content: Json = {
        "size": response["size"],
        "mimeType": headers.get("content-type", ""),
        "text": response.get("text", response.get("base64", "")),
    }
    if "base64" in response:
        content["encoding"] = "base64"
    return {
        "status": response["status"],
        "statusText": _REASONS.get(response["status"], ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _build_headers(response["headers"]),
        "content": content,
        "redirectURL": headers.get("location", ""),
        "headersSize": -1,
        "bodySize": response["size"],
        "_sent": response["sent"],
    }


def _build_headers(pairs: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs]
