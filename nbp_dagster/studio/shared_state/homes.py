"""The homes that use a ledger which is not their own; two that share no more are an error at start.

Must not know: what a home holds.
"""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.database import (
    begin_reading,
    begin_serialised,
    location_of,
    translate_errors,
)
from nbp_dagster.studio.ledger.schema import homes
from nbp_dagster.studio.storage.files import StoreError, hold_lock, write_atomically
from nbp_dagster.studio.storage.url_folder import is_azure

_HOME_ID = re.compile("[0-9a-f]{32}")
# Seconds in which a home that is opened again need not be noted again: sensors do so all day.
_LATELY = 600.0
# Seconds after which one that shares its store, and so keeps nothing to itself, is forgotten: pods
# whose disks go with them have a new home each.
_FORGET = 30 * 86_400.0


class StateApart(NbpError):
    """Several homes use one ledger, and keep pictures and sets each for itself."""


class UnknownHome(NbpError):
    """The ledger knows no such home."""


@dataclass(frozen=True)
class Home:
    """A home folder, as a ledger knows it.

    Attributes:
        home_id: uuid4 as hex.
        host: The machine it was last opened on.
        folder: Its path there.
        store: The store that it shares, without user and password; empty for one of its own.
        opened_at: When it was last opened (seconds since the epoch).
    """

    home_id: str
    host: str
    folder: str
    store: str
    opened_at: float

    def is_lately(self, home: "Home") -> bool:
        """Whether a home that is opened now was opened so a little while ago."""
        age = home.opened_at - self.opened_at
        return 0 <= age < _LATELY and replace(self, opened_at=home.opened_at) == home

    def in_words(self) -> str:
        """Return such as "9f31c2d4 (/data/nbp on worker-2, store s3://pictures)"."""
        kept = f"store {self.store}" if self.store else "pictures on that machine alone"
        return f"{self.home_id[:8]} ({self.folder} on {self.host}, {kept})"


def read_home(folder: Path, id_file: Path, *, store_url: str, now: float) -> Home:
    """Return what a home is, and give it an id where it has none yet.

    Args:
        folder: The home.
        id_file: Where its id is kept: who shares the folder shares the id.
        store_url: The store that it shares; empty for its own folder.
        now: Seconds since the epoch.

    Raises:
        StoreError: The file can't be read or made.
    """
    return Home(
        home_id=_keep_id(id_file),
        host=socket.gethostname()[:200],
        folder=str(folder),
        store=redact_store(store_url),
        opened_at=now,
    )


def enter(engine: Engine, home: Home) -> None:
    """Note that a home uses the ledger.

    Raises:
        StateApart: Another one does, and the two share no store.
        LedgerDatabaseError: The database can't be used.
    """
    where = location_of(engine)
    known = list_homes(engine)
    require_common_store(home, known, where=where)
    if any(each.is_lately(home) for each in known):
        return
    with translate_errors(begin_serialised(engine), engine) as connection:
        # Another one may have come in meanwhile.
        rows = connection.execute(sa.select(homes)).all()
        require_common_store(home, [Home(**row._mapping) for row in rows], where=where)
        keeps_nothing = (homes.c.store != "") & (homes.c.opened_at < home.opened_at - _FORGET)
        is_this = homes.c.home_id == home.home_id
        connection.execute(homes.delete().where(is_this | keeps_nothing))
        connection.execute(homes.insert().values(**vars(home)))


def require_common_store(home: Home, known: Sequence[Home], *, where: str) -> None:
    """Make sure that a home shares its store with every other one.

    Args:
        home: The one that is opened.
        known: Those that the ledger knows.
        where: The ledger, without a password.

    Raises:
        StateApart: It does not.
    """
    others = [each for each in known if each.home_id != home.home_id]
    # A row of before has a store of Azure without its container; that home's next run adds it.
    same = {home.store, _without_container(home.store)}
    apart = [each for each in others if not home.store or each.store not in same]
    if not apart:
        return
    here = f"this one ({home.folder}) keeps them in {home.store or 'its own folder'}"
    raise StateApart(
        f"the ledger {where} is used by another home, {apart[0].in_words()}"
        f"{f', and {len(apart) - 1} more' if len(apart) > 1 else ''}; {here}: pictures, sets and "
        "pages of one are missing in the other. Set NBP_STORE_URL to the same store for both (the "
        "other home tells it with its next run), or NBP_HOME to one folder that both mount; if "
        f"that home is gone, `nbp ledger forget-home {apart[0].home_id[:8]}`"
    )


def list_homes(engine: Engine) -> tuple[Home, ...]:
    """Return the homes that a ledger knows, the last opened first."""
    query = sa.select(homes).order_by(homes.c.opened_at.desc())
    with translate_errors(begin_reading(engine), engine) as connection:
        return tuple(Home(**row._mapping) for row in connection.execute(query))


def forget_home(engine: Engine, home_id: str) -> Home:
    """Forget a home that is gone; one that still is there is known again with its next run.

    Args:
        engine: The ledger.
        home_id: The id, or its beginning.

    Raises:
        UnknownHome: None begins so, or several do.
    """
    known = list_homes(engine)
    found = [each for each in known if home_id and each.home_id.startswith(home_id)]
    if len(found) != 1:
        told = "; ".join(each.in_words() for each in known) or "none"
        raise UnknownHome(
            f"{len(found) or 'no'} homes begin with {home_id!r}; the ledger {location_of(engine)} "
            f"knows: {told}"
        )
    with translate_errors(begin_serialised(engine), engine) as connection:
        connection.execute(homes.delete().where(homes.c.home_id == found[0].home_id))
    return found[0]


def redact_store(url: str) -> str:
    """Return a store's URL without user, password and options; equal for one store."""
    try:
        parts = urlsplit(url.strip())
        user, _, host = parts.netloc.rpartition("@")
    except ValueError:
        # Neither the URL nor the parser's message: either may hold a password.
        return "a store whose URL can't be read"
    if not parts.scheme:
        return parts.path.rstrip("/")
    scheme = parts.scheme.lower()
    container = user.partition(":")[0] if is_azure(scheme) else ""
    host = f"{container}@{host}" if container else host
    return urlunsplit((scheme, host, parts.path.rstrip("/"), "", ""))


def _without_container(store: str) -> str:
    scheme, mark, rest = store.partition("://")
    container, _, account = rest.rpartition("@")
    return f"{scheme}{mark}{account}" if container and is_azure(scheme) else store


def _keep_id(path: Path) -> str:
    """Return the id in a file; made when missing. Processes that make it at once get the same."""
    found = read_home_id(path)
    if found is None:
        with hold_lock(path.with_name(f".{path.name}.lock")):
            found = read_home_id(path)
            if found is None:
                found = uuid4().hex
                write_atomically(path, f"{found}\n".encode())
    return found


def read_home_id(path: Path) -> str | None:
    """Return the id in a home's file; None where there is none yet.

    Raises:
        StoreError: The file can't be read.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}; remove it to have a new one") from error
    return text if _HOME_ID.fullmatch(text) else None
