"""Services in the place of the API: they price, charge and fail as an example says."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.cassette_recording.upstream_forwarder import prepare_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.targets.execution import PreparedRequest

KEY: Final = "sk_recorded0123456789abcdef"
FAULTS: Final = (
    "none",
    "drop",
    "drop unseen",
    "500",
    "400",
    "garbage",
    "cut off",
    "free, it says",
    "negative, it says",
    "no balance",
)


@dataclass(slots=True)
class PricedService:
    """A service with models at `prices`; `faults` are taken one for each submission.

    `taken` is what it has charged by its own list, `seen` how often each marked request came.
    """

    prices: dict[str, str]
    faults: list[str] = field(default_factory=list)
    balance: Decimal = Decimal(100)
    taken: Decimal = Decimal(0)
    seen: Counter[str] = field(default_factory=Counter)
    mute: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def list_models(self) -> list[dict[str, Any]]:
        """Return the catalogue."""
        return [
            {
                "id": name,
                "name": name,
                "type": "image",
                "created_at": "2026-01-01T00:00:00.000Z",
                "supported_aspect_ratios": ["1:1"],
                "supported_resolutions": ["1K"],
                "supported_durations": [],
                "supported_references": {},
                "supports_sound": False,
                "pricing": {
                    "currency": "USD",
                    "rates": [
                        {
                            "billable_unit": "image",
                            "resolution": None,
                            "sound": "not_applicable",
                            "unit_price": price,
                        }
                    ],
                },
            }
            for name, price in self.prices.items()
        ]

    def submit(self, mark: str, model: str) -> tuple[int, bytes] | None:
        """Charge for a picture and answer as the next fault says; None drops the connection."""
        with self.lock:
            self.seen[mark] += 1
            fault = self.faults.pop() if self.faults else "none"
            self.mute = fault == "no balance"
            if fault in {"400", "drop unseen"}:
                return None if fault != "400" else (400, b'{"error": {"code": "x"}}')
            price = Decimal(self.prices[model])
            self.taken += price
            if fault == "drop":
                return None
            if fault == "500":
                return 500, b'{"error": {"code": "server_error", "message": "x"}}'
            if fault == "garbage":
                return 200, b"<h1>hello</h1>"
            cost = {"free, it says": 0, "negative, it says": -5}.get(fault, float(price))
            body = json.dumps(
                {
                    "id": f"req-{mark}",
                    "status": "completed",
                    "model": model,
                    "data": [],
                    "usage": {"total_cost": cost},
                }
            ).encode()
            return 200, body[: len(body) // 2] if fault == "cut off" else body


@contextmanager
def serve_priced(service: PricedService) -> Iterator[str]:
    """Yield the address of a service on a port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if self.path == "/v2/models":
                self._answer(200, json.dumps(service.list_models()).encode())
            elif self.path == "/v2/billing/balance" and not service.mute:
                left = {"balance": str(service.balance - service.taken), "currency": "USD"}
                self._answer(200, json.dumps(left).encode())
            else:
                self._answer(404, b"{}")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found = service.submit(self.headers["x-mark"], body["model"])
            if found is None:
                self.close_connection = True
            else:
                self._answer(*found)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            del words

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def prepare_picture(model: str, mark: str, key: str = KEY) -> PreparedRequest:
    """Return a submission that the service recognizes by its mark."""
    headers = [
        (b"authorization", f"Bearer {key}".encode()),
        (b"content-type", b"application/json"),
        (b"x-mark", mark.encode()),
    ]
    body = json.dumps({"model": model, "prompt": mark}).encode()
    return prepare_request("POST", "/v2/images/generations", headers, body)
