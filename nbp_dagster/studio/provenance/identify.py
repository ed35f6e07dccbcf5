"""Identifies the prompt behind a picture by its digest, its embedded metadata or its similarity."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from nbp_dagster.clock import iso_time
from nbp_dagster.studio.imaging.decode import MAX_BYTES, Decoded, UndecodableImage, decode_image
from nbp_dagster.studio.imaging.xmp import read_marks
from nbp_dagster.studio.provenance.descriptors import find_similar
from nbp_dagster.studio.provenance.picture_index import Bill, KnownPicture, PictureIndex
from nbp_dagster.studio.provenance.pixel_diff import Difference, pixel_diff
from nbp_dagster.studio.storage.files import StoreError
from nbp_dagster.studio.storage.image_store import ImageStore

FoundBy = Literal["bytes", "marks", "looks"]
"""How a picture was found: equal bytes, verified metadata in the file, or similarity alone."""

# Scores this close do not tell which of two pictures a file is a copy of; measured in
# docs/marking.md.
_TIE: Final = 0.03
# Most candidates that a file is compared with, pixel by pixel.
_COMPARED: Final = 24
_CLAIMS: Final = ("PromptKey", "Fingerprint", "GenerationId", "Campaign", "Brand", "Model")


@dataclass(frozen=True)
class Match:
    """A picture of the index that a file may be.

    Attributes:
        picture: Its row in the index.
        score: Similarity of the descriptors, 1 for the same picture.
        difference: How far the pixels differ; None where the store does not hold the picture.
    """

    picture: KnownPicture
    score: float
    difference: Difference | None = None

    def ties_with(self, best: "Match") -> bool:
        """Whether it can not be told apart from the best match."""
        if self.difference is None or best.difference is None:
            return best.score - self.score <= _TIE
        return self.difference.ties_with(best.difference)


@dataclass(frozen=True)
class Identity:
    """The result for one file.

    Attributes:
        file: Its name.
        found_by: "bytes" (it is the same file), "marks" (its metadata names a picture of the index
            that it is similar to) or "looks" (it is similar to one); None without a match.
        match: The best match.
        bill: Cost of its generation, where the ledger has it.
        others: Matches as good as the best: of the same shot in another locale or channel, usually.
        claims: What the file's metadata claims, unverified; empty where it was verified.
        problem: Why the file could not be read, or why its claims are not accepted.
    """

    file: str
    found_by: FoundBy | None = None
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
    paths: Iterable[Path], index: PictureIndex, store: ImageStore | None = None
) -> Iterator[Identity]:
    """Yield the result for each file; one that is no picture is a result with a problem."""
    for path in paths:
        try:
            yield identify(_read(path), index, name=str(path), store=store)
        except UndecodableImage as error:
            yield Identity(str(path), problem=f"not a usable picture: {error.seen}")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            yield Identity(str(path), problem=f"can't be read: {reason}")


def identify(
    data: bytes, index: PictureIndex, *, name: str, store: ImageStore | None = None
) -> Identity:
    """Identify the picture in some bytes.

    Args:
        data: A whole file, from any source.
        index: Every picture that was made.
        name: The name of the file in the result.
        store: The made pictures, to compare pixels with; None to use descriptors alone.

    Raises:
        UndecodableImage: The bytes are not one sound picture; see `decode_image`.
    """
    decoded = decode_image(data, what=name)
    digest = hashlib.sha256(data).hexdigest()
    exact = [Match(picture, 1.0) for picture in index.find_by_digest(digest)]
    if exact:
        return _identity(name, "bytes", exact, index)
    marks = read_marks(data)
    claims = {key: marks[f"nbp:{key}"] for key in _CLAIMS if f"nbp:{key}" in marks}
    similar = _compare_all(decoded, _find_similar(decoded, index), store)
    claimed = [item for item in similar if _fits(item.picture, claims)]
    if claimed:
        return _identity(name, "marks", claimed, index)
    doubt = _doubt(claims, index) if claims else ""
    if similar:
        return _identity(name, "looks", similar, index, claims=claims, problem=doubt)
    return Identity(name, claims=claims, problem=doubt)


def _read(path: Path) -> bytes:
    """Read a file, and of one that is too large no more than shows that."""
    if path.exists() and not path.is_file():
        raise UndecodableImage(str(path), "not a file")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _find_similar(decoded: Decoded, index: PictureIndex) -> list[Match]:
    ids, descriptors = index.descriptors(width=decoded.width, height=decoded.height)
    found = find_similar(decoded.image, descriptors)
    pictures = index.find_by_ids(ids[item.index] for item in found)
    best: dict[tuple[str, str, str], Match] = {}
    for item, picture in zip(found, pictures, strict=True):
        # Two files of one picture, the second one signed anew, are one match.
        place = (picture.prompt_key, picture.channel, picture.locale)
        best.setdefault(place, Match(picture, item.score))
    return list(best.values())


def _compare_all(
    decoded: Decoded, candidates: list[Match], store: ImageStore | None
) -> list[Match]:
    """Drop matches whose pixels differ, and order the others by how well their pixels fit."""
    if store is None:
        return candidates
    compared = [_compare(decoded, match, store) for match in candidates[:_COMPARED]]
    kept = [item for item in compared if item.difference is None or item.difference.is_copy]
    kept.sort(key=lambda item: (item.difference is None, _distance(item)))
    return kept


def _distance(match: Match) -> float:
    return 1 - match.score if match.difference is None else match.difference.greatest


def _compare(decoded: Decoded, match: Match, store: ImageStore) -> Match:
    """Compare pixels where the store holds the picture: another machine may have made it."""
    digest = match.picture.sha256
    try:
        kept = decode_image(store.get(digest), what=digest).image
    except (StoreError, UndecodableImage):
        return match
    return replace(match, difference=pixel_diff(decoded.image.convert("RGB"), kept.convert("RGB")))


def _fits(picture: KnownPicture, claims: Mapping[str, str]) -> bool:
    known = (picture.prompt_key, picture.fingerprint, picture.generation_id)
    return known == tuple(claims.get(key) for key in ("PromptKey", "Fingerprint", "GenerationId"))


def _doubt(claims: Mapping[str, str], index: PictureIndex) -> str:
    if any(_fits(picture, claims) for picture in index.find_by_prompt(claims.get("PromptKey", ""))):
        return "it looks unlike every picture of the prompt its marks name"
    return "no such picture was made here"


def _identity(
    name: str,
    found_by: FoundBy,
    matches: list[Match],
    index: PictureIndex,
    *,
    claims: Mapping[str, str] | None = None,
    problem: str = "",
) -> Identity:
    first, *rest = matches
    return Identity(
        name,
        found_by=found_by,
        match=first,
        bill=index.bill_of(first.picture.generation_id),
        others=tuple(item for item in rest if item.ties_with(first)),
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
