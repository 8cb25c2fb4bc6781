"""The delivered items of a history, and their downloaded files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.contract.provider.corpus.key_plans import TWIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History


def list_items(history: History) -> Iterator[tuple[HttpExchange, dict[str, Any]]]:
    """Yield each delivered item, with the result that contains it."""
    for result in history.results:
        for item in result.items:
            yield result, item


def list_files(history: History) -> Iterator[tuple[HttpExchange, HttpExchange, dict[str, Any]]]:
    """Yield each complete download, with the result and the item of its link."""
    for got, result, item in history.downloads:
        if got.status == 200 and got.method == "GET":
            yield got, result, item


def list_twins(history: History) -> Iterator[tuple[HttpExchange, HttpExchange, dict[str, Any]]]:
    """Yield the orders that two workspaces made alike, with the download and the item of each."""
    for got, result, item in list_files(history):
        made = history.submitted.get(result.generation)
        if made is not None and made.use == TWIN:
            yield made, got, item
