"""The index of every picture file ever made, with the descriptor by which a copy is found."""

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from PIL import Image
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.studio.imaging.xmp import Marks
from nbp_dagster.studio.ledger.database import begin_reading, begin_serialised, translate_errors
from nbp_dagster.studio.ledger.schema import pictures, purchases
from nbp_dagster.studio.provenance.descriptors import (
    SHAPE_SLACK,
    PictureDescriptors,
    describe_picture,
)

if TYPE_CHECKING:
    # For annotations: a look-up does not import the briefs' models.
    from nbp_dagster.studio.ledger.orders import Made
    from nbp_dagster.studio.manifest.manifest import Picture

_MICRO = Decimal(1_000_000)
# SQLite takes at most 32,766 variables in one statement; 500 keeps statements small.
_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class KnownPicture:
    """One file that was made.

    Attributes:
        sha256: Digest of its bytes, hex.
        channel: Id of the channel; empty for the original, as the service sent it.
        width: Pixels.
        height: Pixels.
        provider: "oxen" or "simulator".
        made_at: When the service finished it, seconds since the epoch; None where it did not say.
        sketch: Its descriptor; see `descriptors`.
    """

    sha256: str
    prompt_key: str
    brand: str
    campaign: str
    channel: str
    locale: str
    width: int
    height: int
    model: str
    provider: str
    fingerprint: str
    generation_id: str
    made_at: float | None
    sketch: bytes = field(repr=False)

    @property
    def is_original(self) -> bool:
        """Whether it is what the service sent, not a rendition of it."""
        return not self.channel


@dataclass(frozen=True)
class Bill:
    """What a generation cost, which run bought it, and the fingerprint it softens or corrects.

    `parent` is None for an original request.
    """

    price_usd: Decimal
    billed: bool
    run_id: str
    parent: str | None = None


class PictureIndex:
    """The table of pictures; each method is one transaction, safe from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, made: Sequence[KnownPicture]) -> None:
        """Add the files that were made for one prompt; the rows of known files stay as they are."""
        by_digest = {item.sha256: item for item in made}
        with self._transaction(writes=True) as connection:
            known = connection.scalars(
                sa.select(pictures.c.sha256).where(
                    pictures.c.prompt_key == made[0].prompt_key,
                    pictures.c.sha256.in_(list(by_digest)),
                )
            )
            for digest in known.all():
                del by_digest[digest]
            if by_digest:
                connection.execute(pictures.insert(), [asdict(each) for each in by_digest.values()])

    def find_by_digest(self, sha256: str) -> tuple[KnownPicture, ...]:
        """Return the rows of exactly these bytes: one for each prompt they were made for."""
        return self._find(pictures.c.sha256 == sha256)

    def find_by_prompt(self, prompt_key: str) -> tuple[KnownPicture, ...]:
        """Return every file ever made for a prompt."""
        return self._find(pictures.c.prompt_key == prompt_key)

    def find_by_ids(self, ids: Iterable[int]) -> tuple[KnownPicture, ...]:
        """Return rows by their ids, in the order given."""
        wanted = list(ids)
        found: dict[int, KnownPicture] = {}
        with self._transaction() as connection:
            for start in range(0, len(wanted), _CHUNK):
                chosen = pictures.c.id.in_(wanted[start : start + _CHUNK])
                for row in connection.execute(sa.select(pictures).where(chosen)):
                    found[row.id] = _known(row)
        return tuple(found[each] for each in wanted if each in found)

    def descriptors(self, *, width: int, height: int) -> tuple[tuple[int, ...], PictureDescriptors]:
        """Return ids and descriptors of the pictures whose shape allows a copy of the given size.

        Args:
            width: Pixels of the copy.
            height: Pixels of the copy.
        """
        shape, slack = width / height, math.exp(SHAPE_SLACK)
        ratio = pictures.c.width * 1.0 / pictures.c.height
        query = sa.select(
            pictures.c.id, pictures.c.sketch, pictures.c.width, pictures.c.height
        ).where(ratio.between(shape / slack, shape * slack))
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(pictures.c.id)).all()
        shapes = [(bytes(row.sketch), row.width / row.height) for row in rows]
        return tuple(row.id for row in rows), PictureDescriptors.of(shapes)

    def count(self) -> int:
        """Return the number of files."""
        with self._transaction() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(pictures)) or 0)

    def bill_of(self, generation_id: str) -> Bill | None:
        """Return what a generation cost; None where the ledger has no purchase of it."""
        columns = (
            purchases.c.price_micros,
            purchases.c.billed,
            purchases.c.run_id,
            purchases.c.parent,
        )
        query = sa.select(*columns).where(purchases.c.generation_id == generation_id)
        with self._transaction() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Bill(Decimal(row.price_micros) / _MICRO, bool(row.billed), row.run_id, row.parent)

    def _find(self, condition: sa.ColumnElement[bool]) -> tuple[KnownPicture, ...]:
        query = sa.select(pictures).where(condition).order_by(pictures.c.id)
        with self._transaction() as connection:
            return tuple(_known(row) for row in connection.execute(query))

    def _transaction(self, *, writes: bool = False) -> AbstractContextManager[Connection]:
        begun = begin_serialised(self._engine) if writes else begin_reading(self._engine)
        return translate_errors(begun, self._engine)


def known_rendition(picture: "Picture", marks: Marks, image: Image.Image) -> KnownPicture:
    """Return the row of a rendition.

    Args:
        picture: Its row.
        marks: The origin metadata in its file.
        image: Its pixels, RGB.
    """
    return KnownPicture(
        sha256=picture.sha256,
        prompt_key=picture.prompt_key,
        brand=marks.brand,
        campaign=marks.campaign,
        channel=picture.channel,
        locale=picture.locale,
        width=picture.width,
        height=picture.height,
        model=picture.model,
        provider="simulator" if picture.simulated else "oxen",
        fingerprint=picture.fingerprint,
        generation_id=picture.generation_id,
        made_at=marks.made_at,
        sketch=describe_picture(image),
    )


def known_original(
    rendition: KnownPicture, made: "Made", *, size: tuple[int, int], sketch: bytes
) -> KnownPicture:
    """Return the row of the original of a rendition.

    Args:
        rendition: Any rendition of it.
        made: The original.
        size: Its width and height in pixels.
        sketch: Its descriptor; see `descriptors`.
    """
    return replace(
        rendition,
        sha256=made.image.sha256,
        channel="",
        width=size[0],
        height=size[1],
        sketch=sketch,
    )


def _known(row: sa.Row[Any]) -> KnownPicture:
    values = {item.name: row._mapping[item.name] for item in fields(KnownPicture)}
    return KnownPicture(**{**values, "sketch": bytes(values["sketch"])})
