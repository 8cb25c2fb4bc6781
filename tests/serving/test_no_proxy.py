"""NO_PROXY is read as curl and Python read it."""

from __future__ import annotations

import pytest

from getimg_mock.serving.no_proxy import drop_hosts, is_exempt


@pytest.mark.parametrize(
    ("host", "no_proxy", "exempt"),
    [
        ("example.com", "example.com", True),
        ("example.com", "EXAMPLE.com", True),
        ("www.example.com", "example.com", True),
        ("www.example.com", ".example.com", True),
        ("www.example.com", "*.example.com", True),
        ("notexample.com", "example.com", False),
        ("example.com", "a.test, example.com:443", True),
        ("example.com", "*", True),
        ("::1", "[::1]", True),
        ("example.com", "", False),
    ],
)
def test_an_entry_covers_a_host_and_its_subdomains(
    host: str, no_proxy: str, *, exempt: bool
) -> None:
    """An entry is a name, with its subdomains, or everything."""
    assert is_exempt(host, no_proxy) is exempt


def test_entries_that_would_let_the_api_be_reached_directly_are_dropped() -> None:
    """With `*` or `.getimg.ai`, a program would pay: these go, others stay in their order."""
    hosts = frozenset({"api.getimg.ai"})
    assert drop_hosts("corp.test,*,.getimg.ai getimg.ai,api.getimg.ai,x.test", hosts) == [
        "corp.test",
        "x.test",
    ]
