"""The lines of JSON that a program under test writes, and what is wrong with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.clients.cases.case_rules import (
    BASE,
    OPS,
    OPTIONS,
    EarlierResult,
)
from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import CallOutcome


_STARTS_TO_REPORT: Final = 3
"""How many starts of the program the verdicts and the report take at most, as measured."""
_CASES_SHARE: Final = 0.9
"""The share of a run for start and cases: the rest is for the verdicts and the report."""
_LEAST_SHARE: Final = 0.75
"""That share for a program that takes long to start, as on a busy machine."""
_MOST_WRONG: Final = 10
"""How many responses may be wrong, and none right, before the run ends."""
ABILITIES: Final = {
    "cancel": "a driver that can cancel a call",
    "together": "a driver that makes calls at the same time",
    "loop": "a driver whose calls share an event loop",
    "advance": "a driver that can advance its clocks",
}
"""What a driver may be able to do besides calls, and how cases that need it say so."""
_ERROR_TEXTS: Final = ("type", "message", "code", "request_id", "generation")


class WrongResponseError(SettingsError):
    """A line of the program is no response: `lack` says what is missing, `case` names its call."""

    def __init__(self, told: str, lack: str, case: object = None) -> None:
        super().__init__(told)
        self.lack, self.case = lack, case


@dataclass
class ResponseTally:
    """How many responses to calls were right and wrong, of all processes of a program."""

    right: int = 0
    wrong: int = 0

    @property
    def is_hopeless(self) -> bool:
        """Whether enough responses were wrong, and none right, to say that the program is."""
        return not self.right and self.wrong >= _MOST_WRONG


def compute_time_for_cases(whole: float, start: float) -> float:
    """Return how many seconds of a run are for start and cases, by how long the start took.

    That shows how long the verdicts and the report will take.
    """
    most = max(_LEAST_SHARE * whole, whole - _STARTS_TO_REPORT * start)
    return min(_CASES_SHARE * whole, most)


def parse_description(said: dict[str, Any], program: str) -> dict[str, Any]:
    """Return the abilities that a program lists; all operations and no options by default.

    Raises `SettingsError` for a list in another form.
    """
    value = said.get("value") if said["outcome"] == "value" else None
    about: dict[str, Any] = {"ops": list(OPS), "options": [], "lacking": [], "abilities": []}
    about |= value if isinstance(value, dict) else {}
    for name in ("ops", "options", "lacking", "abilities"):
        if not isinstance(about[name], list) or not all(isinstance(x, str) for x in about[name]):
            example = {"ops": list(OPS[:2]), "options": list(OPTIONS[:2]), "lacking": ["retries"]}
            example["abilities"] = ["cancel"]
            raise SettingsError(
                f"{program}: its answer to describe says {name}: {json.dumps(about[name])}. Write "
                f"a list of names, as in {json.dumps(example[name])}."
            )
    for kind, known, names in (
        ("operation", OPS, about["ops"]),
        ("option", OPTIONS, about["options"]),
        ("ability", tuple(ABILITIES), about["abilities"]),
    ):
        for name in names:
            if name not in known:
                raise UnknownNameError(f"{kind} of `{program}`", name, known)
    return about


def build_request(
    case: Case, number: int, args: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any]:
    """Return the line of JSON that asks the program for one call."""
    return {
        "case": f"{case.name}#{number}",
        "op": case.calls[number].op,
        "args": args,
        "base_url": case.base,
        "key": case.calls[number].key or case.key,
        "deadline": case.patience,
        "options": options,
    }


def build_cancellation(name: str) -> dict[str, Any]:
    """Return the line of JSON that asks the program to cancel a call: it has no response."""
    return {"case": name, "op": "cancel", "args": {}}


def build_abandoned(name: str, why: str) -> dict[str, Any]:
    """Return what stands for the response of a call that did not return."""
    return {"case": name, "outcome": "abandoned", "error": {"text": why}}


def list_missing_abilities(case: Case, abilities: Collection[str]) -> list[str]:
    """Return what a case needs its driver to be able to, and this one is not."""
    wanted = {
        "cancel": case.interrupt_after is not None,
        "together": case.together,
        "loop": "loop" in case.needs,
        "advance": "advance" in case.needs,
    }
    return [ABILITIES[name] for name, needed in wanted.items() if needed and name not in abilities]


def parse_response(line: bytes) -> dict[str, Any]:
    """Return the response in a line; raises `WrongResponseError` for a line in another form."""
    shown = line[:80].decode("utf-8", "replace").rstrip()
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise WrongResponseError(
            f"The driver wrote {shown!r} to its standard output, which is not JSON. Write one JSON "
            "object a line there, and log to standard error.",
            f"JSON on the program's standard output, not {shown!r}",
        ) from None
    _write_error_as_text(said)
    found = [
        each
        for each in schemas.violations("own/driver-response", said)
        if each.keyword != "unicode"
    ]  # a lone surrogate comes from the fault server
    if found:
        what = f"{found[0].path or '/'}: {found[0].message}"
        raise WrongResponseError(
            f"The driver's response {shown!r} is not what own/driver-response.json describes: "
            f"{what}.",
            f"a response as in own/driver-response.json ({what})",
            said.get("case") if isinstance(said, dict) else None,
        )
    response: dict[str, Any] = said
    return response


def _write_error_as_text(said: Any) -> None:
    """Write the texts of an error that are of another JSON type as their JSON text.

    A client that hands on the wrong type of a service's answer is judged by what it says.
    """
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return
    for name in _ERROR_TEXTS:
        if name in error and not isinstance(error[name], str | None):
            error[name] = json.dumps(error[name])
    for name in ("type", "message"):
        if error.get(name, "") is None:
            del error[name]


def read_error(said: dict[str, Any]) -> dict[str, Any]:
    """Return the error of a response, with a text for the reports; empty where there is none."""
    error = dict(said.get("error") or {})
    if error:
        error.setdefault("text", f"{error.get('message', '')} {error.get('data', '')}".strip())
    return error


def move_links(value: Any, base: str) -> Any:
    """Return arguments whose links lead to the server of the case, where they led to the API."""
    if isinstance(value, dict):
        return {name: move_links(each, base) for name, each in value.items()}
    if isinstance(value, list):
        return [move_links(each, base) for each in value]
    is_link = isinstance(value, str) and value.startswith(f"{BASE}/v2/downloads/")
    return f"{base}{value.removeprefix(BASE)}" if is_link else value


def resolve_arguments(args: Any, made: dict[int, CallOutcome]) -> dict[str, Any] | None:
    """Return arguments with the values of earlier calls; None where one of these failed."""
    found: dict[str, Any] = {}
    for name, value in args.items():
        if isinstance(value, EarlierResult):
            earlier = made.get(value.call)
            if earlier is None or earlier.kind != "value":
                return None
            found[name] = earlier.value
        else:
            found[name] = value
    return found
