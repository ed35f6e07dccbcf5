"""Which picture stands for an order: the first, or one that corrects it; buys nothing."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from nbp_dagster.briefs.models import Brand, Correct, Shot
from nbp_dagster.prompts.correction_text import Shortfall, correct_request
from nbp_dagster.studio.ledger.correction_log import Correction, CorrectionLog, Kept
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Made, Order
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.purchasing.order_groups import (
    OrderGroups,
    may_ask,
    request_behind,
    standing_of,
)


@dataclass(frozen=True)
class Case:
    """A picture, and what was asked for in its place.

    Attributes:
        first: The order, or milder wording, that brought the picture.
        original: SHA-256 of the picture, as hex.
        rows: What was asked for since, oldest first.
    """

    first: Order
    original: str
    rows: tuple[Correction, ...] = ()

    @property
    def adopted(self) -> Correction | None:
        """The correction that stands in the picture's place."""
        return next((row for row in reversed(self.rows) if row.kept == "correction"), None)

    @property
    def undecided(self) -> Correction | None:
        """What was asked for and has not come to anything yet."""
        return next((row for row in self.rows if row.kept is None), None)

    @property
    def stands(self) -> Order:
        """The order whose picture is shown."""
        return self.first if self.adopted is None else self.order_of(self.adopted)

    def order_of(self, row: Correction) -> Order:
        """Return the order for a correction: the first's images, and a text that adds to its."""
        return replace(
            self.first,
            request=replace(self.first.request, prompt=row.prompt),
            parent=self.first.request.fingerprint,
            on_refusal=None,
        )

    def may_ask_again(self, correct: Correct) -> bool:
        """Whether a picture that falls short is to be asked for, once more or still."""
        return self.undecided is not None or len(self.rows) < correct.max_attempts


class Regenerations:
    """What was corrected, and what it means for orders.

    Example:
        >>> [stands] = corrections.standing([order])
        >>> stands.parent  # the fingerprint that fell short; None where nothing was corrected
    """

    def __init__(self, log: CorrectionLog, ledger: Ledger) -> None:
        self.log = log
        self._ledger = ledger
        self._cases: dict[str, Case] = {}

    def standing(self, orders: Iterable[Order]) -> tuple[Order, ...]:
        """Return for each order the one whose picture stands: itself, or its correction.

        A correction stands whatever the brief says by now: it is paid, and was found better.
        """
        wanted = tuple(orders)
        rows = self.log.of(OrderGroups(wanted).fingerprints) if wanted else {}
        self._cases = {
            key: case for key, case in self._cases.items() if key not in {o.key for o in wanted}
        }
        if not rows:
            return wanted
        latest = self._ledger.latest(OrderGroups(wanted).fingerprints)
        for order in wanted:
            purchase = standing_of(order, latest)
            if purchase is not None and purchase.image is not None:
                first = request_behind(order, purchase.fingerprint)
                digest = purchase.image.sha256
                asked = rows.get((purchase.fingerprint, digest), ())
                self._cases[order.key] = Case(first, digest, asked)
        return tuple(
            self._cases[order.key].stands if order.key in self._cases else order for order in wanted
        )

    def case_of(self, order: Order, made: Made) -> Case:
        """Return the case of an order's picture, which is the first one's or a correction's."""
        fingerprint, digest = made.receipt.fingerprint, made.image.sha256
        known = self._cases.get(order.key)
        if known is not None and (
            any(row.fingerprint == fingerprint for row in known.rows)
            or (known.first.request.fingerprint, known.original) == (fingerprint, digest)
        ):
            return known
        rows = self.log.of([fingerprint]).get((fingerprint, digest), ())
        return self._keep(Case(request_behind(order, fingerprint), digest, rows))

    def ask(
        self, case: Case, brand: Brand, shot: Shot, failed: Sequence[CheckFacts]
    ) -> tuple[Case, Correction]:
        """Write down the next correction of a case, or find the one that is under way."""
        row = case.undecided
        if row is None:
            number = len(case.rows) + 1
            shortfalls = [Shortfall(item.name, item.subjects) for item in failed]  # type: ignore[arg-type]  # those of `Correct.checks`
            request = correct_request(case.first.request, brand, shot, shortfalls, number=number)
            draft = Correction(
                parent=case.first.request.fingerprint,
                original=case.original,
                number=number,
                fingerprint=request.fingerprint,
                prompt=request.prompt,
                checks=tuple(item.name for item in failed),
                key=case.first.key,
            )
            row = self.log.ask(draft)
            case = self._keep(replace(case, rows=(*case.rows, row)))
        return case, row

    def decide(self, case: Case, row: Correction, kept: Kept, reason: str) -> Case:
        """Write down which picture is kept; what somebody has decided already holds."""
        decided = self.log.decide(row, kept, reason)
        rows = tuple(decided if item.number == row.number else item for item in case.rows)
        return self._keep(replace(case, rows=rows))

    def asked(self, order: Order, fingerprint: str) -> Order:
        """Return what a fingerprint was asked for by: the order, a milder wording, a correction."""
        if may_ask(order, fingerprint):
            return request_behind(order, fingerprint)
        case = self._cases[order.key]
        return case.order_of(next(row for row in case.rows if row.fingerprint == fingerprint))

    def belongs(self, order: Order, fingerprint: str) -> bool:
        """Whether a picture of this fingerprint is one of the order's."""
        if may_ask(order, fingerprint):
            return True
        return any(may_ask(order, row.parent) for row in self.log.behind(fingerprint))

    def rows_of(self, key: str) -> tuple[Correction, ...]:
        """Return what was asked for in place of a prompt's picture, as far as it was looked up."""
        case = self._cases.get(key)
        return () if case is None else case.rows

    def owes(self, order: Order, made: Made, record: PromptRecord, correct: Correct) -> bool:
        """Whether a run would ask for a prompt's picture again."""
        if not failing(record, correct.checks):
            return False
        return self.case_of(order, made).may_ask_again(correct)

    def _keep(self, case: Case) -> Case:
        self._cases[case.first.key] = case
        return case


def failing(record: PromptRecord, checks: Collection[str]) -> tuple[CheckFacts, ...]:
    """Return those of some checks that a prompt's original failed."""
    return tuple(item for item in record.failed_checks if item.name in checks)
