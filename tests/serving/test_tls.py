"""`serve --tls`: which certificate it has, for which names, and what is refused."""

from __future__ import annotations

import json
import ssl
import stat
import sys
from contextlib import contextmanager
from http.client import HTTPSConnection
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import trustme

from getimg_mock import MockServer
from getimg_mock.control.channels import RemoteChannel
from getimg_mock.errors import ControlError, MissingPackageError, SettingsError
from getimg_mock.serving.certificates import KeptAuthority
from getimg_mock.serving.tls_settings import prepare_tls
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = json.dumps({"model": "z-image-turbo", "prompt": "x"})


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the authority of a test in a folder of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "getimg-mock" / "tls"


@contextmanager
def connected(server: MockServer, name: str, trusted: Path | None = None) -> Iterator[Any]:
    """Yield a connection to a server whose certificate must be valid for `name`."""
    authority = trusted or server.certificate_authority
    context = ssl.create_default_context(cafile=str(authority))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    port = urlsplit(server.tls_url or "").port or 0
    connection = HTTPSConnection(name, port, context=context, timeout=30)
    # The name is resolved to this machine, as a hosts file or a network alias does.
    connection._create_connection = (  # type: ignore[attr-defined]
        lambda _, *rest: create_connection(("127.0.0.1", port), *rest)
    )
    try:
        yield connection
    finally:
        connection.close()


def create_connection(address: tuple[str, int], *rest: Any) -> Any:
    """Open a connection to an address."""
    from socket import create_connection as connect  # noqa: PLC0415 - the name is ours here

    return connect(address, *rest)


def request(connection: Any, method: str, path: str, **headers: str) -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    known = {"Authorization": "Bearer sk_tls", "Content-Type": "application/json"}
    connection.request(method, path, IMAGE if method == "POST" else None, known | headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_links_have_the_scheme_and_name_that_the_client_used(tmp_path: Path) -> None:
    """`https` on the port of HTTPS, `http` on that of HTTP; a download works at once."""
    del tmp_path
    with MockServer(tls=True, tls_port=0, tls_host="api.getimg.ai") as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert (server.tls_url or "").startswith("https://127.0.0.1:")
        with connected(server, "api.getimg.ai") as connection:
            status, image = request(connection, "POST", "/v2/images/generations")
            link = urlsplit(image["data"][0]["url"])
            assert (status, link.scheme, link.hostname) == (200, "https", "api.getimg.ai")
            connection.request("GET", f"{link.path}?{link.query}")
            answer = connection.getresponse()
            assert answer.status == 200
            assert answer.read()


def test_without_a_port_of_its_own_https_replaces_http(tmp_path: Path) -> None:
    """One port, one protocol: no request travels in the clear unless that is asked for."""
    del tmp_path
    with MockServer(tls=True) as server:
        assert server.url == server.tls_url
        with connected(server, "localhost") as connection:
            assert request(connection, "GET", "/v2/models")[0] == 200


def test_the_control_surface_answers_for_the_names_that_were_asked_for(tmp_path: Path) -> None:
    """And for no other: a page that resolves its own name to this machine is still refused."""
    del tmp_path
    with MockServer(tls=True, tls_host=["api.getimg.ai", "*.fake.test"]) as server:
        for name in ("api.getimg.ai", "one.fake.test", "127.0.0.1"):
            with connected(server, name) as connection:
                own = {"Origin": f"https://{name}:{urlsplit(server.url).port}"}
                assert request(connection, "GET", "/__mock__/clock", **own)[0] == 200
                status, body = request(
                    connection, "GET", "/__mock__/clock", Origin="https://evil.test"
                )
                assert (status, body["error"]["code"]) == (403, "foreign_origin")
        with connected(server, "127.0.0.1") as connection:
            status, body = request(connection, "GET", "/__mock__/clock", Host="evil.test")
            assert (status, body["error"]["code"]) == (403, "foreign_host")
            assert "--tls-host" in body["error"]["message"]


def test_a_certificate_of_ones_own_names_the_hosts(tmp_path: Path) -> None:
    """Its names are known to the control surface and are in the URL, without a second option."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "own-ca.pem")
    issued = authority.issue_cert("gateway.test")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    own = Settings.of(
        port=0, quiet=True, tls=True, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem"
    )
    with MockServer(settings=own) as server:
        assert server.url.startswith("https://gateway.test:")
        assert server.certificate_authority is None
        with connected(server, "gateway.test", tmp_path / "own-ca.pem") as connection:
            assert request(connection, "GET", "/__mock__/clock")[0] == 200


def test_the_authority_is_kept_and_its_key_is_private(state: Path) -> None:
    """Programs that trust it once go on trusting it; nobody else reads the key."""
    first = KeptAuthority.find().open().certificate
    assert KeptAuthority.find().open().certificate == first
    assert stat.S_IMODE((state / "ca-key.pem").stat().st_mode) == 0o600
    assert b"PRIVATE" not in (state / "ca.pem").read_bytes()


def test_two_first_starts_at_once_make_one_authority(state: Path) -> None:
    """A lock decides which one makes it."""
    found: list[bytes] = []
    threads = [
        Thread(target=lambda: found.append(KeptAuthority(state).open().certificate))
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_broken_authority_is_named_with_the_way_out(state: Path) -> None:
    """It is not replaced silently: programs would distrust the new one."""
    KeptAuthority.find().open()
    (state / "ca-key.pem").write_text("nothing")
    with pytest.raises(SettingsError, match=r"Remove the folder"):
        KeptAuthority.find().open()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tls_port": 1}, "--tls-port needs --tls"),
        ({"tls_host": "a.test"}, "--tls-host needs --tls"),
        ({"tls": True, "tls_cert": "cert.pem"}, "--tls-cert and --tls-key belong together"),
        (
            {"tls": True, "tls_cert": "none.pem", "tls_key": "none.pem"},
            r"none\.pem or none\.pem cannot be read: No such file",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    options: dict[str, Any], said: str
) -> None:
    """When the server is built, with what would have worked."""
    with pytest.raises(SettingsError, match=said):
        prepare_tls(Settings.of(**options))


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    """With both names, as OpenSSL does not say which of them is wrong."""
    (tmp_path / "text.pem").write_text("text")
    settings = Settings.of(tls=True, tls_cert=tmp_path / "text.pem", tls_key=tmp_path / "text.pem")
    with pytest.raises(SettingsError, match=r"are not a certificate and its private key in PEM"):
        prepare_tls(settings)


@pytest.mark.parametrize("name", ["https://a.test", "a b", "-a", "a..b", "a.test:443", "*"])
def test_what_is_not_a_host_name_is_refused(name: str) -> None:
    """A scheme or a port in a name would make a certificate for nothing."""
    with pytest.raises(SettingsError, match="is not a host name"):
        Settings.of(tls_host=[name])


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without trustme, the error says what to install."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'getimg-mock\[tls\]'"):
        prepare_tls(Settings.of(tls=True))


def test_control_commands_trust_the_kept_authority(tmp_path: Path) -> None:
    """`getimg-mock journal list` with an https URL needs no variable on the same machine."""
    with MockServer(tls=True) as server:
        channel = RemoteChannel(server.url, "sk_tls")
        assert channel.call("GET", "/clock")
    foreign = trustme.CA()
    issued = foreign.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    both = tmp_path / "both.pem"
    own = Settings.of(port=0, quiet=True, tls=True, tls_cert=both, tls_key=both)
    with (
        MockServer(settings=own) as server,
        pytest.raises(ControlError, match=r"does not trust its certificate"),
    ):
        RemoteChannel(server.url, "sk_tls").call("GET", "/clock")
