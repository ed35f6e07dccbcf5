"""What the Dagster UI shows for each partition, built from orders, outcomes and records."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import dagster as dg
from PIL import Image

from nbp_dagster.assets.materializations import Recording
from nbp_dagster.assets.names import Names
from nbp_dagster.assets.step_failures import MadePrompt
from nbp_dagster.briefs.brief import BriefKind
from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import inline_preview
from nbp_dagster.studio.ledger.orders import Generated, Made, Order, Reused
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.ordering.character_sheets import Candidate, SheetStatus
from nbp_dagster.studio.renditions.postprocessor import Rendered
from nbp_dagster.studio.studio import Studio

Metadata = Mapping[str, Any]

# Of a digest in a table: a wider one pushes the page's other texts out of sight. `nbp sheets` takes
# as many, and the manifest has all 64.
_DIGITS = 12


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
        # What this materialization cost: nothing when the image was there already; with what was
        # bought beside it and not kept.
        "price_usd": float((receipt.price_usd if paid else 0) + made.besides_usd),
        "image_price_usd": float(receipt.price_usd),
        "billing": "billed" if paid else "reused, nothing paid",
        "attempt": receipt.attempt,
        "width_px": image.width,
        "height_px": image.height,
        "bytes": image.bytes,
        "file_type": image.file_type,
        "sha256": image.sha256,
        "drawn_by": drawn_by(order.request),
        "image": dg.MetadataValue.path(studio.store.locate(image.sha256)),
        **_describe_corrections(studio, order.key),
    }
    spans = {
        "seconds_taken": receipt.seconds_taken,
        "seconds_queued": receipt.seconds_queued,
        "seconds_working": receipt.seconds_working,
    }
    return facts | {name: seconds for name, seconds in spans.items() if seconds is not None}


def _describe_corrections(studio: Studio, key: str) -> Metadata:
    """What was asked for in place of a prompt's picture because it failed a check, if anything."""
    rows = studio.regenerations.corrections_of(key)
    if not rows:
        return {}
    return {
        "corrections": table(
            {
                "number": row.number,
                "because_of": ", ".join(row.checks),
                "fingerprint": row.fingerprint,
                "instead_of": row.parent,
                "kept": row.kept or "not known yet",
                "why": row.reason,
            }
            for row in rows
        )
    }


def describe_sheet(studio: Studio, status: SheetStatus) -> Metadata:
    """A character's sheet: where it comes from, who pinned it, and how it looks."""
    facts: dict[str, Any] = {}
    sheet = status.sheet
    if sheet is not None:
        previews = [
            inline_preview(_reference_image(studio, source, digest))
            for digest, source in zip(sheet.digests, sheet.sources, strict=True)
        ]
        facts["preview"] = dg.MetadataValue.md(previews[0])
        facts["digests"] = dg.MetadataValue.json(list(sheet.digests))
        facts["sources"] = dg.MetadataValue.json([cut_query(item) for item in sheet.sources])
    facts["origin"] = "generated" if status.orders else "adopted"
    if status.pin is not None:
        facts["pinned"] = f"{status.pin.action} by {status.pin.who}: {status.pin.reason}"
    elif status.orders:
        facts["pinned"] = status.ask_for_pin() if sheet is None else "auto_pin"
    return facts


def describe_candidates(studio: Studio, status: SheetStatus, made: Sequence[Made]) -> Metadata:
    """The candidates of a generated sheet side by side, and what this run paid for them (USD)."""
    paid = [item.receipt.price_usd for item in made if isinstance(item, Generated)]
    shown = [item for item in status.choices if studio.store.has(item.digest)]
    cells = [inline_preview(_stored_image(studio, item.digest)) for item in shown]
    pinned = None if status.sheet is None else status.sheet.digests[0]
    heads = [f"{item.number}{' (pinned)' if item.digest == pinned else ''}" for item in shown]
    facts: dict[str, Any] = {
        **_chosen(studio, status, pinned),
        "candidates": table(_candidate_row(item, pinned) for item in status.choices),
        "price_usd": float(sum(paid)),
        "billing": f"{len(paid)} billed" if paid else "reused, nothing paid",
    }
    # Each under a name of its own as well: Dagster shows a long text behind a link.
    for head, cell in zip(heads, cells, strict=True):
        facts[f"candidate {head}"] = dg.MetadataValue.md(cell)
    if len(shown) > 1:
        rows = (" | ".join(heads), " | ".join("---" for _ in shown), " | ".join(cells))
        side_by_side = "\n".join(f"| {row} |" for row in rows)
        facts["side by side"] = dg.MetadataValue.md(side_by_side)
    return facts


def _chosen(studio: Studio, status: SheetStatus, pinned: str | None) -> Metadata:
    """The image that is pinned, or the first of those that wait, as the service sent it."""
    shown = [item for item in status.candidates if item.digest == pinned] or status.choices
    purchase = shown[0].purchase if shown else None
    if purchase is None or purchase.image is None:
        return {}
    made = Reused(status.key, purchase.image, purchase.receipt())
    return describe_original(studio, status.orders[0], made)


def _candidate_row(item: Candidate, pinned: str | None) -> dict[str, Any]:
    receipt = item.purchase.receipt()
    return {
        "number": item.number,
        "pinned": "yes" if item.digest == pinned else "",
        "sha256": item.digest[:_DIGITS],
        "image_price_usd": float(receipt.price_usd),
        "generation_id": receipt.generation_id,
    }


def _reference_image(studio: Studio, source: str, digest: str) -> Image.Image:
    return decode_image(studio.references.read(source, digest), what=cut_query(source)).image


def _stored_image(studio: Studio, digest: str) -> Image.Image:
    return decode_image(studio.store.get(digest), what=f"sheet {digest[:12]}").image


def describe_renditions(record: PromptRecord) -> Metadata:
    """A prompt's renditions: one row each."""
    failed = sum(len(picture.failed_checks) for picture in record.pictures)
    return {
        "preview": dg.MetadataValue.md(record.preview),
        "renditions": len(record.pictures),
        "failed_checks": failed + len(record.failed_checks),
        "bytes": sum(picture.bytes for picture in record.pictures),
        "pictures": table(_picture_row(picture) for picture in record.pictures),
        **_describe_measures(record),
    }


def _describe_measures(record: PromptRecord) -> Metadata:
    """Numbers that Dagster plots over time, and how each check of the original ended."""
    if not record.measured:
        return {}
    facts: dict[str, Any] = {}
    for row in record.likenesses:
        facts[f"cross_similarity_{row.character}"] = row.score
        facts[f"standing_{row.character}"] = row.standing
        if row.answer:
            facts[f"likeness_{row.character}"] = f"{row.answer}, by {row.path}"
        if row.distance is not None:
            facts[f"face_distance_{row.character}"] = row.distance
        facts["scorer"] = f"{row.scorer} {row.scorer_version}"
    for item in record.checks:
        for name in ("copied_share", "palette_share"):
            if name in item.figures:
                facts[name] = item.figures[name]
    facts["measures"] = table(
        {"check": item.name, "verdict": item.verdict, "why": item.sentence}
        for item in record.checks
    )
    return facts


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
        "label": _describe_label(picture),
        "sha256": picture.sha256,
    }


def _describe_label(picture: Picture) -> str:
    """The label that says it is made with AI, or why there is none."""
    asked = picture.disclosure
    if asked.label is not None:
        return asked.label.words or f"icon {asked.label.icon}"
    return f"off: {asked.off}" if asked.off and asked.rules else "none asked for"


def _references(request: ImageRequest) -> Any:
    return table(
        {
            "image": f"Image {number}",
            "role": item.role,
            "subject": item.subject,
            "source": cut_query(item.source),
            "sha256": item.digest[:_DIGITS],
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


def link_brand(names: Names, brand: str) -> str:
    """Return the link to a brand's kit, as Markdown."""
    return _link(names.brand_kits, brand, f"brand kit of {brand}")


def link_sheets(names: Names, sheets: Iterable[str]) -> list[str]:
    """Return the links to character sheets (`brand/character`), as Markdown."""
    return [_link(names.character_sheets, key, f"character sheet of {key}") for key in sheets]


def link_request(names: Names, prompt: str) -> str:
    """Return the link to a prompt's request, as Markdown."""
    return _link(names.image_requests, prompt, "request")


def link_image(names: Names, prompt: str) -> str:
    """Return the link to a prompt's paid original, as Markdown."""
    return _link(names.generated_images, prompt, "original")


def show_original(names: Names, prompt: str, rendered: Rendered) -> Metadata:
    """Return what an original's page shows of it.

    One picture a prompt is enough in the event log: where there are renditions, they have it.
    """
    preview = {"preview": dg.MetadataValue.md(rendered.preview)}
    if rendered.record is None:
        return {**preview, **show_picture(rendered.picture)}
    renditions = _link(names.channel_images, prompt, "its renditions, with a large picture")
    return {**preview, "made_into": dg.MetadataValue.md(renditions)}


def show_picture(markdown: str) -> Metadata:
    """Return the metadata that shows a picture in a dialog; none where there is none."""
    return {"picture": dg.MetadataValue.md(markdown)} if markdown else {}


def made_from(*links: str) -> Mapping[str, dg.MetadataValue]:
    """Return the metadata that shows the links, the nearest first."""
    return {"made_from": dg.MetadataValue.md(", ".join(links))}


def _link(asset: dg.AssetKey, partition: str, text: str) -> str:
    # From the root of the webserver: a definition does not know its address.
    page = "/".join(quote(part, safe="") for part in asset.path)
    return f"[{text}](/assets/{page}?view=partitions&partition={quote(partition, safe='')})"


class PromptRecordings:
    """What Dagster records of each prompt: its request, its picture, and the files made of it.

    Args:
        studio: The step's.
        names: Keys of the assets.
        prompts: The step's prompts, by key.
    """

    def __init__(self, studio: Studio, names: Names, prompts: Mapping[str, Prompt]) -> None:
        self._studio = studio
        self._names = names
        self._prompts = prompts

    def of_request(self, order: Order, pointer: int) -> Recording:
        """Return what is recorded of a compiled request."""
        prompt: Prompt = self._prompts[order.key]
        brand = self._studio.briefs.campaigns[prompt.campaign].brand
        return Recording(
            partition=order.key,
            data_version=order.request.fingerprint,
            inputs={
                self._names.brand_kits: self._studio.brand_version(brand),
                self._names.character_sheets: self._studio.compiler.sheets_version(prompt),
            },
            pointer=pointer,
            metadata={
                **describe_request(self._studio, order),
                **made_from(*self._upstream(prompt)),
            },
        )

    def _upstream(self, prompt: Prompt) -> list[str]:
        """Links to what a request is made from."""
        brand = self._studio.briefs.campaigns[prompt.campaign].brand
        sheets = self._studio.compiler.sheets_of(prompt)
        base = self._studio.compiler.edit_bases.key_of(prompt)
        links = [*link_sheets(self._names, sheets), link_brand(self._names, brand)]
        return links if base is None else [link_image(self._names, base), *links]

    def of_original(self, item: MadePrompt, pointer: int) -> Recording:
        """Return what is recorded of a picture as the model sent it."""
        order, made = item.order, item.outcome
        # The wording that was made in the end, where one was softened or corrected.
        asked = self._studio.regenerations.order_for(order, made.receipt.fingerprint)
        return Recording(
            partition=order.key,
            data_version=made.image.sha256,
            inputs={self._names.image_requests: order.request.fingerprint},
            pointer=pointer,
            metadata={
                **show_original(self._names, order.key, item.rendered),
                **made_from(
                    link_request(self._names, order.key),
                    *self._upstream(self._prompts[order.key]),
                ),
                **describe_request(self._studio, asked),
                **describe_original(self._studio, asked, made),
            },
        )

    def of_renditions(self, item: MadePrompt, record: PromptRecord, pointer: int) -> Recording:
        """Return what is recorded of the files made of a picture."""
        return Recording(
            partition=record.prompt_key,
            data_version=record.data_version,
            inputs={self._names.generated_images: item.outcome.image.sha256},
            pointer=pointer,
            metadata={
                **describe_renditions(record),
                **show_picture(item.rendered.picture),
                **made_from(link_image(self._names, record.prompt_key)),
            },
        )
