"""`getimg-mock ca`: how programs trust the certificates of `serve --tls`."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError
from getimg_mock.serving.certificates import KeptAuthority
from getimg_mock.serving.trust_files import JAVA_PASSWORD, write_bundles

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

_LINES: Final = """\
# The certificate authority of getimg-mock serve --tls:
# {path}
# Its private key is in the same folder. Set variables for the programs you test, as below.
# Do not add the authority to the trust store of your machine.

# Python (httpx, urllib, aiohttp, the official SDK), Go, Ruby, Rust, .NET on Linux
export SSL_CERT_FILE={bundle}
# Python requests
export REQUESTS_CA_BUNDLE={bundle}
# curl
export CURL_CA_BUNDLE={bundle}
# Node, Bun, Deno (Deno reads DENO_CERT)
export NODE_EXTRA_CA_CERTS={authority}
export DENO_CERT={authority}
# Java, Kotlin, Scala
export JAVA_TOOL_OPTIONS={java}
# PHP: php -d curl.cainfo={bundle} -d openssl.cafile={bundle} program.php
# wget: wget --ca-certificate={bundle} URL
"""


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `ca`."""
    parser = commands.add_parser(
        "ca",
        help="show how programs trust the certificates of serve --tls",
        description="Show the path of the certificate authority of serve --tls, and for each "
        "language the line with which programs trust it. Makes the authority on first use.",
        epilog='eval "$(getimg-mock ca)" sets the variables in a shell.',
        allow_abbrev=False,
    )
    parser.add_argument("--path", action="store_true", help="print the path alone")


def run(arguments: argparse.Namespace) -> int:
    """Print the lines; returns 0."""
    kept = KeptAuthority.find()
    certificate = kept.open().certificate
    if arguments.path:
        sys.stdout.write(f"{kept.certificate_path}\n")
        return 0
    sys.stdout.write(render_lines(kept, certificate))
    return 0


def render_lines(kept: KeptAuthority, certificate: bytes) -> str:
    """Write the bundles and return the lines that name them, as comments and shell commands."""
    try:
        bundles = write_bundles(kept.folder, certificate, os.environ)
    except OSError as error:
        raise SettingsError(f"{kept.folder} cannot be written: {error.strerror}.") from None
    return _LINES.format(
        path=kept.certificate_path,
        authority=shlex.quote(str(kept.certificate_path)),
        bundle=shlex.quote(str(bundles.bundle)),
        java=shlex.quote(_list_java_options(bundles.java)),
    )


def _list_java_options(store: Path) -> str:
    return (
        f'-Djavax.net.ssl.trustStore="{store}" '
        f"-Djavax.net.ssl.trustStorePassword={JAVA_PASSWORD} "
        "-Djavax.net.ssl.trustStoreType=PKCS12"
    )
