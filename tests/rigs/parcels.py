"""Written sets to deliver: a folder with a sample set in it."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image

from nbp_dagster.studio.delivery.parcel import Parcel, pack_set
from nbp_dagster.studio.imaging.xmp import Marks, build_xmp
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.sets.set_writer import write_set
from tests.rigs.sets import SampleSet, build_set

CAMPAIGN = "spring_launch"


def write_sample(folder: Path, sample: SampleSet) -> SetManifest:
    """Write a set as the studio does."""
    write_set(folder, sample.manifest, rendition=sample.rendition)
    return sample.manifest


def pack_sample(folder: Path, **changes: object) -> Parcel:
    """Write a small set, and return it as it is sent.

    Args:
        folder: Where the set is written.
        changes: Fields of its manifest to replace.
    """
    sample = build_set(scale=0.05, shots=("kitchen",), channels=("linkedin_post",), **changes)
    return pack_set(folder, CAMPAIGN, write_sample(folder, sample))


def mark(sample: SampleSet, *, simulated: bool) -> SampleSet:
    """Return a set whose pictures say in their file what made them."""
    data: dict[str, bytes] = {}
    rows = []
    for row in sample.manifest.pictures:
        marked = _mark(sample.data[row.sha256], row, simulated=simulated)
        fresh = replace(row, simulated=simulated, **_facts(marked))
        data[fresh.sha256] = marked
        rows.append(fresh)
    manifest = replace(sample.manifest, pictures=tuple(rows), simulated=simulated, missing=())
    return SampleSet(manifest, {**sample.data, **data})


def _facts(data: bytes) -> Mapping[str, object]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _mark(data: bytes, row: Picture, *, simulated: bool) -> bytes:
    marks = Marks(
        simulated=simulated,
        model=row.model,
        generation_id=row.generation_id,
        brand="solstice",
        campaign=CAMPAIGN,
        prompt_key=row.prompt_key,
        fingerprint=row.fingerprint,
    )
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.save(buffer, "JPEG", quality=88, xmp=build_xmp(marks))
    return buffer.getvalue()
