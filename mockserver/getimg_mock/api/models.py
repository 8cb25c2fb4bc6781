"""`GET /v2/models` and `GET /v2/models/{model}`: the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from getimg_mock.api.messages import Answer
from getimg_mock.api.replaying import replay_read
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call
    from getimg_mock.world.limits import Kind


async def list_(call: Call) -> Answer:
    """Answer with a bare array (documented), all models or those of `?type=`."""
    wanted = call.query("type")
    if wanted not in {None, "image", "video"}:
        raise Refusal(
            "invalid_parameter",
            f"Unsupported type '{str(wanted)[:80]}'.",
            param="type",
            hint="supported: image, video",
        )
    answer = replay_read(call, {} if wanted is None else {"type": wanted})
    if answer is not None:
        return answer
    models = call.fake.catalogue.list_models(type=cast("Kind | None", wanted))
    return Answer.of_json(200, [model.as_json() for model in models])


async def retrieve(call: Call) -> Answer:
    """Answer with one model; an unknown one is a 404 (inferred)."""
    model_id = call.path["model"]
    answer = replay_read(call, {"model": model_id})
    if answer is not None:
        return answer
    model = call.fake.catalogue.get(model_id)
    if model is None:
        nearest = call.fake.catalogue.find_nearest(model_id)
        raise Refusal(
            "not_found",
            f"Model '{model_id[:80]}' not found.",
            hint=f"did you mean {nearest}?" if nearest else "GET /v2/models lists the models",
        )
    return Answer.of_json(200, model.as_json())
