"""The parts of README and docs that are generated: `make docs` writes them anew.

Such a part is between `<!-- generated: NAME -->` and `<!-- end of NAME -->`. GENERATORS has what
writes each. fixtures/behaviours.json is generated too, from the rows of docs/fidelity.md, and so
are schemas/openapi.json, schemas/own/settings.json, fixtures/plan-feeds.json and the types of the
Node package.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from getimg_mock._shipped import open_folder
from getimg_mock.api.openapi_document import render_openapi
from tests.docs import (
    check_tables,
    command_examples,
    command_tables,
    fake_tables,
    fidelity_table,
    install_ways,
    node_types,
    option_tables,
    page_pictures,
    plan_feeds,
    settings_schema,
)
from tests.docs.markdown_tables import DOCS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


def _show_driver(file: str, language: str) -> str:
    text = open_folder("fixtures").joinpath("drivers", file).read_text(encoding="utf-8")
    return f"```{language}\n{text}```\n"


GENERATORS: Final[dict[str, Callable[[], str]]] = {
    "client-checks": check_tables.render_client_checks,
    "client-failure": command_examples.show_client_failure,
    "client-topics": check_tables.render_client_topics,
    "client-coverage": check_tables.render_coverage,
    "commands": command_tables.render_commands,
    "contract-test-options": option_tables.render_contract_test_options,
    "control-commands": fake_tables.render_control_commands,
    "driver-node": lambda: _show_driver("driver.mjs", "javascript"),
    "driver-python": lambda: _show_driver("driver.py", "python"),
    "equivalence-checks": check_tables.render_equivalence_checks,
    "errors": fake_tables.render_errors,
    "harness-checks": check_tables.render_harness_checks,
    "install-extras": install_ways.render_extras,
    "install-line": install_ways.render_install_line,
    "install-ways": install_ways.render_install_ways,
    "magic-words": fake_tables.render_magic_words,
    "measured-clients": check_tables.render_measured_clients,
    "models": fake_tables.render_models,
    "plugin-options": option_tables.render_plugin_options,
    "provider-failure": command_examples.show_provider_failure,
    "provider-topics": check_tables.render_provider_topics,
    "explanation": command_examples.show_explanation,
    "provider-checks": check_tables.render_provider_checks,
    "provider-evidence": check_tables.render_evidence,
    "replay-options": option_tables.render_replay_options,
    "report-formats": option_tables.render_report_formats,
    "report-options": option_tables.render_report_options,
    "settings": option_tables.render_settings,
    "shipped-scenarios": fake_tables.render_scenarios,
    "verify-api-options": option_tables.render_verify_api_options,
    "verify-client-options": option_tables.render_verify_client_options,
}
"""What writes each generated part, by its name."""

_MARKER: Final = re.compile(r"^<!-- (?:generated:|end of) ", re.MULTILINE)
_PART: Final = re.compile(
    r"^<!-- generated: (?P<name>[^\n]*) -->\n(?P<text>.*?)^<!-- end of (?P<end>[^\n]*) -->$",
    re.MULTILINE | re.DOTALL,
)


def list_pages() -> tuple[Path, ...]:
    """Return README and every page of the documentation."""
    return (DOCS.parent / "README.md", *sorted(DOCS.glob("*.md")))


def find_parts(page: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each generated part; raises `ValueError` for a lone marker."""
    found = list(_PART.finditer(page))
    whole = all(part["name"] == part["end"] for part in found)
    if not whole or len(_MARKER.findall(page)) != 2 * len(found):
        names = ", ".join(part["name"] for part in found)
        raise ValueError(f"a generated part has no end marker of its name; there are: {names}")
    for part in found:
        yield part["name"], part["text"]


def find_outdated(page: str, generators: Mapping[str, Callable[[], str]] = GENERATORS) -> list[str]:
    """Return the names of the generated parts that are not what is generated now."""
    new = find_parts(renew_page(page, generators))
    return [
        name for (name, old), (_, text) in zip(find_parts(page), new, strict=True) if old != text
    ]


def renew_page(page: str, generators: Mapping[str, Callable[[], str]] = GENERATORS) -> str:
    """Return a page with its generated parts written anew; raises `ValueError` for a bad marker."""
    for name, _ in find_parts(page):
        if name not in generators:
            known = ", ".join(map(repr, generators))
            raise ValueError(f"{name!r} is not generated; what is: {known}")

    def renew(part: re.Match[str]) -> str:
        name = part["name"]
        return f"<!-- generated: {name} -->\n\n{generators[name]()}\n<!-- end of {name} -->"

    return _PART.sub(renew, page)


def main() -> None:
    """Write every generated part anew, and name the files that changed."""
    pages = {path: renew_page(path.read_text(encoding="utf-8")) for path in list_pages()}
    fidelity = pages[fidelity_table.PAGE]
    pages[fidelity_table.BEHAVIOURS] = fidelity_table.behaviours(fidelity)
    pages[DOCS.parent / "schemas" / "openapi.json"] = render_openapi()
    pages[node_types.FILE] = node_types.render_types()
    pages[plan_feeds.FILE] = plan_feeds.render_plan_feeds()
    pages[settings_schema.FILE_PATH] = settings_schema.render_settings_schema()
    for path, text in pages.items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")
    if not page_pictures.take_pictures():
        sys.stdout.write("docs/images is left as it is: it needs Chromium and playwright.\n")


if __name__ == "__main__":
    main()
