"""Tables of settings and options: of the fake, the command line, and the pytest plugin."""

from __future__ import annotations

import argparse
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli import replay, report, verify_api, verify_client
from getimg_mock.reports.formats import FORMATS
from getimg_mock.setting_values import Span
from getimg_mock.settings import PREFIX, format_option_name, list_options
from getimg_mock.testing import plugin
from tests.docs.markdown_tables import DOCS, render_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

_HEAD: Final = ("option", "what it says")


def render_settings() -> str:
    """Return every setting of the fake, with its variable and its default."""
    return render_table(
        ("option", "variable", "default", "what it says"),
        (
            (
                _format_option(each.name, each.metadata["metavar"], flag=each.metadata["flag"]),
                f"`{PREFIX}{each.name.upper()}`",
                _format_default(each.default),
                each.metadata["help"],
            )
            for each in list_options()
        ),
    )


def render_verify_api_options() -> str:
    """Return the options of `verify api`."""
    return _render_options(verify_api, "api")


def render_verify_client_options() -> str:
    """Return the options of `verify client`."""
    return _render_options(verify_client, "client")


def render_replay_options() -> str:
    """Return the options of `replay`."""
    return _render_options(replay, "replay")


def render_report_options() -> str:
    """Return the options of `report`."""
    return _render_options(report, "report")


def render_report_formats() -> str:
    """Return the formats of reports, by the ending of the file."""
    return render_table(
        ("ending", "report"), ((f"`{each.ending}`", each.called) for each in FORMATS.values())
    )


def render_plugin_options() -> str:
    """Return the options of the pytest plugin: of the command line and of the ini file."""
    return _render_pytest_options(plugin.pytest_addoption)


def render_contract_test_options() -> str:
    """Return the options of `pytest contract_tests`."""
    path = DOCS.parent / "contract_tests" / "conftest.py"
    spec = spec_from_file_location("contract_tests_conftest", path)
    assert spec is not None
    assert spec.loader is not None
    conftest = module_from_spec(spec)
    spec.loader.exec_module(conftest)
    return _render_pytest_options(conftest.pytest_addoption)


class _OptionRecorder:
    """Takes the place of pytest's parser, and keeps what a plugin declares."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []

    def getgroup(self, *_: str) -> _OptionRecorder:
        return self

    def addoption(self, name: str, *, help: str, **how: Any) -> None:  # noqa: A002 - pytest's name
        value = how.get("metavar") or "|".join(how.get("choices", ())) or "VALUE"
        self.rows.append((f"`{name}={value}`", help))

    def addini(self, name: str, text: str, **_: Any) -> None:
        self.rows.append((f"`{name}`", text))


def _render_pytest_options(declare: Callable[[Any], None]) -> str:
    recorder = _OptionRecorder()
    declare(recorder)
    return render_table(_HEAD, recorder.rows)


def _render_options(module: ModuleType, command: str) -> str:
    commands = argparse.ArgumentParser().add_subparsers()
    module.add_command(commands)
    return render_table(_HEAD, _list_rows(commands.choices[command]))


def _list_rows(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if action.dest == "help" or action.help == argparse.SUPPRESS:
            continue
        value = f" {action.metavar or ''}".rstrip()
        if action.choices:
            value = " " + "|".join(map(str, action.choices))
        name = f"{action.option_strings[0]}{value}" if action.option_strings else value.strip()
        yield f"`{name}`", str(action.help) % {"default": action.default}


def _format_option(name: str, metavar: str, *, flag: bool) -> str:
    option = format_option_name(name)
    return f"`--{option}`, `--no-{option}`" if flag else f"`--{option} {metavar}`"


def _format_default(value: object) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value if isinstance(value, Span) else _format_number(value)}`"


def _format_number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
