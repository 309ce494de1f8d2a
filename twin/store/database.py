"""The connection to the run store's database, and its clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Float, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.functions import GenericFunction

from twin.errors import TwinError


class database_now_s(GenericFunction[float]):  # noqa: N801  (it reads as the SQL function it stands for)
    """Seconds since 1970 by the clock of the database server, at the instant of the statement."""

    type = Float(53)
    inherit_cache = True


@compiles(database_now_s, "sqlite")
def _sqlite_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now_s, "postgresql")
def _postgresql_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


def open_engine(url: str) -> Engine:
    """Open SQLite (write-ahead log, 30 s patience) or PostgreSQL; the folder of a SQLite file is made."""
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
        if kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": 30.0})
            event.listen(engine, "connect", _set_pragmas)
            return engine
        if kind == "postgresql":
            return create_engine(parsed, pool_pre_ping=True, pool_size=3)
    except ArgumentError:
        raise TwinError(f"TWIN_DATABASE_URL: found {url.partition('://')[0]!r}..., wanted a database URL such as "
                        "postgresql+psycopg://user@host/name") from None
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise TwinError(f"TWIN_DATABASE_URL: the driver is not installed ({error}); install 'psycopg[binary]' and use "
                        "postgresql+psycopg://") from error
    raise TwinError(f"TWIN_DATABASE_URL: found {kind!r}, wanted sqlite (a file) or postgresql+psycopg")


def _set_pragmas(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
