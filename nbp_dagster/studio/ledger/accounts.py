"""Accounts: who a purchase was billed to, told apart by a keyed hash of the key, or by a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.database import (
    begin_reading,
    begin_writing,
    location_of,
    translate_errors,
)
from nbp_dagster.studio.ledger.schema import accounts, purchases

if TYPE_CHECKING:
    # For annotations: to read the ledger needs no client.
    from nbp_dagster.oxen.executor import Payer


class UnknownAccount(NbpError):
    """The ledger holds purchases of other accounts, and does not know whose key this is."""


@dataclass(frozen=True)
class Account:
    """The account that this process buys for.

    Attributes:
        name: As in the ledger; empty for the simulator, which bills nobody.
        payer: The key in use; None for the simulator.
    """

    name: str = ""
    payer: "Payer | None" = None

    @property
    def origin(self) -> str:
        """Origin of the service; empty for the simulator."""
        return "" if self.payer is None else self.payer.origin


def resolve_account(engine: Engine, payer: "Payer", *, name: str | None) -> Account:
    """Return the account of a key; writes nothing.

    Args:
        engine: The ledger's database.
        payer: The key in use.
        name: The account's name as the settings give it; None to know it by its key.

    Raises:
        UnknownAccount: The ledger knows other accounts, and neither this key nor a name.
    """
    with translate_errors(begin_reading(engine), engine) as connection:
        known = connection.execute(sa.select(accounts.c.key_hash, accounts.c.name)).all()
    names = {row.key_hash: row.name for row in known}
    if name is not None:
        return Account(name, payer)
    if payer.key_hash in names:
        return Account(names[payer.key_hash], payer)
    if names:
        others = ", ".join(sorted(set(names.values())))
        raise UnknownAccount(
            f"the ledger {location_of(engine)} holds purchases of {others}, and does not know this "
            "API key. A mistyped key: correct it. A new key of the same account: `nbp ledger "
            "adopt-account NAME`, and nothing is bought again. Another account: set NBP_ACCOUNT "
            "(`account` of the component's options) to a name for it"
        )
    return Account(f"account-{payer.key_hash[:8]}", payer)


def register_account(
    connection: Connection, account: Account, *, now: float, who: str = "first purchase"
) -> None:
    """Note that a key belongs to an account, in the caller's transaction; once a key.

    Args:
        connection: In a transaction that writes.
        account: With its payer.
        now: Seconds since the epoch.
        who: The user or event that says so.
    """
    if account.payer is None:
        return
    same_key = accounts.c.key_hash == account.payer.key_hash
    if connection.execute(sa.select(accounts.c.id).where(same_key)).first() is None:
        row = {"name": account.name, "added_at": now, "who": who, **vars(account.payer)}
        connection.execute(accounts.insert(), row)


def adopt_account(engine: Engine, payer: "Payer", name: str, *, clock: Clock, who: str) -> None:
    """Make a key one of an account that the ledger knows: what that account paid is its own.

    Raises:
        UnknownAccount: There is no such account, or the key belongs to another one already.
    """
    known = list_accounts(engine)
    if name not in known:
        listed = ", ".join(known) or "none"
        raise UnknownAccount(f"the ledger knows no account {name!r}; it knows: {listed}")
    try:
        with translate_errors(begin_writing(engine), engine, but=(IntegrityError,)) as connection:
            row = {"name": name, "added_at": clock.now(), "who": who, **vars(payer)}
            connection.execute(accounts.insert(), row)
    except IntegrityError as error:
        with translate_errors(begin_reading(engine), engine) as connection:
            same_key = accounts.c.key_hash == payer.key_hash
            found = connection.execute(sa.select(accounts.c.name).where(same_key)).scalar_one()
        if found != name:
            raise UnknownAccount(f"this key belongs to the account {found} already") from error


def list_accounts(engine: Engine) -> Sequence[str]:
    """Return the name of every account that the ledger knows, sorted."""
    with translate_errors(begin_reading(engine), engine) as connection:
        named = connection.execute(sa.select(accounts.c.name).distinct()).scalars().all()
        paid = connection.execute(sa.select(purchases.c.account).distinct()).scalars().all()
    return sorted({*named, *paid} - {""})
