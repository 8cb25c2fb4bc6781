"""Real work that is under way while time is bound: sockets, children and jobs that may answer.

The clock does not jump over it. Noted are requests that an event loop has sent on a socket,
child processes, and jobs given to executors that do not live in bound time.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from getimg_mock.virtual_time.import_hooks import ImportHook
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import ModuleType

    from getimg_mock.patches import Patches

PATIENCE: Final = 5.0
"""For how many real seconds something may be silent and still count as under way."""

# How long the end of a child or job takes to reach the thread that waits for it.
_NEWS_SECONDS: Final = 0.02
# Workers of pools wait for jobs, which are noted themselves.
_POOL_WORKERS: Final = frozenset({"_process_worker", "worker"})


class RealWork:
    """Notes what bound threads have begun, and tells whether it may still answer.

    `patience` is in real seconds. Connections to `own_ports` of this machine do not count: the
    server there tells itself whether it is at work. Jobs of pools whose threads are all bound do
    not count either, as their threads are watched.
    """

    def __init__(
        self,
        outsiders: Container[threading.Thread],
        *,
        patience: float = PATIENCE,
        own_ports: Container[int] = (),
    ) -> None:
        self.patience = patience
        self.last_send = 0.0
        self._outsiders = outsiders
        self._own_ports = own_ports
        self._lock = threading.Lock()
        self._accepted: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
        self._sent: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        # What was begun, since when, and how it shows that it is over.
        self._begun: WeakKeyDictionary[Any, tuple[float, Callable[[], bool]]] = WeakKeyDictionary()
        self._news_until = 0.0
        # Whether anything was ever begun or sent: asking two weak dictionaries takes longer.
        self._is_used = False
        self._patches: Patches | None = None
        self._imports: ImportHook | None = None

    def start(self, patches: Patches) -> None:
        """Note what is begun from now on."""
        self._patches = patches
        for name in ("send", "sendmsg"):
            if hasattr(socket.socket, name):
                patches.replace(socket.socket, name, self._make_send)
        for name in ("recv", "recv_into"):
            patches.replace(socket.socket, name, self._make_receive)
        patches.replace(socket.socket, "accept", self._make_accept)
        patches.replace(subprocess.Popen, "__init__", self._make_popen)
        self._imports = ImportHook(
            {
                "multiprocessing.process": lambda module: patches.replace(
                    module.BaseProcess, "start", self._make_process_start
                ),
                "multiprocessing.pool": lambda module: self._note_pool_results(patches, module),
                "concurrent.futures.process": lambda module: patches.replace(
                    module.ProcessPoolExecutor, "submit", self._make_submit
                ),
                "concurrent.futures.thread": lambda module: patches.replace(
                    module.ThreadPoolExecutor, "submit", self._make_submit
                ),
            }
        )
        self._imports.start()

    def stop(self) -> None:
        """Note nothing in modules that are imported from now on; the patches restore the others."""
        if self._imports is not None:
            self._imports.stop()

    def is_under_way(self) -> bool:
        """Return whether something that was begun may still answer."""
        if not self._is_used:
            return False
        now = stopwatch()
        return self._is_begun_under_way(now) or self._is_answer_due(now) or now < self._news_until

    def is_real_input(self, descriptor: int) -> bool:
        """Return whether a descriptor may get input from elsewhere than a listener or own port."""
        try:
            with socket.socket(fileno=os.dup(descriptor)) as there:
                if there.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    return False
                return not self._is_own(there)
        except OSError:  # a pipe, for example
            return True

    def _is_bound(self) -> bool:
        active = self._patches is not None and self._patches.active
        return active and threading.current_thread() not in self._outsiders

    def _is_begun_under_way(self, now: float) -> bool:
        under_way = False
        for begun, (since, is_over) in _copy_items(self._begun, self._lock):
            if is_over():
                with self._lock:
                    self._begun.pop(begun, None)
                self._news_until = now + _NEWS_SECONDS
            elif now - since < self.patience:
                under_way = True
        return under_way

    def _is_answer_due(self, now: float) -> bool:
        return any(
            now - since < self.patience and sender.fileno() >= 0 and not self._is_own(sender)
            for sender, since in _copy_items(self._sent, self._lock)
        )

    def _is_own(self, connected: socket.socket) -> bool:
        try:
            peer = connected.getpeername()
        except OSError:
            return False
        # Without a name, it is the other end of a pair: event loops wake themselves by those.
        return not peer or (
            isinstance(peer, tuple) and len(peer) > 1 and peer[1] in self._own_ports
        )

    def _begin(self, begun: Any, is_over: Callable[[], bool]) -> None:
        self._is_used = True
        with self._lock:
            self._begun[begun] = (stopwatch(), is_over)

    def _make_send(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def send(sender: Any, *arguments: Any) -> Any:
            sent = original(sender, *arguments)
            if self._is_bound() and sender.gettimeout() == 0:
                self.last_send = stopwatch()
                if sender.type == socket.SOCK_STREAM and sender not in self._accepted:
                    self._is_used = True
                    with self._lock:
                        self._sent[sender] = self.last_send
            return sent

        return send

    def _make_receive(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def receive(receiver: Any, *arguments: Any) -> Any:
            got = original(receiver, *arguments)
            if self._sent:
                with self._lock:
                    self._sent.pop(receiver, None)
            return got

        return receive

    def _make_accept(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def accept(listener: Any) -> Any:
            accepted, address = original(listener)
            with self._lock:
                self._accepted[accepted] = True
            return accepted, address

        return accept

    def _make_popen(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def start(child: Any, *arguments: Any, **options: Any) -> None:
            original(child, *arguments, **options)
            if self._is_bound():
                self._begin(child, lambda: child.returncode is not None or _has_ended(child.pid))

        return start

    def _make_process_start(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def start(process: Any) -> None:
            original(process)
            target = getattr(process, "_target", None)
            if self._is_bound() and getattr(target, "__name__", "") not in _POOL_WORKERS:
                self._begin(process, lambda: _has_ended(process.pid))

        return start

    def _make_submit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def submit(executor: Any, /, *arguments: Any, **options: Any) -> Any:
            job = original(executor, *arguments, **options)
            threads = getattr(executor, "_threads", None)
            outside = threads is None or any(each in self._outsiders for each in tuple(threads))
            if outside and self._is_bound():
                self._begin(job, job.done)
            return job

        return submit

    def _note_pool_results(self, patches: Patches, module: ModuleType) -> None:
        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def start(result: Any, pool: Any, *arguments: Any, **options: Any) -> None:
                original(result, pool, *arguments, **options)
                if self._is_bound() and not isinstance(pool, module.ThreadPool):
                    self._begin(result, result.ready)

            return start

        patches.replace(module.ApplyResult, "__init__", make)


def _copy_items(noted: Any, lock: threading.Lock) -> list[tuple[Any, Any]]:
    with lock:
        return list(noted.items())


def _has_ended(pid: int | None) -> bool:
    """Return whether a child has ended, without taking its status from the one that waits."""
    if pid is None:
        return True
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # its status was taken
        return True
