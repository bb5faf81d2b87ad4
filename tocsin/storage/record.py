"""The only way into the record: a transaction that can see the tenants it names, and no others."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

import orjson
import psycopg
import psycopg_pool
from psycopg.rows import DictRow, dict_row

from tocsin import errors

#: A worker that was stopped in the middle must stop nobody else.
SESSION = {
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "2s",
    "transaction_timeout": "10s",
    "jit": "off",
    "search_path": "public",
    "timezone": "UTC",
}
#: Who asks this and that has each planned for what it asks. A plan that is kept, made while the
#: tables were small, would serve the storm as well: it scans, for ever.
PLANNED_EACH_TIME = {"plan_cache_mode": "force_custom_plan"}
#: Who runs the same short statements all day keeps their plans, which is half of what they cost.
#: Then each plan must be good for tables of any size: by keys, from the few to the many.
PLANNED_ONCE = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
CONNECT: dict[str, Any] = {
    "autocommit": True,
    "row_factory": dict_row,
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}
#: How often a transaction is run again after a deadlock or a serialisation failure.
RETRIES = 8

Result = TypeVar("Result")


@dataclass
class Transaction:
    """An open transaction. `now` is tocsin_now() and the same throughout."""

    conn: psycopg.Connection[DictRow]
    now: datetime

    def rows(self, sql: str, params: Any = None) -> list[DictRow]:
        return self.conn.execute(sql, params).fetchall()

    def row(self, sql: str, params: Any = None) -> DictRow | None:
        return self.conn.execute(sql, params).fetchone()

    def run(self, sql: str, params: Any = None) -> int:
        """Execute and return the number of rows that were touched."""
        return self.conn.execute(sql, params).rowcount

    def many(
        self, sql: str, items: Sequence[Any], params: dict[str, Any] | None = None
    ) -> list[Any]:
        """One set-based statement over `items`, which it reads as json_to_recordset(%(items)s).

        Returns the rows where the statement has RETURNING. orjson writes moments and UUIDs as
        PostgreSQL reads them. Nothing is sent where there are no items.
        """
        if not items:
            return []
        text = orjson.dumps(items).decode()
        found = self.conn.execute(sql, {"items": text, **(params or {})})
        return found.fetchall() if found.description else []

    def together(self) -> AbstractContextManager[Any]:
        """Send what is run in here without waiting for each answer; do not ask how much it touched.

        The first `row` or `rows` waits for all before it. Errors come there, or at the end.
        """
        return self.conn.pipeline()

    def scope(self, tenants: Iterable[int]) -> None:
        """From here to the end of the transaction, see exactly these tenants."""
        self.conn.execute("SELECT set_config('tocsin.tenants', %s, true)", [_listed(tenants)])


class Record:
    """A pool of connections. Make one for each process, after any fork."""

    def __init__(
        self, url: str, *, size: int = 4, plans: Mapping[str, str] = PLANNED_EACH_TIME
    ) -> None:
        self._pool = psycopg_pool.ConnectionPool(
            url, kwargs=connect(plans), min_size=1, max_size=size, open=False, timeout=5,
            name="record", reconnect_timeout=30, check=None, max_idle=120,
        )  # fmt: skip
        self._opening = threading.Lock()

    @contextmanager
    def session(self, tenants: Iterable[int]) -> Iterator[Transaction]:
        """A transaction in which exactly these tenants exist. Leaving commits, an error rolls back.

        Raises RecordAway where no connection can be had.
        """
        conn, now = self._begun(_begin(tenants))
        try:
            yield Transaction(conn, now)
            conn.execute("COMMIT")
        except BaseException:
            _roll_back(conn)
            raise
        finally:
            self._pool.putconn(cast(Any, conn))

    def claims(self) -> Any:
        """A transaction that sees no tenant until `scope` says which: for claiming work."""
        return self.session(())

    @contextmanager
    def admin(self) -> Iterator[Transaction]:
        """A transaction that sees all tenants: for the operator at the command line only."""
        with self.session(()) as tx:
            tx.scope(row["id"] for row in tx.rows("SELECT id FROM tenant_list()"))
            yield tx

    def again(self, work: Callable[[], Result]) -> Result:
        """Run `work`, which opens its own transaction, again after SQLSTATE 40* and races."""
        for _ in range(RETRIES):
            try:
                return work()
            except (psycopg.errors.OperationalError, errors.Again) as error:
                if not isinstance(error, errors.Again) and not is_transient(error):
                    raise
        return work()

    def close(self) -> None:
        self._pool.close()

    def _begun(self, begin: bytes) -> tuple[psycopg.Connection[DictRow], datetime]:
        """A connection on which a transaction was begun, and its time.

        One that was cut while it lay idle is thrown away and the next one taken: nothing had been
        done on it, so nobody need hear of it.
        """
        for others in range(self._pool.max_size, -1, -1):
            conn = self._connection()
            try:
                found = conn.execute(begin)
                found.nextset()
                return conn, cast(DictRow, found.fetchone())["now"]
            except BaseException as error:
                _roll_back(conn)
                self._pool.putconn(cast(Any, conn))
                if not others or not conn.closed or not isinstance(error, psycopg.OperationalError):
                    raise
        raise AssertionError

    def _connection(self) -> psycopg.Connection[DictRow]:
        with self._opening:
            if self._pool.closed:
                self._pool.open()
        try:
            return cast("psycopg.Connection[DictRow]", self._pool.getconn())
        except (psycopg_pool.PoolTimeout, psycopg.OperationalError) as error:
            raise errors.RecordAway from error


class AsyncRecord:
    """The same for the event loop of the ingest: one connection, opened again when it is lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._conn: psycopg.AsyncConnection[DictRow] | None = None

    @asynccontextmanager
    async def session(
        self, tenants: Iterable[int]
    ) -> AsyncIterator[psycopg.AsyncConnection[DictRow]]:
        """Like Record.session; not for use by two tasks at once."""
        conn = await self._connected()
        try:
            await conn.execute(_begin(tenants))
            yield conn
            await conn.execute("COMMIT")
        except BaseException:
            await conn.close()
            raise

    async def close(self) -> None:
        if self._conn is not None:
            await self._conn.close()

    async def _connected(self) -> psycopg.AsyncConnection[DictRow]:
        if self._conn is None or self._conn.closed:
            try:
                self._conn = cast(
                    "psycopg.AsyncConnection[DictRow]",
                    await psycopg.AsyncConnection.connect(self._url, **connect(PLANNED_ONCE)),
                )
            except psycopg.OperationalError as error:
                raise errors.RecordAway from error
        return self._conn


def connect(plans: Mapping[str, str] = PLANNED_EACH_TIME) -> dict[str, Any]:
    """How to connect: what psycopg is told."""
    options = " ".join(f"-c {name}={value}" for name, value in {**SESSION, **plans}.items())
    return {**CONNECT, "options": options}


def is_transient(error: BaseException) -> bool:
    """SQLSTATE class 40 and lock time-outs: nothing was done, the same again may succeed."""
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith("40") or state in ("55P03",)


def _listed(tenants: Iterable[int]) -> str:
    return ",".join(str(int(tenant)) for tenant in tenants)


def _begin(tenants: Iterable[int]) -> bytes:
    # One round trip for four statements' worth; int() above keeps it free of injection.
    return (
        "BEGIN; SELECT set_config('role', 'tocsin_app', true) AS role,"
        f" set_config('tocsin.tenants', '{_listed(tenants)}', true) AS tenants,"
        " tocsin_now() AS now"
    ).encode()


def _roll_back(conn: psycopg.Connection[Any]) -> None:
    try:
        conn.execute("ROLLBACK")
    except psycopg.Error:
        # The pool throws a broken connection away when it comes back.
        conn.close()
