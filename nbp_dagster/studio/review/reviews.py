"""Reads finished sets for a review, and records decisions about the pictures that are in them."""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.checks.failure_words import FAILURE_WORDS
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest, set_digest
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, read_manifest
from nbp_dagster.studio.review.approvals import (
    ReviewedPicture,
    find_variants,
    place_of,
    review_pictures,
)
from nbp_dagster.studio.review.decision_log import (
    ASKED_WORDS,
    Decision,
    DecisionLog,
    DecisionMoved,
    Place,
    Verdict,
)
from nbp_dagster.studio.sets.picture_order import rank_pictures
from nbp_dagster.studio.storage.files import Stamp, stamp_of

READ_AT_ONCE: Final = 5_000_000
"""Bytes of a manifest that a page waits for: some 300 pictures, read in 0.1 s."""

LONGEST_REASON: Final = 500
"""Characters of a reason in free words; longer ones are refused."""


class NoSuchSet(NbpError):
    """There is no finished set of that name, or no picture of that file in it."""


class PictureMoved(NbpError):
    """The picture was made again since it was looked at: these bytes are not in the set now."""


class BadDecision(NbpError):
    """A decision that can't be recorded as it was sent."""


@dataclass(frozen=True)
class ReadSet:
    """A finished set as it was read.

    Attributes:
        digest: The set's data version.
        order: Its pictures' positions in the manifest, the worst first.
        by_file: Position of each picture by its file.
    """

    manifest: SetManifest
    digest: str
    order: tuple[int, ...]
    by_file: Mapping[str, int]

    def place_of(self, file: str) -> int:
        """Return a picture's position by its file within the set.

        Raises:
            NoSuchSet: The set has no such file.
        """
        place = self.by_file.get(file)
        if place is None:
            raise NoSuchSet(f"the set of {self.manifest.campaign.id} has no picture {file[:200]!r}")
        return place

    def find(self, file: str) -> Picture:
        """Return a picture by its file within the set.

        Raises:
            NoSuchSet: The set has no such file.
        """
        return self.manifest.pictures[self.place_of(file)]


@dataclass(frozen=True)
class SetReview:
    """A set and what was decided about its pictures; `rows` are in the manifest's order."""

    read: ReadSet
    rows: tuple[ReviewedPicture, ...]

    @property
    def manifest(self) -> SetManifest:
        """The set."""
        return self.read.manifest

    @property
    def worst_first(self) -> tuple[ReviewedPicture, ...]:
        """The pictures, those that fail checks before the others."""
        return tuple(self.rows[place] for place in self.read.order)

    def find(self, file: str) -> ReviewedPicture:
        """Return a picture by its file within the set.

        Raises:
            NoSuchSet: The set has no such file.
        """
        return self.rows[self.read.place_of(file)]


@dataclass(frozen=True)
class Seen:
    """The picture a person decides about, as their page showed it.

    Attributes:
        file: Its path within the set.
        sha256: Digest of the bytes that were shown, hex.
        number: Of the latest decision that was shown; 0 for none.
    """

    file: str
    sha256: str
    number: int


class Reviews:
    """Finished sets under a folder, and the log of decisions about them; safe to use from threads.

    Args:
        sets: The folder of sets.
        log: Where decisions are kept.
        settle: Called after a set was read, whose objects stay as they are.
        look: Called before sets are listed, to bring those of other machines.
    """

    def __init__(
        self,
        sets: Path,
        log: DecisionLog,
        *,
        settle: Callable[[], object] = lambda: None,
        look: Callable[[], object] = lambda: None,
    ) -> None:
        self._sets = sets
        self._look = look
        self._log = log
        self._settle = settle
        self._begun: set[tuple[str, Stamp]] = set()
        # Rows are only ever added: the number of the last one read, and what holds after it.
        self._decided: dict[str, tuple[int, Mapping[Place, Decision]]] = {}
        self._updating = threading.Lock()
        self._known: dict[str, tuple[Stamp, ReadSet]] = {}
        # Two requests for a large set would both spend seconds on reading it.
        self._reading = threading.Lock()

    @property
    def sets(self) -> Path:
        """The folder of sets."""
        return self._sets

    def campaigns(self) -> tuple[str, ...]:
        """Return the campaigns that have a finished set, by name."""
        self._look()
        return list_finished_sets(self._sets)

    def open(self, campaign: str) -> SetReview:
        """Return a campaign's set with the latest decisions.

        Raises:
            NoSuchSet: There is none.
            ManifestError: Its manifest can't be read.
            LedgerDatabaseError: The decisions can't be read.
        """
        read = self.read(campaign)
        return SetReview(read, review_pictures(read.manifest, self._read_latest(campaign)))

    def _read_latest(self, campaign: str) -> Mapping[Place, Decision]:
        """Return the latest decision about each file; rows read before are not read again."""
        with self._updating:
            last, known = self._decided.get(campaign, (0, {}))
            rows = self._log.of_campaign(campaign, after=last)
            if rows:
                # Another one: whoever has the one before goes on with it.
                known = {**known, **{row.place: row for row in rows}}
                self._decided[campaign] = (rows[-1].id, known)
        return known

    def open_soon(self, campaign: str) -> SetReview | None:
        """Return a campaign's set as `open` does; None while a large one is being read.

        Reading begins with the first call, in a thread of its own.

        Raises:
            NoSuchSet, ManifestError, LedgerDatabaseError: As `open`.
        """
        path = _require_set(self._sets, campaign)
        stamp, known = stamp_of(path), self._known.get(campaign)
        is_read = known is not None and known[0] == stamp
        if is_read or stamp is None or path.stat().st_size <= READ_AT_ONCE:
            return self.open(campaign)
        if (campaign, stamp) in self._begun:
            # A set that can't be read was tried: its error is told by opening it.
            return None if self._reading.locked() else self.open(campaign)
        self._begun.add((campaign, stamp))
        threading.Thread(target=self._read_ahead, args=(campaign,), daemon=True).start()
        return None

    def _read_ahead(self, campaign: str) -> None:
        with suppress(NbpError):
            self.read(campaign)

    def require_seen(self, campaign: str, seen: Seen) -> Picture:
        """Return the picture that was looked at, if nobody decided about it since.

        Raises:
            PictureMoved: These bytes are not in the set any more.
            DecisionMoved: Somebody decided meanwhile.
        """
        row = self.open(campaign).find(seen.file)
        picture = _require_shown(row.picture, seen)
        if row.number != seen.number:
            raise DecisionMoved(row.place, row.decision)
        return picture

    def history(self, picture: Picture) -> tuple[Decision, ...]:
        """Return every decision about a prompt's file for a channel, those of old bytes too."""
        return tuple(
            row
            for row in self._log.history(picture.prompt_key)
            if (row.place.channel, row.place.locale) == (picture.channel, picture.locale)
        )

    def decide(
        self,
        campaign: str,
        seen: Seen,
        verdict: Verdict,
        *,
        who: str,
        fault: str = "",
        reason: str = "",
    ) -> ReviewedPicture:
        """Record what a person decided about one picture.

        Raises:
            BadDecision: A rejection without any reason, a fault no check names, a long reason.
            PictureMoved: These bytes are not in the set any more.
            DecisionMoved: Somebody decided meanwhile.
        """
        _require_reason(verdict, fault, reason)
        read = self.read(campaign)
        picture = _require_shown(read.find(seen.file), seen)
        draft = _draft(read, picture, seen.number, verdict, who, fault, reason)
        (row,) = self._log.decide([draft])
        return ReviewedPicture(picture, row)

    def choose(
        self, campaign: str, seen: Iterable[Seen], *, who: str
    ) -> tuple[ReviewedPicture, ...]:
        """Approve the first of some variants, and pass over the others, all or none of it.

        Args:
            campaign: The campaign.
            seen: Every variant that was shown, the chosen one first.
            who: Who chooses.

        Raises:
            BadDecision: They are not all the variants of one picture.
            PictureMoved: One of them was made again.
            DecisionMoved: Somebody decided about one of them meanwhile.
        """
        shown = tuple(seen)
        if not shown:
            raise BadDecision("no picture was chosen; send the variants, the chosen one first")
        read = self.read(campaign)
        pictures = [_require_shown(read.find(each.file), each) for each in shown]
        rows_of_set = review_pictures(read.manifest, {})
        variants = {row.picture.file for row in find_variants(rows_of_set, pictures[0])}
        if variants != {picture.file for picture in pictures}:
            raise BadDecision(
                f"{pictures[0].prompt_key}: the variants shown are not those of the set now; look "
                "again"
            )
        chosen = f"variant {pictures[0].variant} was chosen"
        drafts = [
            _draft(
                read,
                picture,
                each.number,
                "passed_over" if place else "approved",
                who,
                "",
                chosen if place else "",
            )
            for place, (picture, each) in enumerate(zip(pictures, shown, strict=True))
        ]
        rows = self._log.decide(drafts)
        return tuple(
            ReviewedPicture(picture, row) for picture, row in zip(pictures, rows, strict=True)
        )

    def undo(self, campaign: str, seen: Seen, *, who: str) -> ReviewedPicture:
        """Take back the latest decision about a picture.

        Raises:
            PictureMoved: These bytes are not in the set any more.
            DecisionMoved: It is not the latest any more, or there is none.
        """
        picture = _require_shown(self.read(campaign).find(seen.file), seen)
        row = self._log.undo(place_of(picture), seen.number, who=who)
        return ReviewedPicture(picture, row)

    def reconsider(self, picture: Picture, sha256: str, *, who: str) -> None:
        """Withdraw the rejection by which another picture than an earlier one was asked for.

        The earlier one is pending when it comes back; a rejection for another reason stands.

        Args:
            picture: The present picture of the same prompt, channel and locale.
            sha256: Digest of the earlier file, hex.
            who: Who takes it back.
        """
        rows = [row for row in self.history(picture) if row.place.sha256 == sha256]
        if rows and rows[-1].verdict == "rejected" and rows[-1].reason.startswith(ASKED_WORDS):
            withdrawn = replace(
                rows[-1],
                number=rows[-1].number + 1,
                verdict="withdrawn",
                fault="",
                reason="taken back over the one asked for",
                who=who,
            )
            self._log.decide([withdrawn])

    def read(self, campaign: str) -> ReadSet:
        """Return a campaign's set without its decisions; read anew only where it was written anew.

        Raises:
            NoSuchSet: There is none.
            ManifestError: Its manifest can't be read.
        """
        self._look()
        path = _require_set(self._sets, campaign)
        with self._reading:
            stamp, known = stamp_of(path), self._known.get(campaign)
            if stamp is None:
                raise NoSuchSet(f"{path} is gone; make the set again with `nbp run`")
            if known is None or known[0] != stamp:
                known = self._known[campaign] = (stamp, _parse(path))
                self._settle()
        return known[1]


def list_finished_sets(sets: Path) -> tuple[str, ...]:
    """Return the campaigns that have a finished set in a folder of sets, by name."""
    return tuple(sorted(path.parent.name for path in sets.glob(f"*/{MANIFEST}")))


def read_finished_set(sets: Path, campaign: str) -> SetManifest:
    """Return the manifest of a campaign's set in a folder of sets.

    Raises:
        NoSuchSet: There is none.
        ManifestError: It can't be read.
    """
    return read_manifest(_require_set(sets, campaign))


def _require_set(sets: Path, campaign: str) -> Path:
    # Only names that a listing gives, so that none leads out of the folder.
    if campaign not in list_finished_sets(sets):
        raise NoSuchSet(f"there is no finished set {campaign[:100]!r}; make it with `nbp run`")
    return sets / campaign / MANIFEST


def _parse(path: Path) -> ReadSet:
    manifest = read_manifest(path)
    ranks = rank_pictures(manifest.pictures)
    order = tuple(sorted(range(len(ranks)), key=lambda place: ranks[place]))
    by_file = {picture.file: place for place, picture in enumerate(manifest.pictures)}
    return ReadSet(manifest, set_digest(manifest), order, by_file)


def _require_reason(verdict: Verdict, fault: str, reason: str) -> None:
    if fault and fault not in FAILURE_WORDS:
        raise BadDecision(
            f"fault {fault[:60]!r} is no check; accepted: {', '.join(FAILURE_WORDS)}, or none with "
            "a reason in words"
        )
    if len(reason) > LONGEST_REASON:
        raise BadDecision(
            f"the reason has {len(reason)} characters; accepted: at most {LONGEST_REASON}"
        )
    if verdict == "rejected" and not fault and not reason.strip():
        raise BadDecision("a rejection needs a reason: one of the faults, or a few words")


def _require_shown(picture: Picture, seen: Seen) -> Picture:
    if picture.sha256 != seen.sha256:
        raise PictureMoved(
            f"{picture.prompt_key} for {picture.channel} was made again since; nothing was "
            "changed, look at the new picture"
        )
    return picture


def _draft(
    read: ReadSet,
    picture: Picture,
    number: int,
    verdict: Verdict,
    who: str,
    fault: str,
    reason: str,
) -> Decision:
    return Decision(
        place=place_of(picture),
        brand=read.manifest.brand.id,
        campaign=read.manifest.campaign.id,
        number=number + 1,
        verdict=verdict,
        fault=fault,
        reason=reason.strip(),
        who=who,
        seen={
            "set": read.digest,
            "failed_checks": [check.name for check in picture.failed_checks],
        },
    )
