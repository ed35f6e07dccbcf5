"""Pictures that fail a check are asked for once more; the better one is kept. Knows no Dagster.

The first pictures of a run come before every correction, so that a cap never takes a first picture
for the sake of a second.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from PIL import Image

from nbp_dagster.briefs.models import Correct
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.studio.ledger.budget import select_affordable
from nbp_dagster.studio.ledger.correction_log import Correction, Kept
from nbp_dagster.studio.ledger.orders import (
    Failed,
    Generated,
    Made,
    Order,
    Outcome,
    Refused,
    Reused,
)
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.regeneration_rules import Case, failing
from nbp_dagster.studio.renditions.rendition_worker import Postprocessor, Rendered
from nbp_dagster.studio.studio import Studio

# Ends of a correction's purchase after which it is not tried again by itself.
_OVER = frozenset({"refused", "failed", "lost"})


@dataclass(frozen=True)
class Terms:
    """What a run may do; the arguments of `Studio.make_batches`."""

    run_id: str
    budget: Decimal | None = None
    fresh: bool = False


@dataclass
class _Held:
    """A prompt whose picture fell short, until it is known what is kept.

    Attributes:
        kept: The better picture so far.
        record: What was found on it.
        rendered: What was made of it.
        row: The correction that is asked for.
        besides: USD this run spent on pictures that are not kept.
    """

    case: Case
    kept: Made
    record: PromptRecord
    rendered: Rendered
    row: Correction
    besides: Decimal = Decimal(0)


class Regenerator:
    """One run's corrections.

    Args:
        studio: Where everything is.
        prompts: What is made, by key.
        postprocessor: Makes renditions and has originals checked.
        terms: What may be spent.
        log: Hears one line about each correction.

    Example:
        >>> correcting = Regenerator(studio, prompts, postprocessor, terms=terms, log=context.log)
        >>> for batch in correcting.batches(orders):
        ...     record(batch)
    """

    def __init__(
        self,
        studio: Studio,
        prompts: Mapping[str, Prompt],
        postprocessor: Postprocessor,
        *,
        terms: Terms,
        log: logging.Logger,
    ) -> None:
        self._studio = studio
        self._prompts = prompts
        self._postprocessor = postprocessor
        self._terms = terms
        self._log = log
        self._orders: dict[str, Order] = {}
        self._held: dict[str, _Held] = {}

    def batches(self, orders: Iterable[Order]) -> Iterator[Sequence[Outcome]]:
        """Yield one outcome an order: of its picture, or of the one that was found better.

        Raises:
            NbpError: The ledger can't be used; nothing more is bought.
        """
        self._orders = {order.key: order for order in orders}
        wanted = tuple(self._orders.values())
        # Whoever insists on another picture gets it by the first wording, and may correct that.
        standing = wanted if self._terms.fresh else self._studio.corrections.standing(wanted)
        stopped = ""
        for batch in self._make(standing, self._postprocessor.postprocess):
            for outcome in batch:
                if isinstance(outcome, Failed) and outcome.kind == "not_attempted":
                    stopped = outcome.reason
            ready = [outcome for outcome in batch if not self._hold(outcome)]
            if ready or not batch:
                yield ready
        if stopped and self._held:
            # No key, no credit, no service: whoever stopped buying first pictures buys no second.
            yield [self._give_up(key, stopped) for key in list(self._held)]
        while self._held:
            yield from self._ask_again(dict(self._held))

    def _make(
        self, orders: Iterable[Order], postprocess: Callable[[Made, Image.Image | None], None]
    ) -> Iterator[Sequence[Outcome]]:
        terms = self._terms
        return self._studio.make_batches(
            orders,
            run_id=terms.run_id,
            budget=terms.budget,
            fresh=terms.fresh,
            postprocess=postprocess,
        )

    def _hold(self, outcome: Outcome) -> bool:
        """Keep an outcome back whose picture is to be asked for again."""
        if not isinstance(outcome, Generated | Reused):
            return False
        rendered = self._postprocessor.look(outcome.key)
        correct, record = self._correct(outcome.key), rendered.record
        if correct is None or record is None or not failing(record, correct.checks):
            return False
        case = self._studio.corrections.case_of(self._orders[outcome.key], outcome)
        found = self._next(case, outcome, record, correct)
        if found is None:
            return False
        case, row = found
        self._held[outcome.key] = _Held(case, outcome, record, rendered, row)
        return True

    def _next(
        self, case: Case, kept: Made, record: PromptRecord, correct: Correct
    ) -> tuple[Case, Correction] | None:
        """The correction to ask for, if there is one."""
        adopted = case.adopted
        if adopted is not None and adopted.fingerprint != kept.receipt.fingerprint:
            # The same first picture came again: what was decided of it holds.
            return case, adopted
        failed = failing(record, correct.checks)
        if not failed or not case.may_ask_again(correct):
            return None
        scene = render_context_of(self._studio.briefs, self._prompts[kept.key])
        return self._studio.corrections.ask(case, scene.brand, scene.shot, failed)

    def _correct(self, key: str) -> Correct | None:
        return self._studio.briefs.campaigns[self._prompts[key].campaign].correct

    def _ask_again(self, held: Mapping[str, _Held]) -> Iterator[Sequence[Outcome]]:
        """Ask once for every prompt that is held; yield those that are not to be asked again."""
        wanted = [item.case.order_of(item.row) for item in held.values()]
        affordable, excesses = self._choose(wanted)
        given_up = [self._give_up(key, reason) for key, reason in excesses.items()]
        if given_up:
            yield given_up
        for batch in self._make(affordable, self._compare) if affordable else ():
            ready = [done for outcome in batch for done in self._settle(outcome)]
            if ready:
                yield ready

    def _choose(self, wanted: Sequence[Order]) -> tuple[list[Order], dict[str, str]]:
        """Part corrections that no cap stands against from those that one does, with the reason."""
        known = self._purchases(wanted)
        free = [order for order in wanted if not self._is_to_buy(known.get(_name(order)))]
        studio, terms = self._studio, self._terms
        fitting, excesses = select_affordable(
            studio.caps({order.scope for order in wanted}, terms.budget),
            [order for order in wanted if order not in free],
            lambda cap: studio.ledger.spent(cap, provider=studio.provider, run_id=terms.run_id),
        )
        return [*free, *fitting], excesses

    def _is_to_buy(self, purchase: Purchase | None) -> bool:
        if purchase is None:
            return True
        if purchase.state == "made":
            return self._terms.fresh and purchase.run_id != self._terms.run_id
        return not purchase.is_open

    def _purchases(self, orders: Iterable[Order]) -> dict[str, Purchase]:
        return self._studio.ledger.latest(map(_name, orders))

    def _compare(self, made: Made, image: Image.Image | None) -> None:
        """Postprocess a correction, decide between it and what is kept; called from any thread."""
        held = self._held[made.key]
        self._postprocessor.postprocess(made, image)
        rendered = self._postprocessor.look(made.key)
        before, after = rank(held.record), _rank_of(rendered)
        better = after is not None and after < before
        reason = f"the new one fails {_say(rendered.record)}, the other {_say(held.record)}"
        kept: Kept = "correction" if better else "first"
        case = self._studio.corrections.decide(held.case, held.row, kept, reason)
        held.case = case
        held.row = next(row for row in case.rows if row.number == held.row.number)
        if held.row.kept == "correction":
            held.rendered, held.record = rendered, rendered.record or held.record
        else:
            # Its files are in the store; only what says so was written over.
            self._studio.records.write(held.record)
            self._postprocessor.put(made.key, held.rendered)

    def _settle(self, outcome: Outcome) -> Iterator[Outcome]:
        """Take what came of a correction; yield the prompt's outcome if that was the last."""
        held = self._held[outcome.key]
        if isinstance(outcome, Refused | Failed):
            yield from self._settle_without(held, outcome)
            return
        left = outcome
        if held.row.kept == "correction":
            held.kept, left = outcome, held.kept
        held.besides += left.receipt.price_usd if isinstance(left, Generated) else Decimal(0)
        checks, reason = ", ".join(held.row.checks), held.row.reason
        which = "the new picture" if held.row.kept == "correction" else "the picture before it"
        text = "%s: asked again for %s, %s is kept: %s"
        self._log.info(text, outcome.key, checks, which, reason)
        correct = self._correct(outcome.key)
        found = None if correct is None else self._next(held.case, held.kept, held.record, correct)
        if found is None:
            yield self._release(outcome.key)
        else:
            held.case, held.row = found

    def _settle_without(self, held: _Held, outcome: Refused | Failed) -> Iterator[Outcome]:
        """Keep what there is; a correction that came to an end without a picture is not retried."""
        purchase = self._purchases([held.case.order_of(held.row)]).get(held.row.fingerprint)
        if purchase is not None and purchase.state in _OVER:
            self._studio.corrections.decide(held.case, held.row, "first", outcome.reason)
            if purchase.billed and purchase.run_id == self._terms.run_id:
                held.besides += purchase.price_usd
        yield self._give_up(outcome.key, outcome.reason)

    def _give_up(self, key: str, reason: str) -> Outcome:
        checks = ", ".join(self._held[key].row.checks)
        text = "%s: the picture that fails %s is kept, no other came: %s"
        self._log.warning(text, key, checks, reason)
        return self._release(key)

    def _release(self, key: str) -> Outcome:
        held = self._held.pop(key)
        return replace(held.kept, besides_usd=held.besides)


def rank(record: PromptRecord) -> tuple[int, int, float, float]:
    """Return what tells the better of two pictures: the smaller one.

    Failed checks that are errors, then all that failed, then how far copy and colours are from
    what was asked (sum of edit distances, and of shares off their targets), then the least standing
    of a character, upside down.
    """
    failed = record.failed_checks
    distance = sum(
        float(value or 0)
        for check in record.checks
        for name, value in check.figures.items()
        if name.startswith("edit_distance_") or name == "off_target"
    )
    standing = min((row.standing for row in record.likenesses), default=0.0)
    errors = sum(check.severity == "error" for check in failed)
    return errors, len(failed), round(distance, 3), -round(standing, 3)


def _rank_of(rendered: Rendered) -> tuple[int, int, float, float] | None:
    return None if rendered.record is None else rank(rendered.record)


def _name(order: Order) -> str:
    return order.request.fingerprint


def _say(record: PromptRecord | None) -> str:
    if record is None:
        return "to be made into renditions"
    return ", ".join(check.name for check in record.failed_checks) or "nothing"
