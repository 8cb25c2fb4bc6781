"""Takes changed settings and files into force while the fake serves."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cassettes.cassette_files import EXCHANGES, describe_files
from getimg_mock.errors import GetimgMockError, SettingsError
from getimg_mock.fake import load_catalogue, load_media, load_recordings, require_font
from getimg_mock.settings import ADDRESS_SETTINGS, Settings, format_option_name
from getimg_mock.world.limits import limits_of
from getimg_mock.world.rule_files import resolve_scenario

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from getimg_mock.application import Application
    from getimg_mock.fake import Fake
    from getimg_mock.world.media_rules import MediaRules
    from getimg_mock.world.rule_files import Scenario
    from getimg_mock.world.workspaces import Workspace

_AT_START_ONLY: Final = frozenset(
    {
        *ADDRESS_SETTINGS,
        "seed",
        "store",
        "workers",
        "control_token",
        "max_workspaces",
        "media_cache_mib",
        "journal_exchanges",
        "journal_mib",
        "quiet",
        "log_format",
    }
)
# These are shown by what their files say, below.
_OF_FILES: Final = frozenset({"models", "scenario", "media", "replay"})
_MISSING: Final = "--watch needs the package watchfiles: pip install 'getimg-mock[watch]'."
UNCHANGED: Final = "Reloaded: nothing has changed."
# How long a file must be left alone before it is read, in milliseconds: editors write in steps.
_DEBOUNCE_MS: Final = 200


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What settings and the files they name say."""

    settings: Settings
    scenarios: tuple[Scenario, ...]
    fake: Fake
    cassette: object
    """What changes when the replayed cassette does."""
    media_files: Mapping[str, object]
    """What changes when a file of one's own does, also where it is as large and long as before."""

    @classmethod
    def of(cls, settings: Settings, before: _Loaded) -> _Loaded:
        """Read the files that `settings` name; raises `GetimgMockError` for an unusable one.

        A cassette that has not changed since `before` is not read again.
        """
        require_font(settings)
        fake, cassette = before.fake, _describe_cassette(settings)
        kept = {name: getattr(fake.settings, name) for name in _AT_START_ONLY}
        in_force = replace(settings, **kept)
        same = cassette == before.cassette
        media = load_media(settings)
        return cls(
            settings,
            _read_scenarios(settings),
            replace(
                fake,
                settings=in_force,
                catalogue=load_catalogue(settings),
                media=media,
                recordings=fake.recordings if same else load_recordings(settings),
            ),
            cassette,
            _describe_media(media),
        )


class Reloader:
    """Loads settings again, and puts what has changed into force.

    `load` returns the settings as the command line, the environment and the file have them now,
    and `file` is that file. `settings` are what `load` returned when `app` was made.
    """

    def __init__(
        self, app: Application, settings: Settings, load: Callable[[], Settings], file: Path
    ) -> None:
        self.app = app
        self._load = load
        self._file = file
        self._now = _Loaded(
            settings,
            _read_scenarios(settings),
            app.fake,
            _describe_cassette(settings),
            _describe_media(app.fake.media),
        )
        self._wanted = settings
        self._is_refused = False

    def reload(self) -> str:
        """Put what has changed into force, and return a line that says what; empty for nothing.

        What cannot be read changes nothing, and the line has its place. A line says, too, that a
        mistake is no longer there.
        """
        before = self._now
        try:
            self._wanted = self._load()
            self._now = _Loaded.of(self._wanted, before)
        except GetimgMockError as error:
            self._is_refused = True
            return f"Not reloaded, the former settings stay in force: {error}"
        self.app.replace_fake(self._now.fake)
        self.app.fake.store.rebase(self._now.fake.settings)
        for workspace in self.app.fake.store:
            _change_workspace(workspace, before, self._now)
        changes = list(_describe_changes(before, self._now))
        is_mended, self._is_refused = self._is_refused, False
        return f"Reloaded: {'; '.join(changes)}." if changes else UNCHANGED if is_mended else ""

    def list_files(self) -> set[Path]:
        """Return the files and folders that settings come from.

        Those of settings that could not be put into force are among them: one may be mended.
        """
        named = _name_files(self._now.settings) | _name_files(self._wanted)
        return {each.absolute() for each in (self._file, *named)}


def check_watching() -> None:
    """Raise `SettingsError` where the package that watches files is missing."""
    try:
        import watchfiles  # noqa: F401, PLC0415 - an extra, and few fakes watch
    except ImportError:
        raise SettingsError(_MISSING) from None


async def watch_files(reloader: Reloader, over: asyncio.Event) -> AsyncIterator[str]:
    """Reload after each change of a file, until `over`; yields the lines that say what changed."""
    from watchfiles import awatch  # noqa: PLC0415 - see above

    while not over.is_set():
        files = reloader.list_files()
        folders = {each if each.is_dir() else each.parent for each in files}
        found = [each for each in folders if each.is_dir()]
        watching = awatch(
            *found,
            watch_filter=partial(_concerns, files),
            debounce=_DEBOUNCE_MS,
            stop_event=over,
            recursive=False,
        )
        async for _ in watching:
            if line := reloader.reload():
                yield line
            if reloader.list_files() != files:
                break


def _name_files(settings: Settings) -> set[Path]:
    """Return the files and folders that settings name."""
    named = [Path(each) for each in settings.scenario if each.endswith((".toml", ".json"))]
    named += [Path(json.loads(each)["file"]) for each in settings.media]
    named += [
        each
        for each in (
            settings.models,
            settings.font,
            settings.image_seconds.file,
            settings.video_seconds.file if settings.video_seconds is not None else None,
        )
        if each is not None
    ]
    if settings.replay is not None:
        named += [settings.replay, settings.replay / EXCHANGES]
    return set(named)


def _describe_cassette(settings: Settings) -> object:
    if settings.replay is None:
        return None
    told = describe_files(settings.replay)
    return (settings.replay, settings.on_miss, settings.replay_ignore, told)


def _describe_media(rules: MediaRules) -> Mapping[str, object]:
    found = {}
    for path in {file.path for rule in rules for file in rule.files}:
        with suppress(OSError):  # one that is removed: its downloads say so
            told = Path(path).stat()
            found[path] = (told.st_mtime_ns, told.st_size)
    return found


def _read_scenarios(settings: Settings) -> tuple[Scenario, ...]:
    return tuple(map(resolve_scenario, settings.scenario))


def _concerns(files: set[Path], _change: object, path: str) -> bool:
    return Path(path) in files or Path(path).parent in files


def _change_workspace(workspace: Workspace, before: _Loaded, now: _Loaded) -> None:
    """Change what a workspace began with, and has not changed itself."""
    old, new = before.fake.settings, now.fake.settings
    with workspace.lock:
        moment = workspace.settle()
        pending = any(each.at(moment) == "pending" for each in workspace.generations.values())
        changed = {
            name: getattr(new, name)
            for name in _list_changed(old, new)
            if getattr(workspace.settings, name) == getattr(old, name)
            # The cost of a pending generation is booked by it.
            and not (name == "charge_at" and pending)
        }
        if changed:
            workspace.settings = replace(workspace.settings, **changed)
        if workspace.limiter.limits == limits_of(old):
            workspace.limiter.limits = limits_of(new)
        if before.scenarios != now.scenarios:
            _replace_rules(workspace, before, now)


def _replace_rules(workspace: Workspace, before: _Loaded, now: _Loaded) -> None:
    names = {each.name for each in before.scenarios}
    for rule in [each for each in workspace.scenarios if each.scenario in names]:
        workspace.scenarios.remove(rule.id)
    for each in now.scenarios:
        workspace.scenarios.load_rules(each.rules, workspace.clock.now(), scenario=each.name)


def _list_changed(old: Settings, new: Settings) -> list[str]:
    names = (each.name for each in fields(Settings))
    return [name for name in names if getattr(old, name) != getattr(new, name)]


def _describe_changes(before: _Loaded, now: _Loaded) -> Iterator[str]:
    for name in _list_changed(before.settings, now.settings):
        if name in _OF_FILES:
            continue
        shown = format_option_name(name)
        if name in _AT_START_ONLY:
            yield f"{shown} changes at the next start only"
        else:
            was, is_now = getattr(before.settings, name), getattr(now.settings, name)
            yield f"{shown} {_show(is_now)} (was {_show(was)})"
    if before.scenarios != now.scenarios:
        yield f"scenario {', '.join(each.name for each in now.scenarios) or 'none'}"
    if _list_models(before) != _list_models(now):
        yield f"models, {len(now.fake.catalogue.models)} in all"
    if before.fake.media.as_json() != now.fake.media.as_json():
        yield f"media, {len(now.fake.media.as_json())} rules"
    elif files := _list_rewritten(before, now):
        yield f"media {', '.join(files)}"
    if before.cassette != now.cassette:
        yield f"replay {_show(now.settings.replay)}"


def _list_models(loaded: _Loaded) -> list[str]:
    """Return all that is said of each model: two models of equal values are not equal."""
    return list(map(repr, loaded.fake.catalogue.models.values()))


def _list_rewritten(before: _Loaded, now: _Loaded) -> list[str]:
    """Return the files of one's own that have other bytes than before."""
    known = before.media_files
    return [each for each, told in sorted(now.media_files.items()) if known.get(each) != told]


def _show(value: Any) -> str:
    return "not set" if value is None else str(value)
