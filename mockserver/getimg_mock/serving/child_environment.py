"""The environment in which programs of any language find the fake and trust its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import SettingsError
from getimg_mock.serving.no_proxy import drop_hosts
from getimg_mock.serving.trust_files import JAVA_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.serving.trust_files import TrustFiles

CUSTOM_HEADERS: Final = "GETIMG_AI_CUSTOM_HEADERS"
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildAddresses:
    """What a child process is pointed at.

    `url` is the fake without TLS, `proxy_port` that of the proxy on 127.0.0.1, `hosts` the names
    that the proxy answers as the fake. `key` is None where the child keeps its own.
    """

    url: str
    key: str | None
    proxy_port: int
    hosts: frozenset[str]
    isolated: bool = False
    headers: Sequence[str] = ()


def build_environment(
    inherited: Mapping[str, str], addresses: ChildAddresses, files: TrustFiles
) -> dict[str, str]:
    """Return the variables of a child process; those of `inherited` that must differ replaced."""
    proxy = f"http://127.0.0.1:{addresses.proxy_port}"
    exempt = read_either(inherited, "NO_PROXY")
    kept = [] if addresses.isolated else drop_hosts(exempt, addresses.hosts)
    no_proxy = ",".join(dict.fromkeys([*kept, *_LOCAL]))
    bundle = str(files.bundle)
    changed = {
        "GETIMG_AI_BASE_URL": addresses.url,
        **({} if addresses.key is None else {"GETIMG_API_KEY": addresses.key}),
        "GETIMG_MOCK_URL": addresses.url,
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "NODE_EXTRA_CA_CERTS": str(files.extra),
        "NODE_USE_ENV_PROXY": "1",
        "WGETRC": str(files.wgetrc),
        # An empty first entry is the folder that PHP was built with.
        "PHP_INI_SCAN_DIR": f"{inherited.get('PHP_INI_SCAN_DIR', '')}:{files.php}",
        "NODE_OPTIONS": _append(inherited, "NODE_OPTIONS", f'--require "{files.preload}"'),
        "JAVA_TOOL_OPTIONS": _append(
            inherited, "JAVA_TOOL_OPTIONS", _list_java_options(addresses, files, no_proxy)
        ),
    }
    for name in ("HTTPS_PROXY", *(("HTTP_PROXY", "ALL_PROXY") if addresses.isolated else ())):
        changed[name] = changed[name.lower()] = proxy
    changed["NO_PROXY"] = changed["no_proxy"] = no_proxy
    if addresses.headers:
        own = inherited.get(CUSTOM_HEADERS, "").splitlines()
        changed[CUSTOM_HEADERS] = "\n".join([*own, *addresses.headers])
    return {**inherited, **changed}


def read_either(environment: Mapping[str, str], name: str) -> str:
    """Return a variable by its lower-case or its upper-case name; programs prefer the former."""
    return environment.get(name.lower()) or environment.get(name) or ""


def find_upstream(environment: Mapping[str, str]) -> str | None:
    """Return the proxy by which programs reach https hosts; None where they need none."""
    return read_either(environment, "HTTPS_PROXY") or read_either(environment, "ALL_PROXY") or None


def read_header(text: str) -> str:
    """Return `Name: value` of `Name=value`; raises `SettingsError` for anything else."""
    name, equals, value = text.partition("=")
    token = name.replace("-", "").replace("_", "")
    if not (equals and token.isascii() and token.isalnum() and value.isprintable()):
        raise SettingsError(
            f"--header {text!r} is not NAME=VALUE, such as X-Mock-Behaviour=status=503."
        )
    return f"{name}: {value}"


def _append(inherited: Mapping[str, str], name: str, value: str) -> str:
    return f"{inherited.get(name, '')} {value}".strip()


def _list_java_options(addresses: ChildAddresses, files: TrustFiles, no_proxy: str) -> str:
    schemes = ("https", "http") if addresses.isolated else ("https",)
    options = [
        f"-D{scheme}.{key}"
        for scheme in schemes
        for key in ("proxyHost=127.0.0.1", f"proxyPort={addresses.proxy_port}")
    ]
    # Java has `*.example.com` where others have `.example.com`.
    exempt = [f"*{each}" if each.startswith(".") else each for each in no_proxy.split(",")]
    options += [
        f'-Dhttp.nonProxyHosts="{"|".join(exempt)}"',
        f'-Djavax.net.ssl.trustStore="{files.java}"',
        f"-Djavax.net.ssl.trustStorePassword={JAVA_PASSWORD}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
    ]
    return " ".join(options)
