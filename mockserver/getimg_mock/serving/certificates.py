"""Certificate authorities, and the TLS contexts of the names they sign."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import MissingPackageError, SettingsError
from getimg_mock.loaded_packages import keep_packages
from getimg_mock.user_files import find_state_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LOCK_SECONDS: Final = 30


class CertificateAuthority:
    """A certificate authority: a new one by default, whose private key stays in memory.

    `kept` is the certificate and the private key of an earlier one, both PEM. Raises `ValueError`
    if they cannot be read, and `MissingPackageError` without the extra `tls`.
    """

    def __init__(
        self, purpose: str = "only for this run", *, kept: tuple[bytes, bytes] | None = None
    ) -> None:
        kind = _import_trustme().CA
        self._authority: Any = (
            kind.from_pem(*kept)
            if kept
            else kind(organization_name="getimg-mock", organization_unit_name=purpose)
        )

    @property
    def certificate(self) -> bytes:
        """The certificate of the authority, as PEM. It holds no secret."""
        return bytes(self._authority.cert_pem.bytes())

    @property
    def private_key(self) -> bytes:
        """The private key of the authority, as PEM."""
        return bytes(self._authority.private_key_pem.bytes())

    def build_context(self, names: Iterable[str]) -> ssl.SSLContext:
        """Return the context of a server whose certificate is valid for `names`."""
        context = new_server_context()
        self._authority.issue_cert(*names).configure_cert(context)
        return context


def new_server_context() -> ssl.SSLContext:
    """Return the context of a server that has no certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A client that is given HTTP/2 by no server asks for HTTP/1.1.
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True, slots=True)
class KeptAuthority:
    """The authority of `serve --tls`, which outlives a run: programs are told of it once."""

    folder: Path

    @classmethod
    def find(cls) -> KeptAuthority:
        """Return the one in the state folder, which may not exist yet."""
        return cls(find_state_folder() / "tls")

    @property
    def certificate_path(self) -> Path:
        """The file with the certificate, PEM."""
        return self.folder / "ca.pem"

    @property
    def key_path(self) -> Path:
        """The file with the private key, which its owner alone may read."""
        return self.folder / "ca-key.pem"

    def open(self) -> CertificateAuthority:
        """Return the authority; the first call makes it. Raises `SettingsError`."""
        from filelock import FileLock  # noqa: PLC0415 - for TLS only, and cold start matters

        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.folder / "ca.lock", timeout=_LOCK_SECONDS):
                if not self.certificate_path.exists():
                    self._make()
                found = self.certificate_path.read_bytes(), self.key_path.read_bytes()
        except OSError as error:
            raise SettingsError(
                f"The certificate authority in {self.folder} cannot be used: "
                f"{error.strerror or error}."
            ) from None
        try:
            return CertificateAuthority(kept=found)
        except ValueError:
            raise SettingsError(
                f"{self.folder} holds no usable certificate authority. Remove the folder: "
                "the next start makes a new one, which programs must be told to trust."
            ) from None

    def _make(self) -> None:
        authority = CertificateAuthority("on this machine")
        self.key_path.unlink(missing_ok=True)
        descriptor = os.open(self.key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(authority.private_key)
        # The certificate comes last: while it is missing, there is no authority.
        draft = self.certificate_path.with_suffix(".new")
        draft.write_bytes(authority.certificate)
        draft.replace(self.certificate_path)


def _import_trustme() -> Any:
    try:
        with keep_packages("trustme", "cryptography"):
            import trustme  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingPackageError(
            "TLS needs the package trustme: pip install 'getimg-mock[tls]'."
        ) from None
    return trustme
