"""The command that lists the models of a fake's catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.control.command import Command
from getimg_mock.control.fields import choice

if TYPE_CHECKING:
    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.workspaces import Workspace


def list_models(fake: Fake, _workspace: Workspace, values: Json) -> Json:
    """Return the models, or those of one type, each as `GET /v2/models/{model}` answers it.

    Unlike that request, this command is not recorded in the journal and meets no fault.
    """
    return {
        "models": [each.as_json() for each in fake.catalogue.list_models(type=values.get("type"))]
    }


COMMANDS: Final = (
    Command(
        "models",
        "GET",
        "/models",
        "List the models",
        list_models,
        (choice("type", "image or video", "image", "video"),),
        answer="the models of the catalogue, as getimg.ai's API shows them",
    ),
)
