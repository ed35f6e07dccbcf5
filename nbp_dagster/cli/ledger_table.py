"""What `nbp ledger` prints: spending and open, refused and failed purchases as lines."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nbp_dagster.foreign_text import clean
from nbp_dagster.studio.ledger.correction_log import Correction
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.ledger_report import Accounts, Spending

if TYPE_CHECKING:
    # For annotations: only one subcommand rebuilds.
    from nbp_dagster.studio.rebuild import Rebuilt


def describe_accounts(accounts: Accounts) -> Iterator[str]:
    """Yield the ledger line by line."""
    total = accounts.total
    yield (
        f"{total.images} images, {total.billed_usd:.2f} USD billed, "
        f"{total.reserved_usd:.2f} USD reserved, {accounts.fresh} bought again on purpose"
    )
    if total.in_vain_usd:
        yield (
            f"caps count {total.in_vain_usd:.2f} USD more, of jobs that failed or were refused: "
            "the service may have billed them"
        )
    if accounts.simulated_usd:
        yield f"of this {accounts.simulated_usd:.2f} USD is the simulator's: nothing was paid"
    yield from _spendings("by day (UTC)", accounts.by_day)
    yield from _spendings("by campaign", accounts.by_campaign)
    yield from _spendings("by shot", accounts.by_shot)
    yield from _spendings("by model", accounts.by_model)
    named = tuple(row for row in accounts.by_account if row.name)
    yield from _spendings("by account", named)
    yield from _purchases(
        "open: resumed by the next run, or closed by `nbp ledger settle`", accounts.open
    )
    yield from _purchases("refused: not submitted again unchanged", accounts.refused)
    yield from _purchases("reopened: submitted again by the next run", accounts.reopened)
    yield from _purchases(
        "failed: submitted again, twice at most for the same words",
        accounts.failed,
    )
    yield from _corrections(accounts.corrections)
    if accounts.orphans is not None:
        yield ""
        yield f"at the service, owned by no purchase of this ledger: {len(accounts.orphans)}"
        for job in accounts.orphans:
            yield f"  {clean(job.generation_id)}  {clean(job.status)}  {clean(job.model)}"


def _spendings(title: str, rows: Sequence[Spending]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    width = max(len(row.name) for row in rows)
    for row in rows:
        reserved = f", {row.reserved_usd:.2f} reserved" if row.reserved_usd else ""
        spent = f"{row.images:>5} images  {row.billed_usd:>9.2f} USD{reserved}"
        yield f"  {row.name.ljust(width)}  {spent}"


def _purchases(title: str, rows: Sequence[Purchase]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield f"{title} ({len(rows)})"
    for row in rows:
        job = f" generation {clean(row.generation_id)}" if row.generation_id else ""
        identity = f"purchase {row.id}  " if row.is_open else ""
        # Older programs stored the service's words as they came.
        why = clean(row.reason or "") or row.state
        yield f"  {identity}{clean(row.key)}  attempt {row.attempt}{job}: {why}"


def _corrections(rows: Sequence[Correction]) -> Iterator[str]:
    if not rows:
        return
    kept = {"correction": "the new picture is kept", "first": "the first picture is kept"}
    yield ""
    yield f"regenerated because a check failed ({len(rows)})"
    for row in rows:
        verdict = kept.get(row.kept or "", "not made yet; the next run makes it")
        reason = f": {clean(row.reason)}" if row.reason else ""
        children = f"{row.fingerprint[:12]} instead of {row.parent[:12]}"
        yield f"  {row.key}  {', '.join(row.checks)}  {children}  {verdict}{reason}"


def describe_rebuilt(rebuilt: "Rebuilt") -> Iterator[str]:
    """Yield what a rebuild found, line by line."""
    yield (
        f"taken in: {rebuilt.from_records} purchases from records, {rebuilt.from_service} from the "
        "service's list; nothing was bought"
    )
    if rebuilt.unowned:
        yield (
            f"{rebuilt.unowned} jobs at the service match nothing of the present briefs: "
            "`nbp ledger --orphans` lists them"
        )
    yield from rebuilt.problems
    if rebuilt.unpinned:
        yield (
            f"pin the sheets of {', '.join(rebuilt.unpinned)} (`nbp sheets`), then rebuild once "
            "more: their pictures can't be looked for before"
        )
    elif not rebuilt.problems:
        yield "the next run fetches what is not on this machine, free, and buys the rest"
