"""The authority of a run: what is missing is named, and its key is in no file."""

from __future__ import annotations

import sys

import pytest

from getimg_mock.errors import MissingPackageError
from getimg_mock.serving.certificates import CertificateAuthority


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without trustme, the error says what to install."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'getimg-mock\[tls\]'"):
        CertificateAuthority()


def test_the_certificate_holds_no_key() -> None:
    """It is written to a file that any process of the user can read."""
    certificate = CertificateAuthority().certificate
    assert b"BEGIN CERTIFICATE" in certificate
    assert b"PRIVATE KEY" not in certificate
