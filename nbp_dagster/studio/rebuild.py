"""Rebuilds a ledger that was lost or restored from an older copy; buys nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.prompts.expansion import sheet_keys
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.ledger.orders import KeptImage, Order
from nbp_dagster.studio.ledger.purchases import MICRO, columns_of
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.purchasing.order_groups import OrderGroups
from nbp_dagster.studio.purchasing.reconcile import list_unowned, match_orders, recognisable
from nbp_dagster.studio.studio import Studio

# What the ledger names as the run of a purchase that was found.
RUN_ID = "nbp ledger rebuild"


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild found.

    Attributes:
        from_records: Purchases taken from prompt records.
        from_service: Purchases taken from the service's list of jobs.
        unpinned: Characters whose sheet has to be pinned before their pictures can be looked for.
        unowned: Jobs at the service that no order of the present briefs matches.
        problems: Sheets that were found and can't be fetched, each with the reason.
    """

    from_records: int = 0
    from_service: int = 0
    unpinned: tuple[str, ...] = ()
    unowned: int = 0
    problems: tuple[str, ...] = ()


def rebuild_ledger(studio: Studio) -> Rebuilt:
    """Take in what was bought and the ledger lacks: from records and store, then from the service.

    A picture that only the service has becomes an open purchase, which the next run fetches, free.
    Briefs that were edited since have other requests: a job for an older one is left alone, unless
    it is a former form of the request, which a picture of today's briefs may be made by.

    Args:
        studio: Over the ledger, in live mode.

    Raises:
        OxenError: The service can't be asked.
        NbpError: Ledger or store can't be used.
    """
    # Else what is taken from a store that is not mounted would be kept for what there is.
    studio.ledger_mark.require_mark()
    from_records = sum(_take_record(studio, record) for record in _live_records(studio))
    jobs = list_unowned(studio.client, studio.ledger)
    sheets = [
        order
        for key in sheet_keys(studio.briefs)
        for order in studio.compiler.character_sheets.orders(key)
    ]
    found = _take_jobs(studio, sheets, jobs)
    problems = tuple(_collect(studio, found))
    studio.compiler.character_sheets.pin_automatically(sheet_keys(studio.briefs), who=RUN_ID)
    compiled = studio.compile(studio.prompts)
    orders = OrderGroups(compiled.orders.values()).wordings
    taken = _take_jobs(studio, orders, [job for job in jobs if job not in found.values()])
    former = OrderGroups(studio.compiler.former_orders(studio.prompts, compiled)).wordings
    left = [job for job in jobs if job not in (*found.values(), *taken.values())]
    taken |= _take_jobs(studio, former, left)
    unpinned = tuple(compiled.unpinned)
    if not unpinned and not problems:
        studio.ledger_mark.reset()
    return Rebuilt(
        from_records=from_records,
        from_service=len(found) + len(taken),
        unpinned=unpinned,
        unowned=len(jobs) - len(found) - len(taken),
        problems=problems,
    )


def _live_records(studio: Studio) -> Iterator[PromptRecord]:
    """Yield the records of live pictures, those of edited briefs too."""
    for key in studio.records.list_keys():
        record = studio.records.read(key)
        if record is not None and record.pictures and not record.pictures[0].simulated:
            yield record


def _take_record(studio: Studio, record: PromptRecord) -> bool:
    """Insert the purchase that a record's pictures were made from; return whether it was missing.

    Without its original in the store, it is an open purchase: the next run fetches it.
    """
    # It was written soon after its purchase.
    picture, stamp = record.pictures[0], studio.records.written_at(record.prompt_key)
    image = _kept_image(studio, picture)
    return studio.ledger.insert_found(
        {
            **_common(picture.generation_id, stamp),
            "fingerprint": picture.fingerprint,
            "key": picture.prompt_key,
            "scope": picture.prompt_key.partition("/")[0],
            "shot": picture.shot,
            "parent": picture.parent,
            "provider": "oxen",
            "model": picture.model,
            "price_micros": int(Decimal(picture.price_usd) * MICRO),
            "request": {
                "prompt": picture.prompt,
                "parameters": dict(picture.parameters),
                "references": [
                    {"role": item.role, "subject": item.subject, "digest": item.digest}
                    for item in picture.references
                ],
                "variant": picture.variant,
            },
            "state": "enqueued" if image is None else "made",
            "settled_at": None if image is None else stamp,
            "image": None if image is None else {**vars(image)},
        }
    )


def _kept_image(studio: Studio, picture: Picture) -> KeptImage | None:
    """Return the facts of a picture's original; None where the store has none that is whole."""
    digest = picture.original_sha256
    try:
        decoded = decode_image(studio.store.get(digest), what=f"image {digest[:12]}")
    except NbpError:
        return None
    return KeptImage(
        sha256=digest,
        width=decoded.width,
        height=decoded.height,
        file_type=decoded.format.lower(),
        bytes=decoded.bytes,
    )


def _take_jobs(
    studio: Studio, orders: Iterable[Order], jobs: Iterable[Generation]
) -> dict[str, Generation]:
    """Insert an open purchase for each order that one of the jobs serves; return these jobs."""
    wanted = {order.request.fingerprint: order for order in orders}
    known = studio.ledger.latest(wanted)
    missing = [order for key, order in wanted.items() if key not in known]
    found = match_orders(
        missing,
        jobs,
        lambda order: recognisable(order.request, studio.references.input_image(order.request)),
    )
    return {
        fingerprint: job
        for fingerprint, job in found.items()
        if studio.ledger.insert_found(_columns_of_job(wanted[fingerprint], job, studio))
    }


def _columns_of_job(order: Order, job: Generation, studio: Studio) -> dict[str, Any]:
    images = studio.references.input_image(order.request)
    stamp = studio.now() if job.enqueued_at is None else job.enqueued_at
    return columns_of(
        order,
        **{
            **_common(job.generation_id, stamp),
            "request": dict(recognisable(order.request, images)),
            "state": "enqueued",
        },
    )


def _common(generation_id: str, stamp: float) -> dict[str, Any]:
    return {
        "run_id": RUN_ID,
        "owner": "",
        "fresh": False,
        "billed": True,
        "generation_id": generation_id,
        "intended_at": stamp,
        "enqueued_at": stamp,
    }


def _collect(studio: Studio, found: Iterable[str]) -> Iterator[str]:
    """Fetch the sheets that were found, which pictures are compiled with; yield what failed."""
    for purchase in studio.ledger.latest(found).values():
        try:
            outcome = studio.collector.collect(purchase)
        except NbpError as error:
            yield f"{purchase.key}: {error}"
            continue
        if outcome is None:
            yield f"{purchase.key}: its sheet is still being made; run this again in a minute"
