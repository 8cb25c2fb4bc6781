"""Shared by the image and video endpoints: submitting, and the JSON of a result."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.api.formatting import format_unix_timestamp, to_json_number
from getimg_mock.api.links import read_client_address
from getimg_mock.api.messages import JSON, Answer, encode_json, encode_string
from getimg_mock.api.replaying import (
    build_recorded_request,
    render_result,
    submit_recorded,
)
from getimg_mock.errors import Refusal
from getimg_mock.world.operations import OPERATIONS
from getimg_mock.world.validation import validate_request

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call
    from getimg_mock.world.generations import Generation, Product
    from getimg_mock.world.journal import Headers
    from getimg_mock.world.limits import Allowance, Kind
    from getimg_mock.world.replayed_jobs import ReplayedJob
    from getimg_mock.world.requests import GenerationRequest

# The path of a file of a generation, with %s for its id and its index.
LINK: Final = OPERATIONS["downloads.retrieve"].path.format(id="%s", index="%s")


def submit(call: Call, kind: Kind) -> Generation:
    """Validate the body and submit the generation; raises the `Refusal` for an invalid body."""
    content_type = call.fields.get(b"content-type", b"")
    if content_type != b"application/json":
        _check_content_type(content_type.decode("latin-1"))
    body = call.json()
    if call.fake.recordings is None:
        generation = _submit_request(call, _validate(call, kind, body))
    else:
        generation = submit_recorded(call, body, partial(_submit_replayed, call, kind, body))
    call.generation = generation.id
    return generation


def _submit_replayed(call: Call, kind: Kind, body: Any, job: ReplayedJob | None) -> Generation:
    if job is None:
        request = _validate(call, kind, body)
    else:
        request = build_recorded_request(call.fake.catalogue, kind, body, job)
    return _submit_request(call, request)


def _submit_request(call: Call, request: GenerationRequest) -> Generation:
    return call.owner.submit(request, (call.behaviour.transition,), call.fake.media)


def _validate(call: Call, kind: Kind, body: Any) -> GenerationRequest:
    settings = call.fake.settings
    return validate_request(
        kind,
        body,
        call.fake.catalogue,
        strict=settings.strictness == "full",
        silent_sound=settings.silent_sound,
        megapixels=settings.reference_megapixels,
    )


def _check_content_type(declared: str) -> None:
    content_type = declared.partition(";")[0].strip().lower()
    if content_type != "application/json":
        shown = f"'{content_type[:80]}'" if content_type else "none"
        raise Refusal(
            "invalid_parameter",
            f"The Content-Type must be application/json; this request has {shown}.",
            status=415,
        )


def build_rate_limit_headers(allowance: Allowance) -> Headers:
    """Return the three rate-limit headers (documented); reset is in Unix seconds."""
    return [
        (b"x-ratelimit-limit", b"%d" % allowance.limit),
        (b"x-ratelimit-remaining", b"%d" % allowance.remaining),
        (b"x-ratelimit-reset", b"%d" % allowance.reset),
    ]


def render_completed(call: Call, generation: Generation, headers: Headers) -> Answer:
    """Return the 200 of a completed generation (documented)."""
    deletes_at = expires = generation.expires
    if expires is None or deletes_at is None:
        raise LookupError(f"{generation.id} has not ended and has no file")
    if call.behaviour.fault == "expired_url":
        expires = int(call.owner.clock.now().timestamp()) - 1
    product = generation.product
    link = _build_link(call, generation.id, 0, expires)
    if product.recording is not None:
        more = [_build_link(call, generation.id, each, expires) for each in range(1, product.files)]
        recorded = render_result(call.fake.recordings, generation, [link, *more])
        if recorded is not None:
            return Answer(200, recorded, [JSON, *headers])
    body = render_generation(product, generation.id, link, deletes_at)
    return Answer(200, body, [JSON, *headers])


def render_generation(product: Product, generation_id: str, link: str, deletes_at: int) -> bytes:
    """Return the JSON of a completed generation; `deletes_at` is in Unix seconds."""
    body = _find_template(product) % (
        encode_string(generation_id),
        encode_string(link),
        encode_string(format_unix_timestamp(deletes_at)),
    )
    return body.encode()


def _build_link(call: Call, generation_id: str, index: int, expires: int) -> str:
    signature = call.owner.sign_link(generation_id, index, expires)
    address = read_client_address(call.scope, trust_forwarded=call.fake.settings.trust_forwarded)
    path = LINK % (generation_id, index)
    return f"{address}{path}?exp={expires}&sig={signature}"


# By the id of a product, which stays its own while the product is kept here.
_TEMPLATES: Final[dict[int, tuple[Product, str]]] = {}
_MOST_TEMPLATES: Final = 1024


def _find_template(product: Product) -> str:
    """Return `_build_template` of a product, of which thousands of generations share one.

    A product has a dozen fields: hashing them for a cache by value takes longer than signing.
    """
    found = _TEMPLATES.get(id(product))
    if found is None:
        if len(_TEMPLATES) >= _MOST_TEMPLATES:
            _TEMPLATES.clear()
        found = _TEMPLATES[id(product)] = (product, _build_template(product))
    return found[1]


def _build_template(product: Product) -> str:
    """Return the JSON of a completed generation with %s for its id, URL and `deletes_at`.

    Thousands of results differ in nothing else; encoding each took a third of the time.
    """
    return build_named_template(product, "%s", "%s", "%s").replace('"%s"', "%s")


def build_named_template(product: Product, made: str, link: str, deletes_at: str) -> str:
    """Return the JSON of a completed generation with three values that are given; % is %%."""
    item: dict[str, Any] = {"url": link, "width": product.width, "height": product.height}
    if product.kind == "video":
        item |= {
            "duration": product.duration,
            "fps": product.fps,
            "has_sound": product.has_sound,
        }
    form = {
        "id": made,
        "status": "completed",
        "model": product.model.replace("%", "%%"),
        "data": [item | {"mime_type": product.mime_type, "deletes_at": deletes_at}],
        "usage": {
            "total_cost": to_json_number(product.total_cost),
            "billable_unit": product.billable_unit,
            "unit_price": to_json_number(product.unit_price),
            "quantity": product.quantity,
        },
    }
    return encode_json(form)
