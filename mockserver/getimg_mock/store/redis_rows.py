"""Rows in Redis or Valkey, which processes on several machines share."""

from __future__ import annotations

from functools import partial
from itertools import count as count_up
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from getimg_mock.errors import MissingPackageError, SettingsError, StoreBusyError, StoreError
from getimg_mock.redaction import HIDDEN_PLACEHOLDER
from getimg_mock.store.redis_calls import RedisScripts
from getimg_mock.store.redis_scripts import ACQUIRE, COMMIT, RELEASE
from getimg_mock.store.rows import FORMAT, Head, HeadVersion
from getimg_mock.store.turns import take_turns
from getimg_mock.world.randomness import generate_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from getimg_mock.store.rows import Changes

BUSY_SECONDS: Final = 6.0
"""How long a unit of work waits for those of other processes, in real seconds."""

# A process that dies within a unit of work holds others up for so long, in milliseconds.
_LOCK_MILLISECONDS: Final = 5_000
# One that waits is passed over when it does not ask again for so long, in milliseconds.
_NEXT_MILLISECONDS: Final = 1_000
_FIRST_PAUSE: Final = 0.00005
_LONGEST_PAUSE: Final = 0.001
_CHUNK: Final = 1_000
# How servers refuse a client without a password, by the version of the protocol.
_ASKS_FOR_PASSWORD: Final = ("HELLO must be called", "Authentication required")
_PREFIX: Final = "getimg-mock"
_FIELDS: Final = ("number", "shown_key", "version", "epoch", "used", "core", "plan")


class RedisRows:
    """Keeps rows on the server at `address`: redis://, rediss:// for TLS, or unix://.

    The query may have `prefix`, that of all keys, and `expire`, the seconds without a change after
    which a workspace goes. A unit of work locks its workspaces; one script keeps its changes, if
    the locks and versions are still those that were read.
    """

    def __init__(self, address: str) -> None:
        try:
            import redis  # noqa: PLC0415 - an optional package
        except ImportError:
            raise MissingPackageError(
                "A store at redis:// needs the package redis: pip install 'getimg-mock[redis]'."
            ) from None
        self.incarnation = 0
        self.locks_everything = False
        self._shown = _hide_password(address)
        plain, options = _split_options(address)
        self._prefix = f"{options.get('prefix', _PREFIX)}:"
        self._expire = _parse_expiry(options.get("expire"))
        self._failures: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._connection_failure = redis.ConnectionError
        try:
            self._client: Any = redis.Redis.from_url(
                plain,
                socket_timeout=BUSY_SECONDS,
                socket_connect_timeout=BUSY_SECONDS,
                retry=None,
                retry_on_timeout=False,
                redis_connect_func=self._note_connection,
            )
        except ValueError as error:
            raise SettingsError(
                f"{self._shown} is not the address of a Redis server: {error}."
            ) from None
        self._scripts = RedisScripts(self._client)
        self._process, self._units = generate_secret(8), count_up(1)
        self._token = ""
        self._locked: list[str] = []
        self._deleted: list[str] = []
        self._check_format()

    def _note_connection(self, connection: Any) -> None:
        """Set up a connection; a server that was started again may have lost its last changes."""
        connection.on_connect()
        self._scripts.note_connection()
        self.incarnation += 1

    def _check_format(self) -> None:
        self._try(lambda: self._client.set(self._key("format"), FORMAT, nx=True))
        found = self._try(lambda: self._client.get(self._key("format")))
        if found != b"%d" % FORMAT:
            raise SettingsError(
                f"{self._shown} has format {found!r}, and this version reads format {FORMAT}. "
                "Use another prefix: redis://HOST/0?prefix=NAME."
            )

    def _key(self, *words: object) -> str:
        return self._prefix + ":".join(map(str, words))

    def _try(self, action: Callable[[], Any]) -> Any:
        """Do by another connection what can be done twice, when all commits have ended."""
        self._scripts.settle()
        return self._try_twice(action)

    def _try_twice(self, action: Callable[[], Any]) -> Any:
        """Do what can be done twice: a connection may be that of a server started again since."""
        try:
            try:
                return action()
            except self._connection_failure:
                return action()
        except self._failures as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> StoreError:
        why = str(error).rstrip(".")
        if any(each in why for each in _ASKS_FOR_PASSWORD):
            why = "it asks for a password, as in redis://:PASSWORD@HOST:PORT/0"
        return StoreError(f"The store {self._shown} cannot be used: {why}.")

    # Units of work -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a unit of work; workspaces are locked when their versions are read."""
        self._token = f"{self._process}:{next(self._units)}"

    def read_version(self, workspace_id: str, *, waits: bool = True) -> HeadVersion | None:
        """Lock a workspace, and return its version; None for an unknown one."""
        keys = [self._key(name, workspace_id) for name in ("lock", "workspace", "next")]
        values: list[str | int] = [self._token, _LOCK_MILLISECONDS]
        values += [int(waits), _NEXT_MILLISECONDS]
        for _ in take_turns(BUSY_SECONDS if waits else 0, _FIRST_PAUSE, _LONGEST_PAUSE):
            # A commit that has not ended is not waited for: its answer comes with this one.
            found = self._try_twice(lambda: self._scripts.call(ACQUIRE, keys, values))
            if found[0]:
                break
        else:
            raise StoreBusyError(
                f"The store {self._shown} is busy: another process has held workspace "
                f"{workspace_id} for {BUSY_SECONDS:g} s."
            )
        if workspace_id not in self._locked:
            self._locked.append(workspace_id)
        return None if found[1] is None else HeadVersion(*map(int, found[1:4]))

    def look_up_version(self, workspace_id: str) -> HeadVersion | None:
        """Return the version of a workspace, without locking it."""
        names = ("number", "version", "epoch")
        found = self._try(lambda: self._client.hmget(self._key("workspace", workspace_id), names))
        return None if found[0] is None else HeadVersion(*map(int, found))

    def commit(
        self, changes: list[Changes], failed: Callable[[StoreError], object] | None = None
    ) -> None:
        """End the unit of work, and keep its changes.

        With `failed` they may be kept later, before another unit of work begins to read. Where they
        cannot be, `failed` is called with the error.
        """
        for name in self._deleted:
            if name not in self._locked:
                self.read_version(name)
        values: list[Any] = [self._prefix, self._token, self._expire, len(self._locked)]
        values += self._locked
        values += [len(self._deleted), *self._deleted, len(changes)]
        for each in changes:
            values += _flatten(each)
        if failed is None or not self._commit_later(values, failed):
            try:
                kept = self._scripts.call(COMMIT, (), values)
            except self._failures as error:
                raise self._explain(error) from error
            self._check_kept(kept)
        self._end()

    def _commit_later(self, values: list[Any], failed: Callable[[StoreError], object]) -> bool:
        def finish(kept: Any, error: Exception | None) -> None:
            try:
                if error is not None:
                    raise self._explain(error) from error
                self._check_kept(kept)
            except StoreError as found:
                # What is in memory is ahead of what is kept.
                self.incarnation += 1
                failed(found)

        try:
            return self._scripts.call_later(COMMIT, values, finish)
        except self._failures as error:
            raise self._explain(error) from error

    def _check_kept(self, answer: bytes) -> None:
        if answer != b"OK":
            raise StoreError(f"The store {self._shown} was changed meanwhile ({answer.decode()}).")

    def roll_back(self) -> None:
        """End the unit of work without changes."""
        try:
            self._scripts.call(RELEASE, (), [self._prefix, self._token, *self._locked])
        except self._failures:  # locks that stay end by themselves
            return
        finally:
            self._end()

    def _end(self) -> None:
        self._locked.clear()
        self._deleted.clear()

    def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace with all its rows, when the unit of work is kept."""
        self._deleted.append(workspace_id)

    def delete_oldest(self, bound: int, kept_ids: Collection[str]) -> None:
        """Delete the least recently used workspaces, so that `bound` are left at the end."""
        surplus = self.count_workspaces() + 1 - bound
        if surplus > 0:
            last = surplus + len(kept_ids)
            used = self._try(lambda: self._client.zrange(self._key("used"), 0, last))
            others = [name for each in used if (name := each.decode()) not in kept_ids]
            self._deleted += others[:surplus]

    def allocate_number(self) -> int:
        """Return the number of a new workspace, which no other had."""
        return int(self._try(lambda: self._client.incr(self._key("numbers"))))

    # Workspaces ----------------------------------------------------------------------------------

    def read_head(self, workspace_id: str) -> Head | None:
        """Return the row of a workspace."""
        found = self._try(lambda: self._client.hmget(self._key("workspace", workspace_id), _FIELDS))
        if found[0] is None:
            return None
        number, shown_key, version, epoch, used, core, plan = (each.decode() for each in found)
        return Head(
            workspace_id, int(number), shown_key, int(version), int(epoch), float(used), core, plan
        )

    def list_heads(self) -> list[Head]:
        """Return the rows of all workspaces, the last used one last."""
        names = self._try(lambda: self._client.zrange(self._key("used"), 0, -1))
        heads = (self.read_head(each.decode()) for each in names)
        return [each for each in heads if each is not None]

    def count_workspaces(self) -> int:
        """Return the number of workspaces."""
        return int(self._try(lambda: self._client.zcard(self._key("used"))))

    # Rows ----------------------------------------------------------------------------------------

    def read_generation(self, number: int, generation_id: str) -> str | None:
        """Return the row of a generation."""
        found = self._try(
            lambda: self._client.hget(self._key(number, "generations"), generation_id)
        )
        return None if found is None else str(found.decode())

    def read_pending(self, number: int) -> list[str]:
        """Return the rows of the pending generations, in the order of submission."""
        return list(self._read_ordered(number, "pending"))

    def iterate_generations(self, number: int) -> Iterator[str]:
        """Return the rows of all generations in the order of submission."""
        return iter(list(self._read_ordered(number, "order")))

    def _read_ordered(self, number: int, which: str) -> Iterator[str]:
        names = iter(self._try(lambda: self._client.zrange(self._key(number, which), 0, -1)))
        while some := list(islice(names, _CHUNK)):
            yield from self._read_bodies(number, some)

    def _read_bodies(self, number: int, names: Iterable[bytes]) -> Iterator[str]:
        bodies = self._try(
            lambda: self._client.hmget(self._key(number, "generations"), list(names))
        )
        return (each.decode() for each in bodies if each is not None)

    def find_holders(self, generation_id: str) -> list[str]:
        """Return the ids of the workspaces that have a generation of that id."""
        found = self._try(lambda: self._client.hget(self._key("holders"), generation_id))
        return [] if found is None else found.decode().split()

    def read_count(self, number: int, name: bytes) -> int | None:
        """Return a count."""
        found = self._try(lambda: self._client.hget(self._key(number, "counts"), name))
        return None if found is None else int(found)

    def read_counts(self, number: int) -> dict[bytes, int]:
        """Return all counts."""
        found = self._try(lambda: self._client.hgetall(self._key(number, "counts")))
        return {name: int(count) for name, count in found.items()}

    def read_effects(self, number: int) -> list[str]:
        """Return the rows of effects, oldest first."""
        return [data.decode() for _, _, data in self._read_range(number, "effects")]

    def read_steps(self, number: int) -> list[str]:
        """Return the rows of control commands, oldest first."""
        return [data.decode() for _, _, data in self._read_range(number, "steps")]

    def read_exchanges(self, number: int, first: int, limit: int) -> list[bytes]:
        """Return at most `limit` rows of exchanges, from that with number `first` on."""
        return [data for _, _, data in self._read_range(number, "exchanges", first, limit)]

    def read_weights(self, number: int, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the last number and the sizes of at most `limit` rows, from `first` on."""
        found = self._read_range(number, "exchanges", first, limit)
        return [(at, weights) for at, weights, _ in found]

    def _read_range(
        self,
        number: int,
        which: str,
        first: int = 0,
        limit: int | None = None,
    ) -> list[tuple[int, bytes, bytes]]:
        """Return number, sizes and data of rows; each has the two in its first line."""
        some = {} if limit is None else {"start": 0, "num": limit}
        found = self._try(
            lambda: self._client.zrangebyscore(self._key(number, which), first, "+inf", **some)
        )
        rows = []
        for each in found:
            head, _, data = each.partition(b"\n")
            at, _, weights = head.partition(b" ")
            rows.append((int(at), weights, data))
        return rows

    def measure_bytes(self, number: int) -> int:
        """Return about how many bytes the rows of a workspace take."""
        names = ("generations", "order", "pending", "counts", "effects", "exchanges", "steps")
        return sum(self._measure_key(self._key(number, name)) for name in names)

    def _measure_key(self, key: str) -> int:
        return self._try(lambda: self._client.memory_usage(key)) or 0

    def vacuum(self) -> None:
        """Forget workspaces that have expired."""
        names = self._try(lambda: self._client.zrange(self._key("used"), 0, -1))
        for each in names:
            if self.look_up_version(each.decode()) is None:
                self._try(partial(self._client.zrem, self._key("used"), each))

    def close(self) -> None:
        """Close every connection."""
        self._scripts.close()
        self._client.close()


def _flatten(changes: Changes) -> list[Any]:
    """Return changes as the script reads them: each list after its length."""
    head = changes.head
    values: list[Any] = [head.id, head.number, head.shown_key, head.version, head.epoch]
    values += [repr(head.used), head.core, head.plan]
    values += [int(changes.anew), int(changes.anew or changes.plan_changed)]
    values.append(len(changes.generations))
    for name, (body, pending) in changes.generations.items():
        values += [name, body, int(pending)]
    values.append(len(changes.counts))
    for count_name, count in changes.counts.items():
        values += [count_name, count]
    for which, rows, first in (
        ("effects", changes.effects, changes.first_effect),
        ("exchanges", changes.exchanges, changes.first_exchange),
        ("steps", changes.steps, changes.first_step),
    ):
        values += [which, -1 if first is None else first, len(rows)]
        for at, row in rows.items():
            weights, data = row if isinstance(row, tuple) else (b"", row.encode())
            values += [at, b"%d %b\n%b" % (at, weights, data)]
    return values


def _split_options(address: str) -> tuple[str, dict[str, str]]:
    """Return an address without the options that are ours, and those."""
    parts = urlsplit(address)
    pairs = parse_qsl(parts.query)
    ours = {name: value for name, value in pairs if name in {"prefix", "expire"}}
    others = urlencode([(name, value) for name, value in pairs if name not in ours])
    return urlunsplit(parts._replace(query=others)), ours


def _parse_expiry(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) < 10**9):
        raise SettingsError(f"expire={text[:40]} is not a whole number of seconds of at least 1.")
    return int(text)


def _hide_password(address: str) -> str:
    parts = urlsplit(address)
    if parts.password is None:
        return address
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{HIDDEN_PLACEHOLDER}@{host}"))
