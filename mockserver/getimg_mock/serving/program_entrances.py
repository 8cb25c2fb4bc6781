"""What programs of any language need so that https://api.getimg.ai is a fake: HTTPS and a proxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from getimg_mock.serving.certificates import CertificateAuthority
from getimg_mock.serving.child_environment import (
    ChildAddresses,
    build_environment,
    find_upstream,
    read_either,
)
from getimg_mock.serving.connect_proxy import ConnectProxy, ProxyRules
from getimg_mock.serving.no_proxy import is_exempt
from getimg_mock.serving.server import Entrance, open_listener
from getimg_mock.serving.trust_files import write_trust_files
from getimg_mock.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from getimg_mock.serving.trust_files import TrustFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramEntrances:
    """Entrances on loopback for a server of the fake, and the files that programs trust.

    `hosts` are the fake. The certificate authority is made for these entrances, and its private
    key stays in memory.
    """

    hosts: frozenset[str]
    rules: ProxyRules
    entrances: tuple[Entrance, Entrance]
    files: TrustFiles

    @classmethod
    def open(
        cls,
        folder: Path,
        hosts: frozenset[str],
        inherited: Mapping[str, str],
        *,
        isolated: bool = False,
    ) -> ProgramEntrances:
        """Listen on two free ports, and write the files into `folder`.

        A proxy that `inherited` names is used for other hosts, unless they are refused because of
        `isolated`. Raises `MissingPackageError` without the extra `tls`, and `ServerError`.
        """
        authority = CertificateAuthority()
        rules = ProxyRules(
            hosts=hosts,
            context=authority.build_context(sorted(hosts)),
            isolated=isolated,
            upstream=find_upstream(inherited),
            no_proxy=read_either(inherited, "NO_PROXY"),
        )
        entrances = _open_entrances(rules)
        preload = {
            "hosts": sorted(hosts),
            "address": "127.0.0.1",
            "port": entrances[0].listener.getsockname()[1],
            "isolated": isolated,
        }
        files = write_trust_files(folder, authority.certificate, inherited, preload)
        return cls(hosts=hosts, rules=rules, entrances=entrances, files=files)

    def build_environment(
        self,
        inherited: Mapping[str, str],
        *,
        url: str,
        key: str | None,
        headers: Sequence[str] = (),
    ) -> dict[str, str]:
        """Return the variables of a program; `url` is the fake without TLS.

        `key` is None where the program keeps its own API key. `headers` are sent by the official
        SDKs with each request.
        """
        addresses = ChildAddresses(
            url=url,
            key=key,
            proxy_port=self.entrances[1].listener.getsockname()[1],
            hosts=self.hosts,
            isolated=self.rules.isolated,
            headers=headers,
        )
        return build_environment(inherited, addresses, self.files)

    def list_changes(self, inherited: Mapping[str, str], *, url: str, key: str) -> dict[str, str]:
        """Return those variables of `build_environment` that differ from `inherited`.

        A `NO_PROXY` of `*` is kept: programs that obey it then take `url`.
        """
        built = self.build_environment(inherited, url=url, key=key)
        if is_exempt("*", read_either(inherited, "NO_PROXY")):
            del built["NO_PROXY"], built["no_proxy"]
        return {name: value for name, value in built.items() if inherited.get(name) != value}


def _open_entrances(rules: ProxyRules) -> tuple[Entrance, Entrance]:
    local = Settings.of(port=0)
    secure, proxy = open_listener(local), open_listener(local)
    return (
        Entrance(secure, context=rules.context),
        Entrance(proxy, build=lambda factory: ConnectProxy(rules, factory)),
    )
