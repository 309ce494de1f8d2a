"""An empty database gets the schema; any other schema than ours is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from twin.errors import TwinError

HEAD = "0001"
_LOCK_KEY = 0x7477696E  # "twin"


def ensure_schema(engine: Engine) -> None:
    """Create the schema in an empty database; raise `TwinError` if another schema is there."""
    if _revision(engine) == HEAD:
        return
    with _alone(engine) as connection:
        found = _revision(connection)
        if found is None:
            _upgrade(connection)
        elif found != HEAD:
            where = engine.url.render_as_string(hide_password=True)
            raise TwinError(f"run store {where}: found schema {found}, wanted {HEAD}; use the version of the twin that "
                            "wrote it, or another data folder or database")


def _revision(bind: Engine | Connection) -> str | None:
    """The schema's revision; None for an empty database, a description for tables that are not ours."""
    tables = set(inspect(bind).get_table_names())
    if not tables:
        return None
    if "alembic_version" not in tables:
        return "without a version (tables " + ", ".join(sorted(tables)[:5]) + ")"
    statement = text("SELECT version_num FROM alembic_version")
    if isinstance(bind, Engine):
        with bind.connect() as connection:
            found = connection.execute(statement).scalars().all()
    else:
        found = bind.execute(statement).scalars().all()
    return "+".join(sorted(found)) if found else ("without a version" if tables - {"alembic_version"} else None)


def _upgrade(connection: Connection) -> None:
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    connection.commit()


def alembic_config() -> Any:
    """Alembic's configuration with the migrations inside the package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("twin.store") / "migrations").replace("%", "%%"))
    return config


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A connection while no other process creates the schema."""
    if engine.url.get_backend_name() == "postgresql":
        with engine.connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_lock({_LOCK_KEY})"))
            connection.commit()
            try:
                yield connection
            finally:
                connection.rollback()
                connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK_KEY})"))
                connection.commit()
        return
    import fcntl

    with Path(f"{engine.url.database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with engine.connect() as connection:
            yield connection
