"""Looks at what is kept: briefs, ledger and Dagster's own storage; migrates and repairs nothing.

A storage of Dagster that has no tables yet gets them: Dagster makes them as it opens one.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import dagster as dg
import sqlalchemy as sa

from nbp_dagster.briefs.images import FileDigest
from nbp_dagster.cli.doctor.finding import Finding
from nbp_dagster.cli.doctor.machine import list_extras
from nbp_dagster.cli.doctor.rights import (
    find_lack_in_dagsters,
    look_at_file,
    look_at_ledger_rights,
)
from nbp_dagster.cli.errors import words_of_database
from nbp_dagster.disclosure.own_table import load_briefs
from nbp_dagster.errors import NbpError
from nbp_dagster.file_kinds import HEAD_BYTES, describe_kind
from nbp_dagster.foreign_text import redact
from nbp_dagster.instance.run_launchers import may_run_elsewhere, tell_ledger_apart
from nbp_dagster.instance.setting_faults import describe_setting_fault
from nbp_dagster.settings import Settings, reveal
from nbp_dagster.studio.ledger.database import (
    HEAD,
    LedgerDatabaseError,
    connect_ledger,
    find_ledger_file,
    location_of,
    open_ledger,
    read_schema_version,
)
from nbp_dagster.studio.ledger.owner_leases import take_lease
from nbp_dagster.studio.shared_state.homes import (
    Home,
    StateApart,
    list_homes,
    read_home_id,
    redact_store,
    require_common_store,
)
from nbp_dagster.studio.shared_state.state import owners_folder
from nbp_dagster.studio.storage.data_paths import StudioPaths

# Seconds of difference between two clocks: budgets of a day and leases go by them.
_SKEW: Final = 60.0
# Kinds of files that an extra draws; all others need none.
_DRAWN_BY: Final = {"a HEIC": "heic", "an SVG": "svg"}


def look_at_briefs(settings: Settings, models: list[str]) -> Iterator[Finding]:
    """Yield whether the briefs can be read; add the models that their campaigns name to a list."""
    folder = settings.config.absolute()
    try:
        briefs = load_briefs(folder)
    except NbpError as error:
        first = str(error).splitlines()[0]
        yield Finding("briefs", "fault", first, "run `nbp validate`")
        return
    told = f"{len(briefs.brands)} brands, {len(briefs.campaigns)} campaigns in {folder}"
    if not briefs.campaigns:
        yield Finding("briefs", "warning", told, "run `nbp new brand`")
        return
    chains = (campaign.chain for campaign in briefs.campaigns.values())
    models += dict.fromkeys(model for chain in chains for model in chain)
    if lacking := _list_undrawable(briefs.files.values()):
        kinds, extras = ", ".join(lacking), ",".join(lacking.values())
        words = f"{told}; what their files hold can't be drawn here: {kinds}"
        advice = f"pip install 'nbp-dagster[{extras}]', or export them as PNG"
        yield Finding("briefs", "fault", words, advice)
        return
    yield Finding("briefs", "sound", told)


def _list_undrawable(files: Iterable[FileDigest]) -> dict[str, str]:
    """Return the kinds of files that need an extra which is not installed, with that extra."""
    have = list_extras()
    lacking = {kind: extra for kind, extra in _DRAWN_BY.items() if extra not in have}
    if not lacking:
        return {}
    found = set()
    for file in files:
        with file.path.open("rb") as opened:
            found.add(describe_kind(opened.read(HEAD_BYTES)))
    return {kind: extra for kind, extra in lacking.items() if kind in found}


def look_at_ledger(settings: Settings) -> Iterator[Finding]:
    """Yield what there is of the ledger: schema, clock, rights, lease, homes that use it."""
    url = reveal(settings.ledger_url)
    place = url or StudioPaths(settings.home.absolute()).ledger
    began = time.monotonic()
    try:
        file = find_ledger_file(place)
        if file is not None and not file.exists():
            yield Finding("ledger", "sound", f"none yet; the first purchase makes {file}")
            yield look_at_file(file)
            return
        # Without a migration: that is for a run, whose version may be another machine's too.
        found = read_schema_version(place)
        if found != HEAD:
            yield _tell_schema(found)
            if found < HEAD:
                yield _look_at_upgrade(connect_ledger(place))
            return
        engine = open_ledger(place)
    except NbpError as error:
        yield Finding("ledger", "fault", str(error), "see docs/troubleshooting.md")
        return
    try:
        with engine.connect() as connection:
            told = engine.url.render_as_string(hide_password=True)
            seconds = time.monotonic() - began
            yield Finding("ledger", "sound", f"{told}, schema {HEAD}, {1000 * seconds:.0f} ms")
            if engine.dialect.name == "postgresql":
                now = connection.scalar(sa.text("SELECT extract(epoch FROM now())"))
                yield compare_clocks("clock of the ledger", float(now), time.time())
        yield look_at_ledger_rights(engine, is_current=True)
        if engine.dialect.name == "postgresql":
            yield _look_at_lease(settings, engine)
        if url:
            yield _look_at_homes(settings, engine)
    finally:
        engine.dispose()


def _look_at_upgrade(engine: sa.Engine) -> Finding:
    try:
        return look_at_ledger_rights(engine, is_current=False)
    finally:
        engine.dispose()


def _look_at_lease(settings: Settings, engine: sa.Engine) -> Finding:
    """Take the lease of a run and give it back: behind some poolers nobody sees which run lives."""
    paths = StudioPaths(settings.home.absolute())
    try:
        with take_lease(engine, folder=owners_folder(paths, engine)):
            pass
    except NbpError as error:
        return Finding("ledger lease", "fault", str(error), "see docs/many-machines.md, Poolers")
    return Finding("ledger lease", "sound", "the server shows which run is alive")


def _look_at_homes(settings: Settings, engine: sa.Engine) -> Finding:
    """Look whether every home that uses the ledger shares the store with this one."""
    paths = StudioPaths(settings.home.absolute())
    store = reveal(settings.store_url)
    try:
        known = list_homes(engine)
        home = Home(
            home_id=read_home_id(paths.home_id) or "",
            host="",
            folder=str(paths.home),
            store=redact_store(store),
            opened_at=0.0,
        )
        require_common_store(home, known, where=location_of(engine))
    except StateApart as error:
        advice = "see docs/many-machines.md, A home apart; `nbp ledger homes` lists them"
        return Finding("homes", "fault", str(error), advice)
    except NbpError as error:
        return Finding("homes", "fault", str(error), "see docs/troubleshooting.md")
    others = sum(each.home_id != home.home_id for each in known)
    if not others:
        return Finding("homes", "sound", "no other home uses this ledger")
    return Finding("homes", "sound", f"{others} other homes use this ledger and {home.store}")


def _tell_schema(found: str) -> Finding:
    if not found:
        return Finding("ledger", "sound", "no tables yet; the next run makes them")
    told = f"its schema is {found}, this version's {HEAD}"
    if found > HEAD:
        return Finding("ledger", "fault", told, "upgrade this installation")
    advice = "the next run upgrades it; back it up first, and upgrade every machine that shares it"
    return Finding("ledger", "warning", told, advice)


def compare_clocks(part: str, theirs: float, ours: float) -> Finding:
    """Return whether two clocks agree; both in seconds since the epoch."""
    skew = ours - theirs
    told = f"this machine's is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
    if abs(skew) > _SKEW:
        return Finding(part, "fault", told, "set this machine's clock (NTP)")
    return Finding(part, "sound", told)


def look_at_dagster(settings: Settings) -> Iterator[Finding]:
    """Yield whether Dagster's storage can be read, and whether machines share it."""
    folder = settings.dagster_folder
    if not (folder / "dagster.yaml").is_file():
        yield Finding("dagster", "sound", f"nothing yet; the first run makes {folder}")
        return
    try:
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            instance.get_runs_count()
            kind = type(instance.run_storage).__name__
            launcher = type(instance.run_launcher)
            lacking = _find_lack(instance)
    except Exception as error:  # noqa: BLE001  # Dagster has no common error of its storages
        yield _tell_dagster(folder, error, settings.secrets)
        return
    told = f"{folder}: {kind}, {launcher.__name__}"
    if lacking is not None:
        words, advice = lacking
        yield Finding("dagster", "fault", f"{folder}: {words}", advice)
        return
    if settings.ledger_url is None and may_run_elsewhere(launcher):
        problem, advice = tell_ledger_apart(launcher, settings.home)
        yield Finding("dagster", "fault", f"{told}; {problem}", advice)
        return
    if may_run_elsewhere(launcher):
        yield from _look_at_mount(settings, launcher)
    if settings.ledger_url is not None and "Sqlite" in kind:
        yield Finding(
            "dagster",
            "warning",
            f"{told}; the ledger is shared and Dagster's storage is this machine's own",
            "share it too (docs/operations.md), or the UI of each machine shows its own runs alone",
        )
        return
    yield Finding("dagster", "sound", told)


def _find_lack(instance: dg.DagsterInstance) -> tuple[str, str] | None:
    """Return what this user lacks to write Dagster's storage; see `find_lack_in_dagsters`."""
    # Only a storage in tables has it.
    connect = getattr(instance.run_storage, "connect", None)
    if connect is None:
        return None
    with connect() as connection:
        return find_lack_in_dagsters(connection)


def _look_at_mount(settings: Settings, launcher: type) -> Iterator[Finding]:
    """Yield that a ledger in a file is one for all runs only where all of them have that file."""
    # What is wrong with the address is told with the ledger.
    with suppress(LedgerDatabaseError):
        file = find_ledger_file(reveal(settings.ledger_url))
        if file is not None:
            words = (
                f"the ledger is {file}, and runs of {launcher.__name__} may be where that path has "
                "another file, or none"
            )
            advice = "mount its folder for all of them, on one host, or name a PostgreSQL server"
            yield Finding("run launcher", "warning", words, advice)


def _tell_dagster(folder: Path, error: Exception, secrets: Iterable[str]) -> Finding:
    """Return the fault of a storage: that of its settings or database, of which Dagster says less.

    A traceback's first line is what is left of other errors.
    """
    words, advice = words_of_database(error), "check dagster.yaml there"
    if words is None:
        words = describe_setting_fault(error) or next(iter(str(error).splitlines()), "")
        advice = f"{advice}, and the variables that it names"
    elif _is_of_file(error):
        advice = "free space on its disk, and let this user write the folder and what is in it"
    else:
        advice = f"check that its server runs, and DAGSTER_POSTGRES_URL or {advice}"
    first = redact(words, secrets=secrets, max_chars=200)
    return Finding("dagster", "fault", f"{folder}: {first}", advice)


def _is_of_file(error: BaseException) -> bool:
    """Return whether the database that failed is a file, which no server has."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, sqlite3.Error):
        found = found.__cause__
    return found is not None
