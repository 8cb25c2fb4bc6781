"""Files that let programs trust a certificate authority, in addition to their own.

They hold certificates alone: no private key is ever written.
"""

from __future__ import annotations

import json
import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock._shipped import open_package_folder
from getimg_mock.loaded_packages import keep_packages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.x509 import Certificate

JAVA_PASSWORD: Final = "getimg-mock"  # noqa: S105 - protects nothing: the file holds no secret
# Where systems keep their authorities, if OpenSSL does not say.
_SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class TrustBundles:
    """The paths of the files with certificates."""

    bundle: Path
    """The authorities of the system and of the environment, and that of the fake: PEM."""
    java: Path
    """As `bundle`, in PKCS #12, with `JAVA_PASSWORD`."""


@dataclass(frozen=True, slots=True)
class TrustFiles:
    """The paths of one run's files, all in one folder."""

    bundle: Path
    """The authorities of the system and of the environment, and that of the run: PEM."""
    extra: Path
    """That of the run, and those of `NODE_EXTRA_CA_CERTS`: PEM."""
    java: Path
    """As `bundle`, in PKCS #12, with `JAVA_PASSWORD`."""
    wgetrc: Path
    """The user's own settings of wget, and `bundle`."""
    php: Path
    """A folder with an ini file that names `bundle`."""
    preload: Path
    """A module that Node loads first."""


def write_trust_files(
    folder: Path, certificate: bytes, environment: Mapping[str, str], preload: Mapping[str, Any]
) -> TrustFiles:
    """Write the files into `folder`; `preload` are the values that the Node module needs."""
    php = folder / "php"
    php.mkdir()
    bundles = write_bundles(folder, certificate, environment)
    files = TrustFiles(
        bundle=bundles.bundle,
        extra=folder / "ca-extra.pem",
        java=bundles.java,
        wgetrc=folder / "wgetrc",
        php=php,
        preload=folder / "node_preload.cjs",
    )
    own = environment.get("NODE_EXTRA_CA_CERTS")
    files.extra.write_bytes(certificate + b"\n" + (_read_file(own) if own else b""))
    settings = environment.get("WGETRC") or str(Path("~/.wgetrc").expanduser())
    files.wgetrc.write_bytes(_read_file(settings) + f"\nca_certificate = {files.bundle}\n".encode())
    ini = f'curl.cainfo = "{files.bundle}"\nopenssl.cafile = "{files.bundle}"\n'
    (php / "getimg-mock.ini").write_text(ini, encoding="utf-8")
    source = open_package_folder("serving").joinpath("node_preload.cjs").read_text("utf-8")
    filled = source.replace("{/* filled in for each run */}", json.dumps(dict(preload)))
    files.preload.write_text(filled, encoding="utf-8")
    return files


def write_bundles(folder: Path, certificate: bytes, environment: Mapping[str, str]) -> TrustBundles:
    """Write the files with certificates into `folder`."""
    bundles = TrustBundles(folder / "ca-bundle.pem", folder / "ca-bundle.p12")
    bundle = certificate + b"\n" + _read_known(environment, bundles.bundle)
    bundles.bundle.write_bytes(bundle)
    bundles.java.write_bytes(_build_java_store(bundle))
    return bundles


def _read_known(environment: Mapping[str, str], written: Path) -> bytes:
    """Return the authorities that programs trust already: of the system and of the environment."""
    paths = [environment[name] for name in _VARIABLES if environment.get(name)]
    paths = [each for each in paths if Path(each) != written]
    system = ssl.get_default_verify_paths()
    candidates = (system.openssl_cafile, *_SYSTEM_BUNDLES)
    paths += [each for each in candidates if each and Path(each).is_file()][:1]
    return b"\n".join(_read_file(each) for each in dict.fromkeys(paths))


def _read_file(path: str) -> bytes:
    """Return what a file holds; nothing if it cannot be read, as with the programs themselves."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _build_java_store(bundle: bytes) -> bytes:
    with keep_packages("cryptography"):
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - an extra
            PrivateFormat,
            pkcs12,
        )

    entries = [
        pkcs12.PKCS12Certificate(each, str(number).encode())
        for number, each in enumerate(_load_certificates(bundle))
    ]
    encryption = (
        PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1000).hmac_hash(SHA256())
    ).build(JAVA_PASSWORD.encode())
    return pkcs12.serialize_java_truststore(entries, encryption)


def _load_certificates(bundle: bytes) -> list[Certificate]:
    """Return the certificates of a PEM bundle that can be read, each once."""
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - an extra

    end = b"-----END CERTIFICATE-----"
    found: dict[Certificate, None] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old authorities that systems still trust
        for part in bundle.split(end)[:-1]:
            start = part.find(b"-----BEGIN CERTIFICATE-----")
            try:
                found[load_pem_x509_certificate(part[max(start, 0) :] + end + b"\n")] = None
            except ValueError:
                continue  # programs skip it, too
    return list(found)
