"""Rules that give generations files of the user's own."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError
from getimg_mock.patterns import matches_glob, search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from getimg_mock.world.generations import Product
    from getimg_mock.world.randomness import Stream
    from getimg_mock.world.requests import GenerationRequest

MAX_RULES: Final = 1000
_KINDS: Final = {"images.generate": "image", "videos.create": "video"}
MEDIA_OPERATIONS: Final = tuple(_KINDS)
"""The operations to which a rule can be bound."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file of the user's own, as it was when its rule was written.

    `duration` (seconds) and `fps` are None for an image.
    """

    path: str
    mime_type: str
    width: int
    height: int
    duration: float | None = None
    fps: float | None = None
    has_sound: bool = False

    @property
    def kind(self) -> str:
        """`image` or `video`."""
        return "image" if self.duration is None else "video"


@dataclass(frozen=True, slots=True)
class MediaRule:
    """Files, and the requests that get one of them.

    `source` is the file or folder that was named. `prompt` is a pattern that occurs in the prompt,
    `model` a glob, `on` an operation; None is any.
    """

    source: str
    files: tuple[MediaFile, ...]
    prompt: str | None = None
    model: str | None = None
    on: str | None = None
    id: str = ""

    def list_suitable(self, kind: str) -> list[MediaFile]:
        """Return the files that a request of `kind` can get."""
        asked = _KINDS.get(self.on or "", kind)
        return [each for each in self.files if each.kind == kind == asked]

    def choose(self, request: GenerationRequest, chance: Stream) -> MediaFile | None:
        """Return the file that a request gets; of several, equal requests in turn get theirs."""
        if self.model is not None and not matches_glob(request.model.id, self.model):
            return None
        if self.prompt is not None and not search(self.prompt, request.prompt):
            return None
        found = self.list_suitable(request.kind)
        return found[int(chance.draw_unit("media file") * len(found))] if found else None

    def as_json(self) -> dict[str, Any]:
        """Return the rule for control answers and snapshots."""
        return asdict(self) | {"files": [asdict(each) for each in self.files]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> MediaRule:
        """Return the rule that `as_json` described."""
        files = tuple(MediaFile(**each) for each in values["files"])
        return cls(**{**values, "files": files})


@dataclass(slots=True)
class MediaRules:
    """Rules in the order in which they were added; of several that match, the last acts."""

    rules: dict[str, MediaRule] = field(default_factory=dict)
    added: int = 0

    def add(self, rule: MediaRule) -> MediaRule:
        """Add a rule and return it with its id; raises `SettingsError` for too many."""
        if len(self.rules) >= MAX_RULES:
            raise SettingsError(f"There are at most {MAX_RULES:,} media rules: remove some.")
        self.added += 1
        rule = replace(rule, id=f"media-{self.added}")
        self.rules[rule.id] = rule
        return rule

    def choose(self, request: GenerationRequest, chance: Stream) -> MediaFile | None:
        """Return the file that a request gets, or None; a recorded one has its own."""
        if request.recorded is not None:
            return None
        for rule in reversed(list(self.rules.values())):
            found = rule.choose(request, chance)
            if found is not None:
                return found
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules for control answers and snapshots."""
        return [each.as_json() for each in self]

    def restore(self, values: Sequence[Mapping[str, Any]]) -> None:
        """Replace the rules by those that `as_json` described."""
        self.rules = {each["id"]: MediaRule.from_json(each) for each in values}
        numbers = [int(each.rpartition("-")[2]) for each in self.rules]
        self.added = max([self.added, *numbers])

    def __iter__(self) -> Iterator[MediaRule]:
        return iter(list(self.rules.values()))


def choose_file(
    product: Product,
    request: GenerationRequest,
    chance: Stream,
    several: Sequence[MediaRules | None],
) -> Product:
    """Return a product with the file that the first rules give it which give one."""
    for rules in several:
        file = rules.choose(request, chance) if rules is not None else None
        if file is not None:
            return apply_file(product, file)
    return product


def apply_file(product: Product, file: MediaFile) -> Product:
    """Return a product that delivers `file`, at the price of the request."""
    return replace(
        product,
        mime_type=file.mime_type,
        width=file.width,
        height=file.height,
        duration=file.duration,
        fps=file.fps,
        has_sound=file.has_sound,
        file=file.path,
    )
