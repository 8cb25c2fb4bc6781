"""A Redis that asks for a password, and one that speaks TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from getimg_mock.errors import StoreError
from getimg_mock.store.redis_rows import RedisRows
from tests.store.makers import Maker
from tests.store.redis_server import find_free_port, run_redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD = "hidden-word"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run a Redis with a password on two ports, one with TLS; skips a build without TLS."""
    folder: Path = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    plain, secure = find_free_port(), find_free_port()
    words = ["--requirepass", WORD, "--tls-port", str(secure), "--tls-auth-clients", "no"]
    for option, name in (("cert", "cert.pem"), ("key", "key.pem"), ("ca-cert", "ca.pem")):
        words += [f"--tls-{option}-file", str(folder / name)]
    with run_redis(plain, str(folder), *words) as process:
        if process.poll() is not None:
            pytest.skip("this build of Redis has no TLS")
        trust = f"?ssl_ca_certs={folder / 'ca.pem'}"
        yield {
            "password": f"redis://:{WORD}@127.0.0.1:{plain}/0",
            "user": f"redis://default:{WORD}@127.0.0.1:{plain}/0",
            "tls": f"rediss://:{WORD}@127.0.0.1:{secure}/0{trust}&prefix=tls",
            "no password": f"redis://127.0.0.1:{plain}/0",
            "wrong password": f"redis://:{WORD}x@127.0.0.1:{plain}/0",
            "unknown authority": f"rediss://:{WORD}@127.0.0.1:{secure}/0",
        }


@pytest.mark.parametrize("kind", ["password", "user", "tls"])
def test_what_was_answered_is_there_after_a_restart(addresses: dict[str, str], kind: str) -> None:
    """The address has what the server asks for: password, user, and the authority of its TLS."""
    maker = Maker(addresses[kind])
    made = maker.drive().video().json["id"]
    assert made in list(maker.drive().workspace().generations)
    maker.close()


@pytest.mark.parametrize("kind", ["no password", "wrong password", "unknown authority"])
def test_what_is_refused_is_one_sentence_without_the_password(
    addresses: dict[str, str], kind: str
) -> None:
    """The cause is named; the password is not."""
    with pytest.raises(StoreError) as refused:
        RedisRows(addresses[kind])
    told = str(refused.value)
    assert ("PASSWORD@" in told) == (kind == "no password")
    assert "cannot be used" in told
    assert WORD not in told
    assert "\n" not in told
