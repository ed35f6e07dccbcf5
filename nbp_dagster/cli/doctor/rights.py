"""Looks whether this user may write ledger and Dagster's tables, as runs do; changes nothing."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from nbp_dagster.cli.doctor.finding import Finding
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.database import (
    begin_reading,
    begin_serialised,
    connect_ledger,
    to_ledger_error,
    translate_errors,
)
from nbp_dagster.studio.ledger.schema import metadata

WRITES: Final[Mapping[str, tuple[str, ...]]] = {
    "purchases": ("INSERT", "UPDATE"),
    "sheet_pins": ("INSERT",),
    "corrections": ("INSERT", "UPDATE"),
    "pictures": ("INSERT",),
    "decisions": ("INSERT",),
    "accounts": ("INSERT",),
    "identity": (),
    "shared_documents": ("INSERT", "UPDATE", "DELETE"),
    "rate_states": ("INSERT", "UPDATE"),
    "homes": ("INSERT", "DELETE"),
    "marked_stores": ("INSERT", "DELETE"),
    "run_signs": ("INSERT", "UPDATE", "DELETE"),
}
"""What is done with each table of the ledger, beside reading it."""

# Of Dagster's own tables: those that every run writes. Its other tables get the same grant.
_DAGSTERS: Final = (
    *(("runs", "INSERT"), ("runs", "UPDATE"), ("run_tags", "INSERT"), ("snapshots", "INSERT")),
    *(("event_logs", "INSERT"), ("asset_keys", "INSERT"), ("asset_keys", "UPDATE")),
)
_PART: Final = "ledger rights"
# Seconds that another process's transaction is waited for; it writes, so that the file can be.
_PATIENCE: Final = 0.5
_SESSION = """
    SELECT quote_ident(current_user) AS role, quote_ident(current_schema()) AS place,
    has_schema_privilege(current_schema(), 'CREATE') AS may_create,
    current_setting('transaction_read_only') = 'on' AS is_read_only
"""
_NAMED = """
    FROM unnest(CAST(:names AS text[]), CAST(:rights AS text[])) WITH ORDINALITY
    AS wanted(name, kind, place)
    JOIN pg_class ON pg_class.oid = to_regclass(quote_ident(wanted.name))
"""
_LACKING = f"""
    SELECT CAST(relnamespace::regnamespace AS text) || '.' || quote_ident(relname), kind {_NAMED}
    WHERE NOT has_table_privilege(pg_class.oid, kind) ORDER BY place
"""
# The numbers of new rows come from sequences, whose rights are given apart.
_LACKING_SEQUENCES = f"""
    SELECT named.sequence FROM (
        SELECT pg_get_serial_sequence(quote_ident(wanted.name), 'id') AS sequence {_NAMED}
    ) AS named WHERE NOT has_sequence_privilege(named.sequence, 'USAGE, UPDATE')
"""
_OTHERS = f"""
    SELECT DISTINCT quote_ident(pg_get_userbyid(relowner)) {_NAMED}
    WHERE NOT pg_has_role(relowner, 'USAGE')
"""


def look_at_ledger_rights(engine: Engine, *, is_current: bool) -> Finding:
    """Return whether this user may write a ledger, or bring it up to date where it is older.

    Args:
        engine: The ledger; on PostgreSQL it is read, on SQLite another connection is opened.
        is_current: Whether its tables are those of this version.
    """
    if engine.dialect.name == "sqlite":
        return look_at_file(Path(str(engine.url.database)))
    try:
        with translate_errors(begin_reading(engine), engine) as connection:
            return _look_at_role(connection, is_current)
    except NbpError as error:
        return Finding(_PART, "fault", str(error), "see docs/troubleshooting.md")


def look_at_file(file: Path) -> Finding:
    """Return whether a SQLite file and its folder can be written, or made where they are missing.

    SQLite keeps its log beside the file. Where another process writes it at this moment, the file
    can be written: that is no fault.
    """
    folder = file.parent
    while not folder.exists():
        folder = folder.parent
    needed = [(folder, os.W_OK | os.X_OK)]
    needed += [(file, os.R_OK | os.W_OK)] if file.exists() else []
    # The rights of whoever runs this, who may be another than whoever started it.
    as_effective = os.access in os.supports_effective_ids
    bare = [path for path, mode in needed if not os.access(path, mode, effective_ids=as_effective)]
    if bare:
        return _tell_closed(f"this user can't write {' and '.join(map(str, bare))}")
    if file.exists() and (refused := _try_writing(file)):
        return _tell_closed(refused)
    return Finding(_PART, "sound", f"{file} can be {'written' if file.exists() else 'made'}")


def _tell_closed(words: str) -> Finding:
    advice = "let this user write the file and its folder, or set NBP_HOME to another folder"
    return Finding(_PART, "fault", words, advice)


def _try_writing(file: Path) -> str:
    """Return why a file can't be written; empty where it can, or where another process does.

    A transaction alone would not tell: SQLite begins one that is to write on a read-only file too.
    What is written in it is what is there, and is taken back.
    """
    engine = connect_ledger(file, lock_timeout=_PATIENCE)
    try:
        with begin_serialised(engine) as connection:
            number = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            connection.exec_driver_sql(f"PRAGMA user_version = {int(number)}")
            connection.rollback()
    except DBAPIError as error:
        name = getattr(error.orig, "sqlite_errorname", "")
        return "" if name.startswith("SQLITE_BUSY") else str(to_ledger_error(error, engine))
    finally:
        engine.dispose()
    return ""


def _look_at_role(connection: Connection, is_current: bool) -> Finding:
    session = connection.execute(sa.text(_SESSION)).one()
    if session.is_read_only:
        return Finding(
            _PART,
            "fault",
            f"{session.role} has a session that only reads",
            "name the primary server, not a replica; on the primary, look at "
            "default_transaction_read_only of the server, the database and this user",
        )
    if not is_current:
        return _look_at_making(connection, session)
    grants = _list_grants(connection, session.role)
    if not grants:
        return Finding(_PART, "sound", f"{session.role} may write its tables")
    return Finding(
        _PART,
        "fault",
        f"{session.role} lacks rights on its tables that runs need",
        f"let their owner run: {'; '.join(grants)}",
    )


def find_lack_in_dagsters(connection: Connection) -> tuple[str, str] | None:
    """Return what this user lacks to record a run in Dagster's database, and what mends it.

    Args:
        connection: To the database; None is returned where that is not PostgreSQL.
    """
    if connection.dialect.name != "postgresql":
        return None
    session = connection.execute(sa.text(_SESSION)).one()
    if session.is_read_only:
        return f"{session.role} has a session that only reads", "name the primary, not a replica"
    lacking = [str(row[0]) for row in connection.execute(sa.text(_LACKING), _pair(_DAGSTERS))]
    if not lacking:
        return None
    role, place = session.role, session.place
    return (
        f"{role} may not write {', '.join(dict.fromkeys(lacking))}",
        "let their owner run: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES "
        f"IN SCHEMA {place} TO {role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {place} TO {role}",
    )


def _look_at_making(connection: Connection, session: "sa.Row[tuple[str, str, bool]]") -> Finding:
    """Return whether the next run may make the ledger's tables, or change older ones."""
    role, place = session.role, session.place
    # First: where the tables are another's, a right to make new ones would not help.
    others = connection.execute(sa.text(_OTHERS), _pair((name, "") for name in WRITES)).scalars()
    if owners := list(others):
        return Finding(
            _PART,
            "fault",
            f"{role} may not change tables of {', '.join(owners)}",
            "let their owner upgrade it: `nbp ledger homes` with that user's NBP_LEDGER_URL",
        )
    if not session.may_create:
        where = f"the schema {place}" if place else "any schema of its search_path"
        grant = f"GRANT USAGE, CREATE ON SCHEMA {place or 'public'} TO {role}"
        words = f"{role} may not make tables in {where}"
        return Finding(_PART, "fault", words, f"let an administrator run: {grant}")
    return Finding(_PART, "sound", f"{role} may make and change its tables")


def _list_grants(connection: Connection, role: str) -> list[str]:
    """Return the statements that give a role what it lacks."""
    wanted = [(name, right) for name, rights in WRITES.items() for right in ("SELECT", *rights)]
    lacking: dict[str, list[str]] = {}
    for table, right in connection.execute(sa.text(_LACKING), _pair(wanted)):
        lacking.setdefault(table, []).append(right)
    by_rights: dict[str, list[str]] = {}
    for table, rights in lacking.items():
        by_rights.setdefault(", ".join(rights), []).append(table)
    numbered = [
        (name, "USAGE")
        for name, rights in WRITES.items()
        if "INSERT" in rights and "id" in metadata.tables[name].columns
    ]
    sequences = list(connection.execute(sa.text(_LACKING_SEQUENCES), _pair(numbered)).scalars())
    grants = [
        f"GRANT {each} ON {', '.join(tables)} TO {role}" for each, tables in by_rights.items()
    ]
    if sequences:
        grants.append(f"GRANT USAGE ON SEQUENCE {', '.join(sequences)} TO {role}")
    return grants


def _pair(wanted: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    pairs = list(wanted)
    return {"names": [name for name, _ in pairs], "rights": [right for _, right in pairs]}
