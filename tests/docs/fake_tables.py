"""Tables of what the fake has: models, scenarios, errors, magic words, control commands."""

from __future__ import annotations

import re
from typing import Final

from getimg_mock.control.command_table import COMMANDS
from getimg_mock.world.behaviours import ERRORS, Behaviour
from getimg_mock.world.catalogue import Catalogue
from getimg_mock.world.error_codes import STATUSES
from getimg_mock.world.magic import WORDS
from getimg_mock.world.rule_files import list_scenario_names, load_scenario
from tests.docs.markdown_tables import render_table

_VALUES: Final = {
    "fail": "CODE",
    "seconds": "TIME",
    "polls": "N",
    "error": "NAME",
    "status": "N",
    "retry_after": "SECONDS",
    "latency": "TIME",
    "fault": "NAME",
    "oddity": "NAME",
}
"""What each magic word takes; one that is missing takes no value."""


def render_models() -> str:
    """Return the models of the shipped catalogue, with their lowest and highest price."""
    rows = []
    for model in Catalogue.load_shipped().list_models():
        prices = [format(rate.unit_price, "f") for rate in model.rates]
        price = " to ".join(dict.fromkeys((prices[0], prices[-1])))
        rows.append((f"`{model.id}`", " ".join(model.supported_resolutions), price))
    head = ("model", "resolutions, the default first", "per picture or second, USD")
    return render_table(head, rows)


def render_scenarios() -> str:
    """Return the shipped scenarios, each with the first sentence of its summary."""
    return render_table(
        ("name", "what it is for"),
        (
            (f"`{name}`", re.split(r"\.(?:\s|$)", load_scenario(name).summary)[0])
            for name in list_scenario_names()
        ),
    )


def render_errors() -> str:
    """Return the errors that a rule can name, with status and code."""
    rows = []
    for name, (status, code, _) in ERRORS.items():
        error = Behaviour.of({"error": name}).error
        assert error is not None
        note = ""
        if error.retry_after:
            note = f", with `Retry-After: {error.retry_after}` unless `retry_after` says otherwise"
        elif status == STATUSES["rate_limit"]:
            note = ", without `Retry-After`"
        elif status != STATUSES[code]:
            note = "; the status is our choice, getimg.ai documents none"
        rows.append((f"`{name}`", f"{status} `{code}`{note}"))
    return render_table(("`error`", "status, code"), rows)


def render_magic_words() -> str:
    """Return the magic words, with what each takes and means."""
    rows = []
    for word, meaning in WORDS.items():
        value = f"={_VALUES[word]}" if word in _VALUES else ""
        rows.append((f"`mock:{word}{value}`", meaning))
    return render_table(("word", "what it means"), rows)


def render_control_commands() -> str:
    """Return the commands of the control surface, with their fields."""
    rows = []
    for command in COMMANDS:
        path = f"`{command.method} {command.path.replace('{generation}', '{id}')}`"
        inside = {part.strip("{}") for part in command.path.split("/") if part.startswith("{")}
        fields = [f"`{each.name}`" for each in command.fields if each.name not in inside]
        fields += ["..."] * command.free
        rows.append((path, command.summary, " ".join(fields) or "-"))
    return render_table(("path", "what it does", "fields"), rows)
