"""GP409 and GP114 on services: what RFC 9110 leaves open about lengths and parts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.exchanges import parse_length
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import find_check
from tests.contract.provider.fixed_plans import run_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.exchanges import HttpExchange


def change(each: HttpExchange, name: str, value: str) -> HttpExchange:
    """Return an exchange whose answer has another value of a header."""
    kept = tuple((known, old) for known, old in each.headers if known.lower() != name)
    return replace(each, headers=(*kept, (name, value)))


def hide_total(each: HttpExchange) -> HttpExchange:
    """Return a part that does not tell the length of the whole file."""
    shown = each.fields.get("content-range", "")
    return change(each, "content-range", re.sub(r"/\d+$", "/*", shown)) if shown else each


def send_less(each: HttpExchange, most: int) -> HttpExchange:
    """Return a part that ends after so many bytes at most, and says so."""
    shown = each.fields.get("content-range", "")
    if each.status != 206 or len(each.body) <= most:
        return each
    first, total = (int(part) for part in re.findall(r"(\d+)-\d+/(\d+)", shown)[0])
    cut = change(each, "content-range", f"bytes {first}-{first + most - 1}/{total}")
    return replace(change(cut, "content-length", str(most)), body=each.body[:most])


def write_long(each: HttpExchange) -> HttpExchange:
    """Return an answer whose length has leading zeros."""
    length = each.fields.get("content-length")
    return each if length is None else change(each, "content-length", length.zfill(10))


def say_more(each: HttpExchange) -> HttpExchange:
    """Return an answer whose length is one more than there is."""
    length = each.fields.get("content-length")
    return each if length is None else change(each, "content-length", str(int(length) + 1))


@pytest.mark.parametrize(
    ("alter", "status"),
    [
        (hide_total, "PASS"),
        (lambda each: send_less(each, 2048), "PASS"),
        (lambda each: send_less(each, 9), "FAIL"),
        (write_long, "PASS"),
        (say_more, "FAIL"),
    ],
)
@pytest.mark.parametrize("check", ["GP409", "GP114"])
def test_what_is_left_open_is_let_go(
    check: str, alter: Callable[[HttpExchange], HttpExchange], status: str
) -> None:
    """A part may be less than was asked for where that is much; none is one byte short."""
    history = run_plan("an image and its file")
    changed = replace(history, exchanges=tuple(map(alter, history)), own=False)
    found = judge_check(find_check(check), [changed], own=False).status
    assert found == (status if check == "GP409" or alter is say_more else "PASS")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ((("content-type", "text/html"),), "FAIL"),
        ((("content-type", "application/json"),), "PASS"),
        ((("set-cookie", "a=1"), ("set-cookie", "b=2")), "PASS"),
        ((("transfer-encoding", "chunked"),), "FAIL"),
    ],
)
def test_what_is_said_twice_has_to_be_the_same(
    more: tuple[tuple[str, str], ...], status: str
) -> None:
    """A gateway may repeat a field; two lengths, or two types, are read differently."""
    history = run_plan("the catalogue")
    first = history.exchanges[0]
    assert first.kind == "application/json"
    changed = (replace(first, headers=(*more, *first.headers)), *history.exchanges[1:])
    other = replace(history, exchanges=changed, own=False)
    assert judge_check(find_check("GP114"), [other], own=False).status == status


@pytest.mark.parametrize(
    ("value", "length"),
    [("7", 7), ("007", 7), ("000", 0), ("", None), (None, None), ("7 ", None), ("9" * 5000, None)],
)
def test_any_length_is_read(value: str | None, length: int | None) -> None:
    """What a service says may be anything."""
    assert parse_length(value) == length


def test_a_head_whose_length_is_no_number_differs_from_its_get() -> None:
    """A service may leave a length out; one that is garbage is not left out."""
    history = run_plan("an image and its file")
    changed = tuple(
        change(each, "content-length", "many") if each.method == "HEAD" else each
        for each in history
    )
    other = replace(history, exchanges=changed, own=False)
    assert judge_check(find_check("GP409"), [other], own=False).status == "FAIL"
