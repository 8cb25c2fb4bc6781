"""How adapters are found and made, and what whoever wrote one is told."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.contract.clients.drivers.adapter_loading import load_driver
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import choose_checks, verify
from getimg_mock.errors import SettingsError, UnknownNameError
from tests.contract.clients.reference import ReferenceClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADAPTER = """
class Adapter:
    def __init__(self, base_url, key):
        pass
    def balance(self):
        return {}
"""


class Counted(ReferenceClient):
    """Knows how many of it there are."""

    alive = 0

    def __init__(self, *, base_url: str, key: str) -> None:
        super().__init__(base_url=base_url, key=key)
        Counted.alive += 1

    def close(self) -> None:
        """Close the connections."""
        Counted.alive -= 1
        super().close()


def unannotated(base_url, key, timeout=60.0):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as many write it
    """Return a client without saying of what class."""
    del timeout
    return Counted(base_url=base_url, key=key)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return what writes a module in the present folder and returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def write(text: str) -> str:
        name = f"adapter_{tmp_path.name}"
        tmp_path.joinpath(f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_a_plain_function_without_annotations_is_enough() -> None:
    """What a client can do is seen of one that is made; it is closed again."""
    driver = PythonDriver(unannotated)
    assert driver.ops == PythonDriver(ReferenceClient).ops
    assert driver.options == {"timeout"}
    assert Counted.alive == 0
    assert [each.status for each in verify(driver, checks=choose_checks(["GC103"])).verdicts] == [
        "PASS"
    ]


def test_an_annotation_that_says_nothing_is_not_believed() -> None:
    """`-> Any`, `-> object` and their like name no operation."""

    def make(base_url: str, key: str) -> object:
        return ReferenceClient(base_url=base_url, key=key)

    assert "balance" in PythonDriver(make).ops


def test_what_an_instance_has_counts() -> None:
    """An adapter may get its operations when it is made."""

    class Late:
        def __init__(self, base_url: str, key: str) -> None:
            self.balance = ReferenceClient(base_url=base_url, key=key).balance
            self.lacking = "retries"

    driver = PythonDriver(Late)
    assert driver.ops == {"balance"}
    assert driver.lacking == {"retries"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("official", "Did you mean 'official-sdk'?.*package.module:make"),
        ("no_such_module:make", "module 'no_such_module' is neither.*official-sdk"),
        ("json:dunps", "Did you mean 'dumps'"),
        ("json:nothing_like_it", "It defines .*loads"),
        ("json:__name__", "of type str.*It defines .*loads"),
        (":make", "package.module:make"),
    ],
)
def test_a_name_that_is_no_adapter_is_told_what_would_be(name: str, told: str) -> None:
    """One sentence: what is wrong, and what would have worked."""
    with pytest.raises(SettingsError, match=told):
        load_driver(name)


@pytest.mark.parametrize(
    ("text", "told", "shown"),
    [
        ("raise ValueError('no vault')", "cannot be imported", "ValueError: no vault"),
        ("def make(:", "cannot be imported", "SyntaxError"),
        ("import sys; sys.exit('bye')", "cannot be imported", "SystemExit: bye"),
        ("import no_such_thing", "needs the module 'no_such_thing'", ""),
        (
            "def make(base_url, key): raise OSError('no file')",
            "raised when it was",
            "OSError: no file",
        ),
        ("def make(url, token): ...", r"takes \(url, token\).*make\(base_url=", ""),
        ("def make(base_url, key, region): ...", "'region'.*give any others a default", ""),
        ("async def make(base_url, key): ...", "Use a plain function", ""),
        ("make = 3", "defines no class or function", ""),
        (f"{ADAPTER}\nmake = Adapter\nmake.balance = None", "has none of generate_image", ""),
        (f"{ADAPTER}\nmake = Adapter\nmake.environment = 'X'", "environment is 'X'", ""),
    ],
)
def test_an_adapter_that_cannot_be_used_is_told_why(
    module: Callable[[str], str], text: str, told: str, shown: str
) -> None:
    """A sentence first, the trace of the caller's own error below it, and nothing of ours."""
    with pytest.raises(SettingsError) as caught:
        load_driver(f"{module(text)}:make")
    sentence, _, trace = str(caught.value).partition("\n\n")
    assert "\n" not in sentence
    assert re.search(told, sentence)
    assert shown in trace
    assert "getimg_mock" not in trace


def test_a_slip_in_an_operations_name_is_told() -> None:
    """Else the operation would be skipped without a word; None says that there is none."""
    slip = type("Slip", (ReferenceClient,), {"download": None, "dowload": lambda _: None})
    assert "download" not in PythonDriver(slip).ops

    class Images:
        def __init__(self, base_url: str, key: str) -> None: ...

        def generate_imge(self) -> None: ...

    with pytest.raises(UnknownNameError, match="generate_image"):
        PythonDriver(Images)


def test_a_maker_that_fails_in_a_case_ends_the_run() -> None:
    """That is no verdict on the client."""

    class Picky(ReferenceClient):
        def __init__(self, *, base_url: str, key: str, max_retries: int = 2) -> None:
            if max_retries == 0:
                raise ValueError("at least one")
            super().__init__(base_url=base_url, key=key, max_retries=max_retries)

    with pytest.raises(SettingsError, match=r"max_retries=0(?s:.)*ValueError: at least one"):
        verify(PythonDriver(Picky), checks=choose_checks(["GC105"]))


def test_a_method_that_returns_a_coroutine_unannounced_is_told() -> None:
    """An adapter's method is `async def`, or finished when it returns."""

    async def later() -> dict[str, Any]:
        return {}

    class Half:
        def __init__(self, base_url: str, key: str) -> None: ...

        def balance(self) -> Any:
            return later()

    with pytest.raises(SettingsError, match="Declare it with async def"):
        verify(PythonDriver(Half), checks=choose_checks(["GC103"]))
