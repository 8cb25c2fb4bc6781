"""What `serve --tls` asks for: a context, and the names of the server's certificate."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import MissingPackageError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.settings import Settings

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True)
class TlsSetup:
    """Settings whose `tls_host` has every name of the certificate, and the server's context.

    `context` is None without `tls`. `authority` is the file to trust, None for a certificate of
    the user's own. `host` is the name for URLs of a certificate that is not valid for the bound
    address; else it is None.
    """

    settings: Settings
    context: ssl.SSLContext | None = None
    authority: Path | None = None
    host: str | None = None


def prepare_tls(settings: Settings) -> TlsSetup:
    """Return what the TLS settings ask for; makes the local authority on first use.

    Raises `SettingsError` for settings that contradict each other and for unusable certificates,
    `MissingPackageError` without the extra `tls`.
    """
    if not settings.tls:
        _refuse_without_tls(settings)
        return TlsSetup(settings)
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("--tls-cert and --tls-key belong together: give both, or neither.")
    if settings.tls_cert is not None and settings.tls_key is not None:
        return _use_own_certificate(settings, settings.tls_cert, settings.tls_key)
    from getimg_mock.serving.certificates import KeptAuthority  # noqa: PLC0415 - few serve TLS

    kept = KeptAuthority.find()
    bound = () if settings.host in _ANY else (settings.host,)
    names = tuple(dict.fromkeys((*settings.tls_host, *bound, *_LOCAL)))
    context = kept.open().build_context(names)
    return TlsSetup(settings, context, kept.certificate_path)


def _refuse_without_tls(settings: Settings) -> None:
    for name in ("tls_port", "tls_cert", "tls_key", "tls_host"):
        if getattr(settings, name) not in {None, ()}:
            raise SettingsError(f"--{name.replace('_', '-')} needs --tls.")


def _use_own_certificate(settings: Settings, certificate: Path, key: Path) -> TlsSetup:
    from getimg_mock.serving.certificates import new_server_context  # noqa: PLC0415 - as above

    context = new_server_context()
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except ssl.SSLError as error:
        raise SettingsError(
            f"{certificate} and {key} are not a certificate and its private key in PEM: "
            f"{error.reason or error}."
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{certificate} or {key} cannot be read: {error.strerror or error}."
        ) from None
    names = _read_names(certificate)
    settings = replace(settings, tls_host=tuple(dict.fromkeys((*settings.tls_host, *names))))
    plain = [each for each in names if not each.startswith("*.")]
    local = settings.host in names or not plain
    return TlsSetup(settings, context, host=None if local else plain[0])


def _refuse_password() -> str:
    raise SettingsError("The key of --tls-key is encrypted: give one without a passphrase.")


def _read_names(certificate: Path) -> list[str]:
    """Return the names that the first certificate of a file is valid for."""
    x509 = _import_x509()
    found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    listed = [*names.get_values_for_type(x509.DNSName)]
    listed += map(str, names.get_values_for_type(x509.IPAddress))
    return [each.lower() for each in listed]


def _import_x509() -> Any:
    try:
        from cryptography import x509  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingPackageError(
            "A certificate of your own needs the package cryptography: "
            "pip install 'getimg-mock[tls]'."
        ) from None
    return x509
