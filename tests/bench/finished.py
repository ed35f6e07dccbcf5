"""A home in which every prompt is finished, made without making pictures one by one."""

import io
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
from PIL import Image
from pydantic import TypeAdapter

from nbp_dagster.assets.materializations import CODE_VERSION, DATA_VERSION, USER_PROVIDED
from nbp_dagster.assets.names import Names
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.project import open_instance
from nbp_dagster.settings import read_settings
from nbp_dagster.studio.ledger.database import begin_serialised, open_ledger
from nbp_dagster.studio.ledger.orders import KeptImage, Order, Reused
from nbp_dagster.studio.ledger.schema import purchases
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.studio import Studio
from tests.rigs.dagster_private import (
    RUNLESS_JOB_NAME,
    RUNLESS_RUN_ID,
    DagsterEvent,
    DagsterEventType,
    EventLogEntry,
    SqlEventLogStorage,
    StepMaterializationData,
)

NAMES = Names()
# Rows of one statement: SQLite takes at most 32,766 variables.
_CHUNK = 500
_RECORD = TypeAdapter(PromptRecord)
# Its constructor has no types.
_ENTRY: Any = EventLogEntry


@dataclass(frozen=True)
class Finished:
    """How many prompts the home holds."""

    prompts: int


def finish_everything() -> Finished:
    """Write ledger, store, records and Dagster's events as a finished run would have left them.

    The settings tell where; the service is asked for the model object alone. Rows are written in
    bulk, records without waiting for the disk: nobody pulls the plug here.
    """
    settings = read_settings()
    with open_studio(settings) as studio:
        orders = list(studio.compile(studio.prompts).orders.values())
        image = _keep_image(studio)
        _buy(studio.paths.ledger, orders, image)
        made = [made for made in studio.find_made(orders) if isinstance(made, Reused)]
        records = list(_write_records(studio, orders, made))
        versions = {brand: studio.brand_version(brand) for brand in studio.briefs.brands}
    events = [
        *(_event(NAMES.brand_kits, brand, version) for brand, version in versions.items()),
        *(_event(NAMES.image_requests, item.key, item.request.fingerprint) for item in orders),
        *(_event(NAMES.generated_images, item.key, image.sha256) for item in orders),
        *(_event(NAMES.channel_images, item.prompt_key, item.recipe) for item in records),
    ]
    with open_instance(settings.dagster_folder) as instance:
        _store(instance, events)
    return Finished(prompts=len(orders))


def _keep_image(studio: Studio) -> KeptImage:
    out = io.BytesIO()
    Image.new("RGB", (1024, 1024), (40, 90, 140)).save(out, "PNG")
    digest = studio.store.put(out.getvalue())
    return KeptImage(
        sha256=digest, width=1024, height=1024, file_type="png", bytes=len(out.getvalue())
    )


def _buy(ledger: Path, orders: Sequence[Order], image: KeptImage) -> None:
    rows = [
        {
            "fingerprint": order.request.fingerprint,
            "attempt": 1,
            "key": order.key,
            "scope": order.scope,
            "shot": order.shot,
            "run_id": "bench",
            "owner": "0" * 32,
            "fresh": False,
            "provider": order.request.provider,
            "model": order.request.model,
            "request": {},
            "state": "made",
            "price_micros": int(order.price * Decimal(1_000_000)),
            "billed": True,
            "generation_id": f"bench-{order.key}",
            "intended_at": 1.0,
            "enqueued_at": 1.0,
            "started_at": 2.0,
            "completed_at": 3.0,
            "settled_at": 4.0,
            "image": asdict(image),
        }
        for order in orders
    ]
    engine = open_ledger(ledger)
    with begin_serialised(engine) as connection:
        connection.execute(purchases.insert(), rows)
    engine.dispose()


def _write_records(
    studio: Studio, orders: Sequence[Order], made: Sequence[Reused]
) -> Iterator[PromptRecord]:
    """One prompt is rendered; the others' records are its copies under their own names."""
    prompts = {prompt.key: prompt for prompt in studio.prompts}
    first = studio.render(prompts[orders[0].key], orders[0], made[0])
    for order, outcome in zip(orders, made, strict=True):
        prompt = prompts[order.key]
        record = replace(
            first,
            prompt_key=order.key,
            fingerprint=order.request.fingerprint,
            recipe=studio.rendition_version(prompt, outcome),
            pictures=tuple(
                replace(
                    picture,
                    shot=prompt.shot,
                    variant=prompt.variant,
                    prompt_key=order.key,
                    file=f"images/{picture.channel}/{prompt.shot}_v{prompt.variant}.jpg",
                    fingerprint=order.request.fingerprint,
                )
                for picture in first.pictures
            ),
        )
        path = studio.paths.records / f"{order.key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_RECORD.dump_json(record, indent=1))
        yield record


def _event(asset: dg.AssetKey, key: str, version: str) -> EventLogEntry:
    """What `report_runless_asset_event` would store."""
    tags: dict[str, Any] = {CODE_VERSION: "1", DATA_VERSION: version, USER_PROVIDED: "true"}
    materialization = dg.AssetMaterialization(asset_key=asset, partition=key, tags=tags)
    entry: EventLogEntry = _ENTRY(
        error_info=None,
        level="INFO",
        user_message="",
        run_id=RUNLESS_RUN_ID,
        timestamp=time.time(),
        job_name=RUNLESS_JOB_NAME,
        dagster_event=DagsterEvent(
            event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
            event_specific_data=StepMaterializationData(materialization),
            job_name=RUNLESS_JOB_NAME,
        ),
    )
    return entry


def _store(instance: dg.DagsterInstance, events: Sequence[EventLogEntry]) -> None:
    """Store events as `store_event` does one by one: by run, in the index, with their tags."""
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    before = storage.get_maximum_record_id() or 0
    for connect in (storage.run_connection(RUNLESS_RUN_ID), storage.index_transaction()):
        with connect as connection:
            for chunk in _chunks(events):
                connection.execute(storage.prepare_insert_event_batch(chunk))
    ids = range(before + 1, before + 1 + len(events))
    assert storage.get_maximum_record_id() == ids[-1]
    storage.store_asset_event_tags(events, list(ids))
    last = {
        event.get_dagster_event().asset_key: (event, number)
        for event, number in zip(events, ids, strict=True)
    }
    for event, number in last.values():
        storage.store_asset_event(event, number)


def _chunks(events: Iterable[EventLogEntry]) -> Iterator[list[EventLogEntry]]:
    left = iter(events)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk
