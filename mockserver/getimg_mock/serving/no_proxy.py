"""The environment variable NO_PROXY: which hosts are reached without a proxy."""

from __future__ import annotations


def is_exempt(host: str, no_proxy: str) -> bool:
    """Return whether `no_proxy`, a list with commas, has a host, its domain, or `*`."""
    return any(_covers(entry, host) for entry in _split(no_proxy))


def drop_hosts(no_proxy: str, hosts: frozenset[str]) -> list[str]:
    """Return the entries that cover none of `hosts`."""
    return [each for each in _split(no_proxy) if not any(_covers(each, host) for host in hosts)]


def _split(no_proxy: str) -> list[str]:
    return [each for each in no_proxy.replace(",", " ").split() if each]


def _covers(entry: str, host: str) -> bool:
    name = entry.lower().partition(":")[0] if entry.count(":") == 1 else entry.lower().strip("[]")
    name = name.removeprefix("*.").removeprefix(".")
    return name in {"*", host} or host.endswith("." + name)
