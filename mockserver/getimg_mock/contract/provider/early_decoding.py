"""Decoding files while a service makes others.

A run on a service waits for most of its time, and decodes hundreds of files at its end: what is
decoded meanwhile costs no time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from getimg_mock.contract.provider.delivered_files import list_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.history import History


@contextmanager
def decode_early(then: Callable[[History], object]) -> Iterator[Callable[[History], None]]:
    """Yield what takes a history and has its files decoded in another thread.

    That calls `then` with a history whose files are decoded. At the end of the block all are
    decoded, or left out where it ends with an error.
    """
    pool = ThreadPoolExecutor(1, "getimg-mock decodes")
    try:
        yield partial(_begin, pool, then)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _begin(pool: ThreadPoolExecutor, then: Callable[[History], object], history: History) -> None:
    for got, _, _ in list_files(history):
        pool.submit(_decode, got.body)
    pool.submit(then, history)


def _decode(data: bytes) -> None:
    from getimg_mock.contract.provider.media_probe import probe_media  # noqa: PLC0415 - a run of reads needs no decoder

    probe_media(data)  # keeps its result; an error is raised again when the file is judged
