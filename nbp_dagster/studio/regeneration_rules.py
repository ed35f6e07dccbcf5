"""Decides which picture is an order's current one: the first, or a correction; buys nothing."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from nbp_dagster.briefs.models import Brand, Shot
from nbp_dagster.briefs.vocabulary import Correct
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.correction_text import (
    Shortfall,
    correct_request,
    edit_request,
    note_request,
)
from nbp_dagster.prompts.edits import Region
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.correction_log import EDIT, NOTE, Correction, CorrectionLog, Kept
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Made, Order
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.purchasing.order_groups import (
    OrderGroups,
    find_wording,
    has_fingerprint,
    status_of,
)


@dataclass(frozen=True)
class Attempts:
    """A first picture, and the corrections that were bought to replace it.

    Attributes:
        first: The order, or softened wording, that brought the picture.
        original: SHA-256 of the picture, as hex.
        corrections: Oldest first.
    """

    first: Order
    original: str
    corrections: tuple[Correction, ...] = ()

    @property
    def accepted(self) -> Correction | None:
        """The latest correction that was found better than the picture before it."""
        return next((row for row in reversed(self.corrections) if row.kept == "correction"), None)

    @property
    def undecided(self) -> Correction | None:
        """The correction that was requested and has no verdict yet."""
        return next((row for row in self.corrections if row.kept is None), None)

    @property
    def current_order(self) -> Order:
        """The order whose picture is shown."""
        return self.first if self.accepted is None else self.order_of(self.accepted)

    def order_of(self, correction: Correction) -> Order:
        """Return the order for a correction: the first's with its text, or an edit of a picture."""
        first, text = self.first.request, correction.prompt
        request = replace(first, prompt=text)
        if correction.base:
            request = edit_request(first, text, base=correction.base, region=correction.region)
        return replace(
            self.first,
            request=request,
            parent=self.first.request.fingerprint,
            on_refusal=None,
        )

    def may_regenerate(self, correct: Correct) -> bool:
        """Whether a picture that fails a check may be regenerated (again)."""
        tried = sum(not row.is_asked for row in self.corrections)
        return self.undecided is not None or tried < correct.max_attempts

    def has(self, fingerprint: str) -> bool:
        """Whether a picture with a fingerprint is the first, or one of its corrections."""
        known = {self.first.request.fingerprint, *(row.fingerprint for row in self.corrections)}
        return fingerprint in known

    def kept_after(self, fingerprint: str) -> tuple[Correction, ...]:
        """Return the corrections that were kept and came after a picture."""
        number = max(
            (row.number for row in self.corrections if row.fingerprint == fingerprint), default=0
        )
        return tuple(
            row for row in self.corrections if row.number > number and row.kept == "correction"
        )

    @property
    def asked(self) -> Correction | None:
        """The correction that a person asked for, and that is not made yet."""
        row = self.undecided
        return row if row is not None and row.is_asked else None

    @property
    def wanted(self) -> Correction | None:
        """What a person asked for last, and got: what comes after it keeps to it."""
        kept = (row for row in reversed(self.corrections) if row.kept == "correction")
        return next((row for row in kept if row.is_asked), None)


@dataclass(frozen=True)
class EditInPlace:
    """A change of a picture that is there.

    Attributes:
        prompt: The text sent.
        base: SHA-256 of the picture as it was drawn, hex.
        instruction: Every change since it was drawn.
        region: The part that alone may change; None for all of it.
    """

    prompt: str
    base: str
    instruction: str
    region: Region | None = None


class AlreadyAsked(NbpError):
    """Another picture of the prompt is asked for already, and is not made yet."""


class Regenerations:
    """Looks up and records corrections, and which order is current because of them.

    Example:
        >>> [current] = regenerations.current_orders([order])
        >>> current.parent  # the fingerprint that failed a check; None where nothing was corrected
    """

    def __init__(self, log: CorrectionLog, ledger: Ledger) -> None:
        self.log = log
        self._ledger = ledger
        self._attempts: dict[str, Attempts] = {}

    def current_orders(self, orders: Iterable[Order]) -> tuple[Order, ...]:
        """Return for each order the one whose picture is current: itself, or its correction.

        An accepted correction stays current when the brief no longer asks for corrections: it is
        paid, and was found better.
        """
        wanted = tuple(orders)
        rows = self.log.of(OrderGroups(wanted).fingerprints) if wanted else {}
        keys = {order.key for order in wanted}
        self._attempts = {
            key: attempts for key, attempts in self._attempts.items() if key not in keys
        }
        if not rows:
            return wanted
        latest = self._ledger.latest(OrderGroups(wanted).fingerprints)
        for order in wanted:
            purchase = status_of(order, latest)
            if purchase is not None and purchase.image is not None:
                first = find_wording(order, purchase.fingerprint)
                digest = purchase.image.sha256
                corrections = rows.get((purchase.fingerprint, digest), ())
                self._attempts[order.key] = Attempts(first, digest, corrections)
        return tuple(
            self._attempts[order.key].current_order if order.key in self._attempts else order
            for order in wanted
        )

    def attempts_of(self, order: Order, made: Made) -> Attempts:
        """Return the attempts at an order's picture, which is the first or a correction."""
        fingerprint, digest = made.receipt.fingerprint, made.image.sha256
        known = self._attempts.get(order.key)
        if known is not None and (
            any(row.fingerprint == fingerprint for row in known.corrections)
            or (known.first.request.fingerprint, known.original) == (fingerprint, digest)
        ):
            return known
        rows = self.log.of([fingerprint]).get((fingerprint, digest), ())
        return self._remember(Attempts(find_wording(order, fingerprint), digest, rows))

    def next_correction(
        self, attempts: Attempts, brand: Brand, shot: Shot, failed: Sequence[CheckFacts]
    ) -> tuple[Attempts, Correction]:
        """Record the next correction of a picture, or return the one that is undecided."""
        row = attempts.undecided
        if row is None:
            number = len(attempts.corrections) + 1
            shortfalls = [Shortfall(item.name, item.subjects) for item in failed]  # type: ignore[arg-type]  # those of `Correct.checks`
            # What a person asked for is not undone by a check.
            wanted = attempts.wanted
            start = attempts.first if wanted is None else attempts.order_of(wanted)
            request = correct_request(start.request, brand, shot, shortfalls, number=number)
            checks = tuple(item.name for item in failed)
            row = self.log.ask(_draft(attempts, request, checks, wanted))
            attempts = replace(attempts, corrections=(*attempts.corrections, row))
            self._remember(attempts)
        return attempts, row

    def asked_of(self, key: str) -> Attempts | None:
        """Return the attempts at a prompt's picture if a person asked for another one.

        As they were last looked up, by `current_orders`; None where nothing is asked for.
        """
        attempts = self._attempts.get(key)
        return attempts if attempts is not None and attempts.asked is not None else None

    def ask(self, order: Order, made: Made, note: str) -> Attempts:
        """Record that a person asks for another picture; the prompt's next run makes it.

        Nothing is bought here. What is drawn again is the present picture's request with the note
        added, from the same sheets: never the picture itself.

        Args:
            order: The prompt's order, as its brief says.
            made: Its present picture.
            note: One line, without control characters.

        Raises:
            AlreadyAsked: One is asked for and not made yet, by whomever.
        """
        attempts = self._require_decided(order, made)
        wanted = attempts.current_order.request
        edit = attempts.accepted if attempts.accepted and attempts.accepted.base else None
        return self._ask(attempts, _draft(attempts, note_request(wanted, note), (NOTE,), edit))

    def ask_edit(self, order: Order, made: Made, change: EditInPlace) -> Attempts:
        """Record that a person asks for a change of a picture; the prompt's next run makes it.

        Nothing is bought here. The edit starts from the picture as it was drawn, never from an
        edit of it.

        Args:
            order: The prompt's order, as its brief says.
            made: Its present picture.
            change: What is changed, and in which bytes.

        Raises:
            AlreadyAsked: Another picture is asked for and not made yet, by whomever.
        """
        attempts = self._require_decided(order, made)
        first = attempts.first.request
        request = edit_request(first, change.prompt, base=change.base, region=change.region)
        draft = replace(
            _draft(attempts, request, (EDIT,), None),
            base=change.base,
            instruction=change.instruction,
            region=change.region,
        )
        return self._ask(attempts, draft)

    def _require_decided(self, order: Order, made: Made) -> Attempts:
        attempts = self.attempts_of(order, made)
        if attempts.undecided is not None:
            raise AlreadyAsked(f"{order.key}: another picture is asked for already; make it first")
        return attempts

    def _ask(self, attempts: Attempts, draft: Correction) -> Attempts:
        row = self.log.ask(draft)
        if row.fingerprint != draft.fingerprint:
            raise AlreadyAsked(f"{draft.key}: somebody asked for another picture meanwhile")
        return self._remember(replace(attempts, corrections=(*attempts.corrections, row)))

    def decide(self, attempts: Attempts, row: Correction, kept: Kept, reason: str) -> Attempts:
        """Record which picture is kept; an earlier decision, of another run, stands."""
        decided = self.log.decide(row, kept, reason)
        rows = tuple(
            decided if item.number == row.number else item for item in attempts.corrections
        )
        return self._remember(replace(attempts, corrections=rows))

    def keep(self, attempts: Attempts, fingerprint: str, *, reason: str) -> Attempts:
        """Make a picture that was bought the present one: the first, or one of its corrections.

        Nothing is bought, now or for it later: each correction has its picture, and a decision.

        Args:
            attempts: Of the prompt.
            fingerprint: One that it has.
            reason: Why, in words.

        Raises:
            AlreadyAsked: Another picture is asked for and not made yet, or somebody else decided
                meanwhile.
        """
        if attempts.undecided is not None:
            raise AlreadyAsked(f"{attempts.first.key}: another picture is being made; wait for it")
        changes: dict[int, Kept] = {row.number: "first" for row in attempts.kept_after(fingerprint)}
        for row in attempts.corrections:
            if row.fingerprint == fingerprint and row.kept == "first":
                changes[row.number] = "correction"
        rows = self.log.decide_anew(attempts.corrections, changes, reason)
        if rows is None:
            raise AlreadyAsked(f"{attempts.first.key}: somebody decided meanwhile; look again")
        return self._remember(replace(attempts, corrections=rows))

    def order_for(self, order: Order, fingerprint: str) -> Order:
        """Return what a picture was bought by: the order, a softened wording or a correction."""
        if has_fingerprint(order, fingerprint):
            return find_wording(order, fingerprint)
        attempts = self._attempts[order.key]
        return attempts.order_of(
            next(row for row in attempts.corrections if row.fingerprint == fingerprint)
        )

    def is_picture_of(self, order: Order, fingerprint: str) -> bool:
        """Whether a picture with this fingerprint is one of the order's."""
        if has_fingerprint(order, fingerprint):
            return True
        return any(has_fingerprint(order, row.parent) for row in self.log.behind(fingerprint))

    def corrections_of(self, key: str) -> tuple[Correction, ...]:
        """Return the corrections of a prompt's picture, if they were looked up before."""
        attempts = self._attempts.get(key)
        return () if attempts is None else attempts.corrections

    def needs_regeneration(
        self, order: Order, made: Made, record: PromptRecord, correct: Correct
    ) -> bool:
        """Whether a run would regenerate a prompt's picture."""
        if not failing(record, correct.checks):
            return False
        return self.attempts_of(order, made).may_regenerate(correct)

    def _remember(self, attempts: Attempts) -> Attempts:
        self._attempts[attempts.first.key] = attempts
        return attempts


def _draft(
    attempts: Attempts, request: ImageRequest, checks: tuple[str, ...], edit: Correction | None
) -> Correction:
    """Return the next correction; one that goes on from an edit is an edit of the same bytes."""
    return Correction(
        parent=attempts.first.request.fingerprint,
        original=attempts.original,
        number=len(attempts.corrections) + 1,
        fingerprint=request.fingerprint,
        prompt=request.prompt,
        checks=checks,
        key=attempts.first.key,
        base="" if edit is None else edit.base,
        instruction="" if edit is None else edit.instruction,
        region=None if edit is None else edit.region,
    )


def failing(record: PromptRecord, checks: Collection[str]) -> tuple[CheckFacts, ...]:
    """Return those of some checks that a prompt's original failed, mere doubts left out.

    Another picture costs money: it is bought where a check is sure, never where it is unsure or has
    no opinion.
    """
    return tuple(
        item for item in record.failed_checks if item.name in checks and not item.is_unsure
    )
