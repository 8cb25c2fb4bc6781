"""Commands on the rules that give generations files of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.control.command import Command
from getimg_mock.control.fields import choice, text
from getimg_mock.errors import UnknownNameError
from getimg_mock.media.own_files import read_media_rule
from getimg_mock.world.media_rules import MEDIA_OPERATIONS

if TYPE_CHECKING:
    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.workspaces import Workspace


def list_rules(fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return the rules of the workspace, and those of the fake's configuration."""
    return {"rules": workspace.media.as_json(), "configured": fake.media.as_json()}


def add(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Add a rule for new generations; the file is read now."""
    rule = read_media_rule(values)
    with workspace.lock:
        return workspace.media.add(rule).as_json()


def remove(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Remove a rule; generations keep the files that they have."""
    with workspace.lock:
        found = workspace.media.rules.pop(values["rule"], None)
        if found is None:
            raise UnknownNameError("rule", values["rule"][:80], workspace.media.rules)
        return found.as_json()


def clear(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Remove the rules of the workspace."""
    with workspace.lock:
        workspace.media.rules.clear()
        return list_rules(fake, workspace, values)


_RULE_SUMMARY: Final = "the rule, with the size and length of each of its files"
_RULES_SUMMARY: Final = "the rules of the workspace, and those of the configuration"

COMMANDS: Final = (
    Command(
        "media",
        "GET",
        "/media",
        "List the rules for files of your own",
        list_rules,
        answer=_RULES_SUMMARY,
    ),
    Command(
        "media.add",
        "POST",
        "/media",
        "Deliver a file of your own, or one of a folder, in new generations",
        add,
        (
            text("file", "a path on the fake's machine: PNG, JPEG, WebP, MP4, or a folder"),
            text("prompt", "only for prompts in which this pattern occurs", longest=1000),
            text("model", "only for this model; a glob such as seedance-*", longest=1000),
            choice("on", "only for this operation", *MEDIA_OPERATIONS),
        ),
        answer=_RULE_SUMMARY,
    ),
    Command(
        "media.remove",
        "DELETE",
        "/media/{rule}",
        "Remove a rule for files of your own",
        remove,
        (text("rule", "the rule's id", required=True, longest=80),),
        answer=_RULE_SUMMARY,
    ),
    Command(
        "media.clear",
        "DELETE",
        "/media",
        "Remove the workspace's rules for files of your own",
        clear,
        answer=_RULES_SUMMARY,
    ),
)
