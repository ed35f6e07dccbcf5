"""A home in which every prompt is finished, made without making pictures one by one."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
from PIL import Image

from nbp_dagster.assets.names import Names
from nbp_dagster.assets.recording import CODE_VERSION, DATA_VERSION, USER_PROVIDED
from nbp_dagster.brand.load import load_briefs
from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.pace import Pace
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport
from nbp_dagster.project import open_instance
from nbp_dagster.studio.halt import HaltableClock
from nbp_dagster.studio.ledger import JobTimes
from nbp_dagster.studio.outcomes import KeptImage, Order, Reused
from nbp_dagster.studio.records import PromptRecord
from nbp_dagster.studio.studio import Studio, StudioPaths

NAMES = Names()


@dataclass(frozen=True)
class Finished:
    """How many prompts the home holds."""

    prompts: int


def finish_everything(folder: Path, url: str) -> Finished:
    """Write ledger, store, records and Dagster's events as a finished run would have left them.

    Args:
        folder: Holds `assets_config/` and gets `.nbp/`.
        url: A service that is asked for the model object alone.
    """
    clock = HaltableClock(SystemClock())
    home = folder / ".nbp"
    client = OxenClient(
        url, api_key="bench", transport=RequestsTransport(), clock=clock, retry=RetryPolicy()
    )
    studio = Studio(
        load_briefs(folder / "assets_config"),
        client=client,
        open_stream=client.events,
        pace=Pace(clock),
        provider="oxen",
        paths=StudioPaths(home),
        clock=clock,
    )
    orders = list(studio.compile(studio.prompts).orders.values())
    image = _keep_image(studio)
    made = [_buy(studio, order, image) for order in orders]
    records = list(_write_records(studio, orders, made))
    with open_instance(home / "dagster") as instance:
        _record_kit(instance, studio)
        _record(instance, NAMES.image_requests, [o.request.fingerprint for o in orders], orders)
        _record(instance, NAMES.generated_images, [image.sha256] * len(orders), orders)
        _record(instance, NAMES.channel_images, [record.recipe for record in records], orders)
    studio.close()
    return Finished(prompts=len(orders))


def _keep_image(studio: Studio) -> KeptImage:
    out = io.BytesIO()
    Image.new("RGB", (1024, 1024), (40, 90, 140)).save(out, "PNG")
    digest = studio.store.put(out.getvalue())
    return KeptImage(
        sha256=digest, width=1024, height=1024, file_type="png", bytes=len(out.getvalue())
    )


def _buy(studio: Studio, order: Order, image: KeptImage) -> Reused:
    purchase = studio.ledger.claim(order, owner="0" * 32, run_id="bench", request={})
    purchase = studio.ledger.record_enqueued(purchase, f"bench-{order.key}")
    settled = studio.ledger.settle(purchase, image=image, times=JobTimes(1.0, 2.0, 3.0))
    return Reused(order.key, image, settled.receipt())


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
        studio.records.write(record)
        yield record


def _record_kit(instance: dg.DagsterInstance, studio: Studio) -> None:
    for brand in studio.briefs.brands:
        _report(instance, NAMES.brand_kits, brand, studio.brand_version(brand))


def _record(
    instance: dg.DagsterInstance,
    asset: dg.AssetKey,
    versions: Sequence[str],
    orders: Sequence[Order],
) -> None:
    for order, version in zip(orders, versions, strict=True):
        _report(instance, asset, order.key, version)


def _report(instance: dg.DagsterInstance, asset: dg.AssetKey, key: str, version: str) -> None:
    tags: dict[str, Any] = {CODE_VERSION: "1", DATA_VERSION: version, USER_PROVIDED: "true"}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key=asset, partition=key, tags=tags)
    )
