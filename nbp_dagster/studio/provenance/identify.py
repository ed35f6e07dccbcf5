"""Names the prompt behind any picture: by its bytes, by its marks, or by its looks."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from nbp_dagster.clock import iso_time
from nbp_dagster.studio.imaging.decode import MAX_BYTES, Decoded, UndecodableImage, decode_image
from nbp_dagster.studio.imaging.xmp import read_marks
from nbp_dagster.studio.provenance.descriptors import find_alike
from nbp_dagster.studio.provenance.picture_index import Bill, KnownPicture, PictureIndex
from nbp_dagster.studio.provenance.pixel_diff import Difference, compare
from nbp_dagster.studio.storage.files import StoreError
from nbp_dagster.studio.storage.image_store import ImageStore

BatchContext = Literal["bytes", "marks", "looks"]

# Below the difference between a picture and its copy, so that of two which differ by less neither
# can be told to be the one; measured in docs/marking.md.
_TIE: Final = 0.03
# Likely pictures that a file is compared with, pixel by pixel.
_COMPARED: Final = 24
_CLAIMS: Final = ("PromptKey", "Fingerprint", "GenerationId", "Campaign", "Brand", "Model")


@dataclass(frozen=True)
class Match:
    """A picture of ours.

    Attributes:
        picture: Its row in the registry.
        score: How alike their sketches are, 1 for the same picture.
        difference: How far the pixels differ; None where ours were not at hand.
    """

    picture: KnownPicture
    score: float
    difference: Difference | None = None

    def fits_as(self, best: "Match") -> bool:
        """Whether nothing tells it from the match that fits best."""
        if self.difference is None or best.difference is None:
            return best.score - self.score <= _TIE
        return self.difference.fits_as(best.difference)


@dataclass(frozen=True)
class Identity:
    """What is known of one file that was handed in.

    Attributes:
        file: Its name.
        found_by: "bytes" (it is the very file), "marks" (its marks name a picture of ours that it
            looks like) or "looks" (it looks like one); None where nobody is found.
        match: The picture that fits best.
        bill: What its generation cost, where the ledger knows it.
        others: Pictures that fit as well: of the same shot in another locale or channel, usually.
        claims: What marks in the file say of it, without proof; empty where they were verified.
        problem: Why it could not be looked at, or why its claims are not believed.
    """

    file: str
    found_by: BatchContext | None = None
    match: Match | None = None
    bill: Bill | None = None
    others: tuple[Match, ...] = ()
    claims: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def to_json(self) -> Mapping[str, Any]:
        """Return plain values for `--json`; money as a decimal string, time as ISO 8601 in UTC."""
        whole: dict[str, Any] = {"file": self.file, "found_by": self.found_by}
        if self.match is not None:
            whole.update(_row(self.match))
            bill = self.bill
            whole["price_usd"] = None if bill is None else str(bill.price_usd)
            whole["billed"] = None if bill is None else bill.billed
            whole["run_id"] = None if bill is None else bill.run_id
            whole["parent"] = None if bill is None else bill.parent
        whole["others"] = [_row(other) for other in self.others]
        whole["claims"] = dict(self.claims)
        whole["problem"] = self.problem or None
        return whole


def identify_files(
    paths: Iterable[Path], registry: PictureIndex, store: ImageStore | None = None
) -> Iterator[Identity]:
    """Yield what is known of each file; one that is no picture is a problem of its own."""
    for path in paths:
        try:
            yield identify(_read(path), registry, name=str(path), store=store)
        except UndecodableImage as error:
            yield Identity(str(path), problem=f"not a usable picture: {error.seen}")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            yield Identity(str(path), problem=f"can't be read: {reason}")


def identify(
    data: bytes, registry: PictureIndex, *, name: str, store: ImageStore | None = None
) -> Identity:
    """Say whose picture some bytes are.

    Args:
        data: A whole file, from anywhere.
        registry: Every picture of ours.
        name: Names it in the answer.
        store: Where our pictures are, to compare pixels with; None to go by sketches alone.

    Raises:
        UndecodableImage: The bytes are not one sound picture; see `decode_image`.
    """
    decoded = decode_image(data, what=name)
    digest = hashlib.sha256(data).hexdigest()
    exact = [Match(picture, 1.0) for picture in registry.find_digest(digest)]
    if exact:
        return _identity(name, "bytes", exact, registry)
    marks = read_marks(data)
    claims = {key: marks[f"nbp:{key}"] for key in _CLAIMS if f"nbp:{key}" in marks}
    alike = _compare_all(decoded, _find_alike(decoded, registry), store)
    claimed = [item for item in alike if _fits(item.picture, claims)]
    if claimed:
        return _identity(name, "marks", claimed, registry)
    doubt = _doubt(claims, registry) if claims else ""
    if alike:
        return _identity(name, "looks", alike, registry, claims=claims, problem=doubt)
    return Identity(name, claims=claims, problem=doubt)


def _read(path: Path) -> bytes:
    """Read no more than is needed to see that a file is too large."""
    if path.exists() and not path.is_file():
        raise UndecodableImage(str(path), "not a file")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _find_alike(decoded: Decoded, registry: PictureIndex) -> list[Match]:
    ids, sketches = registry.sketches(width=decoded.width, height=decoded.height)
    likely = find_alike(decoded.image, sketches)
    pictures = registry.find_ids(ids[item.index] for item in likely)
    best: dict[tuple[str, str, str], Match] = {}
    for item, picture in zip(likely, pictures, strict=True):
        # One that was written twice, signed anew, is one picture.
        place = (picture.prompt_key, picture.channel, picture.locale)
        best.setdefault(place, Match(picture, item.score))
    return list(best.values())


def _compare_all(decoded: Decoded, likely: list[Match], store: ImageStore | None) -> list[Match]:
    """Drop what only looks like a file from afar, and put first what fits its pixels best."""
    if store is None:
        return likely
    compared = [_compare(decoded, match, store) for match in likely[:_COMPARED]]
    kept = [item for item in compared if item.difference is None or item.difference.is_copy]
    kept.sort(key=lambda item: (item.difference is None, _distance(item)))
    return kept


def _distance(match: Match) -> float:
    return 1 - match.score if match.difference is None else match.difference.greatest


def _compare(decoded: Decoded, match: Match, store: ImageStore) -> Match:
    """Compare pixels where ours are at hand: another machine may have made them."""
    digest = match.picture.sha256
    try:
        ours = decode_image(store.get(digest), what=digest).image
    except (StoreError, UndecodableImage):
        return match
    return replace(match, difference=compare(decoded.image.convert("RGB"), ours.convert("RGB")))


def _fits(picture: KnownPicture, claims: Mapping[str, str]) -> bool:
    ours = (picture.prompt_key, picture.fingerprint, picture.generation_id)
    return ours == tuple(claims.get(key) for key in ("PromptKey", "Fingerprint", "GenerationId"))


def _doubt(claims: Mapping[str, str], registry: PictureIndex) -> str:
    if any(_fits(picture, claims) for picture in registry.find_prompt(claims.get("PromptKey", ""))):
        return "it looks unlike every picture of the prompt its marks name"
    return "no such picture was made here"


def _identity(
    name: str,
    found_by: BatchContext,
    matches: list[Match],
    registry: PictureIndex,
    *,
    claims: Mapping[str, str] | None = None,
    problem: str = "",
) -> Identity:
    first, *rest = matches
    return Identity(
        name,
        found_by=found_by,
        match=first,
        bill=registry.bill_of(first.picture.generation_id),
        others=tuple(item for item in rest if item.fits_as(first)),
        claims=claims or {},
        problem=problem,
    )


def _row(match: Match) -> dict[str, Any]:
    picture = match.picture
    return {
        "campaign": picture.campaign,
        "brand": picture.brand,
        "prompt_key": picture.prompt_key,
        "channel": picture.channel or None,
        "locale": picture.locale,
        "likeness": round(match.score, 3),
        "compared": match.difference is not None,
        "fingerprint": picture.fingerprint,
        "model": picture.model,
        "generation_id": picture.generation_id,
        "made_at": None if picture.made_at is None else iso_time(picture.made_at),
        "simulated": picture.provider == "simulator",
        "sha256": picture.sha256,
    }
