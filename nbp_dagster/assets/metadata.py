"""What the Dagster UI shows for each partition, built from orders, outcomes and records."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from nbp_dagster.brand.briefs import BriefKind
from nbp_dagster.brand.requests import ImageRequest, Sheet
from nbp_dagster.oxen.wording import cut_query
from nbp_dagster.studio.decode import decode_image
from nbp_dagster.studio.manifest import Picture
from nbp_dagster.studio.outcomes import Generated, Made, Order
from nbp_dagster.studio.previews import inline_preview
from nbp_dagster.studio.records import PromptRecord
from nbp_dagster.studio.studio import Studio

Metadata = Mapping[str, Any]


def describe_request(studio: Studio, order: Order) -> Metadata:
    """The compiled request: what will be asked, of which model, at which price (USD)."""
    request = order.request
    return {
        # Quoted, not fenced: a fenced block does not wrap in the UI.
        "prompt": dg.MetadataValue.md("> " + request.prompt.replace("\n", "\n> ")),
        "references": _references(request),
        "model": request.model,
        "parameters": dg.MetadataValue.json(dict(request.parameters)),
        "fingerprint": request.fingerprint,
        "prompt_version": request.prompt_version,
        "quoted_usd": float(order.price),
        "drawn_by": drawn_by(request),
        **_origin(studio, request),
    }


def describe_original(studio: Studio, order: Order, made: Made) -> Metadata:
    """The paid original: what it is, what it cost, how long it took; numbers plot over time."""
    receipt, image = made.receipt, made.image
    paid = isinstance(made, Generated)
    facts: dict[str, Any] = {
        "generation_id": receipt.generation_id,
        # What this materialization cost: nothing when the image was there already.
        "price_usd": float(receipt.price_usd) if paid else 0.0,
        "image_price_usd": float(receipt.price_usd),
        "billing": "billed" if paid else "reused, nothing paid",
        "attempt": receipt.attempt,
        "width_px": image.width,
        "height_px": image.height,
        "bytes": image.bytes,
        "file_type": image.file_type,
        "sha256": image.sha256,
        "drawn_by": drawn_by(order.request),
        "image": dg.MetadataValue.path(str(studio.store.path(image.sha256).absolute())),
    }
    if receipt.seconds_queued is not None:
        facts["seconds_queued"] = receipt.seconds_queued
    if receipt.seconds_working is not None:
        facts["seconds_working"] = receipt.seconds_working
    return facts


def describe_sheet(studio: Studio, sheet: Sheet) -> Metadata:
    """A character's sheet: where it comes from, and how it looks."""
    previews = []
    for digest, source in zip(sheet.digests, sheet.sources, strict=True):
        image = decode_image(studio.reference_bytes(source, digest), what=cut_query(source)).image
        previews.append(inline_preview(image))
    return {
        "preview": dg.MetadataValue.md(previews[0]),
        "origin": sheet.origin,
        "digests": dg.MetadataValue.json(list(sheet.digests)),
        "sources": dg.MetadataValue.json([cut_query(source) for source in sheet.sources]),
        **({"all": dg.MetadataValue.md(" ".join(previews))} if len(previews) > 1 else {}),
    }


def describe_renditions(record: PromptRecord) -> Metadata:
    """A prompt's renditions: one row each."""
    return {
        "preview": dg.MetadataValue.md(record.preview),
        "renditions": len(record.pictures),
        "failed_checks": sum(len(picture.failed_checks) for picture in record.pictures),
        "bytes": sum(picture.bytes for picture in record.pictures),
        "pictures": table(_picture_row(picture) for picture in record.pictures),
    }


def drawn_by(request: ImageRequest) -> str:
    """Say who draws, in the words every page of ours uses."""
    return "SIMULATED" if request.provider == "simulator" else "live"


def table(rows: Any) -> dg.TableMetadataValue | str:
    """Return rows as a grid; the UI shows no grid without rows."""
    records: Sequence[dg.TableRecord] = [dg.TableRecord(row) for row in rows]
    return dg.MetadataValue.table(records) if records else "none"


def _picture_row(picture: Picture) -> dict[str, str | int]:
    failed = ", ".join(check.name for check in picture.failed_checks)
    return {
        "channel": picture.channel,
        "locale": picture.locale,
        "pixels": f"{picture.width} x {picture.height}",
        "type": picture.file_type,
        "bytes": picture.bytes,
        "checks": f"failed: {failed}" if failed else "passed",
        "sha256": picture.sha256,
    }


def _references(request: ImageRequest) -> Any:
    return table(
        {
            "image": f"Image {number}",
            "role": item.role,
            "subject": item.subject,
            "source": cut_query(item.source),
            "sha256": item.digest,
        }
        for number, item in enumerate(request.references, start=1)
    )


def _origin(studio: Studio, request: ImageRequest) -> Metadata:
    first = request.key.split("/")[0]
    kind: BriefKind = "campaign" if first in studio.briefs.campaigns else "brand"
    source = studio.briefs.source_of(kind, first)
    return {
        "brief": dg.MetadataValue.path(str(source.path)),
        "brief_sha256": source.sha256,
        "commit": studio.commit or "not in a git checkout",
    }
