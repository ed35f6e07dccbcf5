"""What of a set is delivered: where a variant was chosen, the others stay behind."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from nbp_dagster.studio.manifest.manifest import Picture, SetManifest, count_totals
from nbp_dagster.studio.review.approvals import ReviewedPicture, find_chosen
from nbp_dagster.studio.sets.delivery_list import variant_id
from nbp_dagster.studio.sets.set_writer import write_set
from nbp_dagster.studio.storage.image_store import ImageStore


@dataclass(frozen=True)
class DeliveredPart:
    """The part of a set that leaves.

    Attributes:
        manifest: The set without the variants that were passed over; they are named in it.
        is_whole: Whether it is the set as it was written.
    """

    manifest: SetManifest
    is_whole: bool


def choose_variants(manifest: SetManifest, rows: Iterable[ReviewedPicture]) -> DeliveredPart:
    """Return a set without the pictures that were passed over for another variant.

    A picture that was passed over stays where no variant in its place is approved: then nothing is
    chosen, and `approvals.list_unapproved` says so where approval is required.

    Args:
        manifest: The set.
        rows: Its pictures with the decisions about them, in its order.
    """
    reviewed = tuple(rows)
    chosen = find_chosen(reviewed)
    passed = [row.picture for row in reviewed if row.is_passed_over(chosen)]
    if not passed:
        return DeliveredPart(manifest, is_whole=True)
    files = {picture.file for picture in passed}
    kept = keep_pictures(manifest, lambda picture: picture.file not in files)
    names = tuple(variant_id(manifest.campaign.id, picture) for picture in passed)
    return DeliveredPart(replace(kept, passed_over=names), is_whole=False)


def keep_pictures(manifest: SetManifest, keeps: Callable[[Picture], bool]) -> SetManifest:
    """Return a manifest of some of its pictures, with what is said of these alone."""
    pictures = tuple(row for row in manifest.pictures if keeps(row))
    prompts = {row.prompt_key for row in pictures}
    return replace(
        manifest,
        totals=count_totals(pictures, manifest.missing),
        pictures=pictures,
        likenesses=tuple(each for each in manifest.likenesses if each.prompt_key in prompts),
        twins=tuple(each for each in manifest.twins if {each.prompt_key, each.twin_of} <= prompts),
        simulated=any(row.simulated for row in pictures),
    )


def write_part(folder: Path, source: Path, manifest: SetManifest, store: ImageStore) -> None:
    """Write the part of a set that leaves as a set of its own: pages, lists and files agree.

    Args:
        folder: Where it is written, for delivery alone.
        source: The set's own folder, which has every file.
        manifest: The part.
        store: Has the characters' sheets, where the page is to show them.

    Raises:
        SetError: A file of the set is gone or was edited.
        StoreError: A file can't be written.
    """
    logos = {logo.sha256: source / logo.file for logo in manifest.logos}
    sheets = [digest for each in manifest.characters for digest in each.sheets]
    write_set(
        folder,
        manifest,
        rendition=lambda picture: source / picture.file,
        sheet=store.get if all(map(store.has, sheets)) else None,
        stored=logos.__getitem__,
    )
