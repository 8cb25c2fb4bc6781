"""The variables of a child process: what is replaced, what is kept, and what is appended to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from getimg_mock.errors import SettingsError
from getimg_mock.serving.child_environment import (
    ChildAddresses,
    build_environment,
    find_upstream,
    read_header,
)
from getimg_mock.serving.trust_files import TrustFiles

FILES: Final = TrustFiles(
    bundle=Path("/run/bundle"),
    extra=Path("/run/extra"),
    java=Path("/run/java"),
    wgetrc=Path("/run/wgetrc"),
    php=Path("/run/php"),
    preload=Path("/run/preload"),
)


def build(inherited: dict[str, str], *, isolated: bool = False, header: str = "") -> dict[str, str]:
    """Return the variables of a child of a process with `inherited`."""
    addresses = ChildAddresses(
        url="http://127.0.0.1:1",
        key="sk_mock_example",
        proxy_port=2,
        hosts=frozenset({"api.getimg.ai"}),
        isolated=isolated,
        headers=[header] if header else [],
    )
    return build_environment(inherited, addresses, FILES)


def test_a_real_key_does_not_reach_the_program() -> None:
    """A program that is not led to the fake could spend money with it."""
    assert build({"GETIMG_API_KEY": "sk_real"})["GETIMG_API_KEY"] == "sk_mock_example"


def test_options_of_the_user_are_kept() -> None:
    """Variables that hold several options are appended to; unrelated ones are as before."""
    made = build({"NODE_OPTIONS": "--trace-warnings", "JAVA_TOOL_OPTIONS": "-Xmx1g", "A": "b"})
    assert made["NODE_OPTIONS"] == '--trace-warnings --require "/run/preload"'
    assert made["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -Dhttps.proxyHost=127.0.0.1 ")
    assert made["A"] == "b"


def test_the_api_is_never_exempt_from_the_proxy() -> None:
    """Both spellings of NO_PROXY keep the user's hosts, without those that cover the API."""
    made = build({"no_proxy": "corp.test,.getimg.ai"})
    assert made["NO_PROXY"] == made["no_proxy"] == "corp.test,localhost,127.0.0.1,::1"


def test_an_isolated_program_has_no_way_around_the_proxy() -> None:
    """Nothing but loopback is exempt, and plain HTTP goes to the proxy, too."""
    made = build({"NO_PROXY": "corp.test"}, isolated=True)
    assert made["NO_PROXY"] == "localhost,127.0.0.1,::1"
    assert made["http_proxy"] == made["https_proxy"] == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("inherited", "upstream"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:1"}, "http://a:1"),
        ({"all_proxy": "http://b:1", "HTTPS_PROXY": ""}, "http://b:1"),
        ({"HTTP_PROXY": "http://c:1"}, None),
    ],
)
def test_other_hosts_are_reached_by_the_proxy_of_before(
    inherited: dict[str, str], upstream: str | None
) -> None:
    """That of https, else that of all schemes: the program's own variables name the run's proxy."""
    assert find_upstream(inherited) == upstream


def test_headers_are_added_to_those_of_the_user() -> None:
    """One header a line, as the official SDKs read them."""
    made = build({"GETIMG_AI_CUSTOM_HEADERS": "X-Team: a"}, header=read_header("X-Mock=b=c"))
    assert made["GETIMG_AI_CUSTOM_HEADERS"] == "X-Team: a\nX-Mock: b=c"


@pytest.mark.parametrize("text", ["X", "=v", "X Y=v", "X=a\nb", "Ü=v"])
def test_what_is_no_header_is_refused(text: str) -> None:
    """A line break would be a second header; the message has an example."""
    with pytest.raises(SettingsError, match="NAME=VALUE"):
        read_header(text)
