"""The address in links: the one that the client used, also behind a proxy that is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.api.links import read_client_address
from tests.api.driver import IMAGE, Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "http://127.0.0.1:4010"


def _scope(headers: Mapping[str, str], **more: Any) -> dict[str, Any]:
    sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"scheme": "http", "server": ("127.0.0.1", 4010), "headers": sent} | more


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost:4010", "http://localhost:4010"),
        ("fake.test", "http://fake.test"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("[::1]", "http://[::1]"),
        ("my_service-1.docker.internal:4010", "http://my_service-1.docker.internal:4010"),
        ("", OWN),
        ('evil" onload="x', OWN),
        ("a/b", OWN),
        ("user@host", OWN),
        ("a b", OWN),
        ("a\tb", OWN),
        ("h\xf6st", OWN),
        ("host:", OWN),
        ("host:port", OWN),
        ("host:123456", OWN),
        ("a?b", OWN),
        ("a#b", OWN),
        ("a\\b", OWN),
        ("host:99999", OWN),
        ("[::1", OWN),
    ],
)
def test_links_begin_with_the_host_that_was_asked(host: str, address: str) -> None:
    """A Host that is none cannot get into a link: the server's own address stands in for it."""
    assert read_client_address(_scope({"Host": host}), trust_forwarded=False) == address


def test_without_a_host_links_begin_with_the_servers_own_address() -> None:
    """HTTP/1.0 has no Host."""
    assert read_client_address(_scope({}), trust_forwarded=False) == OWN
    six = _scope({}, server=("::1", 4010))
    assert read_client_address(six, trust_forwarded=False) == "http://[::1]:4010"


def test_a_mounted_app_puts_its_prefix_into_links() -> None:
    """`root_path` is what an ASGI host says of where the app is mounted."""
    scope = _scope({"Host": "host"}, root_path="/getimg/")
    assert read_client_address(scope, trust_forwarded=False) == "http://host/getimg"


FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "api.example.com",
    "X-Forwarded-Prefix": "/getimg",
}


def test_forwarded_headers_are_ignored_unless_trusted() -> None:
    """Anybody can send them."""
    scope = _scope(FORWARDED | {"Host": "localhost:4010"})
    assert read_client_address(scope, trust_forwarded=False) == "http://localhost:4010"


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        (FORWARDED, "https://api.example.com/getimg"),
        ({"X-Forwarded-Proto": "https"}, "https://inner:4010"),
        ({"X-Forwarded-Proto": "HTTPS, http"}, "https://inner:4010"),
        ({"X-Forwarded-Proto": "gopher"}, "http://inner:4010"),
        ({"X-Forwarded-Host": "a.example, b.example"}, "http://a.example"),
        ({"X-Forwarded-Host": "evil/"}, "http://inner:4010"),
        ({"X-Forwarded-Host": "a.example:8443"}, "http://a.example:8443"),
        ({"X-Forwarded-Host": "a.example", "X-Forwarded-Port": "8080"}, "http://a.example:8080"),
        ({"X-Forwarded-Host": "a.example", "X-Forwarded-Port": "80"}, "http://a.example"),
        (
            {
                "X-Forwarded-Host": "a.example",
                "X-Forwarded-Port": "443",
                "X-Forwarded-Proto": "https",
            },
            "https://a.example",
        ),
        ({"X-Forwarded-Host": "a.example", "X-Forwarded-Port": "99999999"}, "http://a.example"),
        ({"X-Forwarded-Host": "a.example", "X-Forwarded-Port": "x"}, "http://a.example"),
        ({"X-Forwarded-Host": "[::1]", "X-Forwarded-Port": "81"}, "http://[::1]:81"),
        ({"X-Forwarded-Prefix": "/a/b/"}, "http://inner:4010/a/b"),
        ({"X-Forwarded-Prefix": "//evil"}, "http://inner:4010"),
        ({"X-Forwarded-Prefix": "/a?b"}, "http://inner:4010"),
        ({"X-Forwarded-Prefix": "/"}, "http://inner:4010"),
    ],
)
def test_a_trusted_proxy_says_what_the_client_used(headers: dict[str, str], address: str) -> None:
    """With `--trust-forwarded`; what makes no sense is passed over."""
    scope = _scope(headers | {"Host": "inner:4010"})
    assert read_client_address(scope, trust_forwarded=True) == address


def test_links_follow_the_request_that_asks() -> None:
    """Made per request and never stored: two clients of one video get each their own address."""
    api = Driver.of(video_seconds=0)
    video_id = api.video().json["id"]
    path = f"/v2/videos/generations/{video_id}"
    urls = [
        api.get(path, headers={"host": host}.items()).json["data"][0]["url"]
        for host in ("localhost:1", "getimg.test")
    ]
    assert urls[0].startswith("http://localhost:1/v2/downloads/")
    assert urls[1] == urls[0].replace("localhost:1", "getimg.test")


def test_the_setting_reaches_the_links() -> None:
    """`trust_forwarded` is what decides, end to end."""
    for trusted, address in (("yes", "https://api.example.com/getimg/v2"), ("no", "http://in/v2")):
        api = Driver.of(trust_forwarded=trusted)
        reply = api.post(
            "/v2/images/generations", IMAGE, headers=(FORWARDED | {"host": "in"}).items()
        )
        assert reply.json["data"][0]["url"].startswith(address)


@given(
    headers=st.dictionaries(
        st.sampled_from(["Host", *FORWARDED, "X-Forwarded-Port"]),
        st.text(st.characters(max_codepoint=255), max_size=20),
    ),
    trusted=st.booleans(),
)
def test_no_header_can_break_out_of_the_address(headers: dict[str, str], trusted: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever is sent, links are plain ASCII URLs of two schemes without quotes or spaces."""
    address = read_client_address(_scope(headers), trust_forwarded=trusted)
    assert address.startswith(("http://", "https://"))
    assert address.isascii()
    assert not set(address) & set("\"'<> \\@?#\r\n\t")
