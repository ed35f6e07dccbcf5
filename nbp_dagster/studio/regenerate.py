"""Regenerates pictures that fail a check, and keeps the better one; knows no Dagster.

Every first picture of a run is bought before any correction, so that a correction never uses up a
cap that a first picture needs.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from PIL import Image

from nbp_dagster.briefs.vocabulary import Correct
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
from nbp_dagster.studio.purchasing.batch_context import BuyerOptions
from nbp_dagster.studio.purchasing.collector import ImagePostprocessor
from nbp_dagster.studio.purchasing.order_groups import OrderGroups
from nbp_dagster.studio.regeneration_rules import Attempts, failing
from nbp_dagster.studio.renditions.postprocessor import Postprocessor, Rendered
from nbp_dagster.studio.studio import Studio

# Final states of a correction's purchase after which it is not bought again by itself.
_OVER = frozenset({"refused", "failed", "lost"})
# Kinds of failure that stop corrections too: no key, no credit, no service.
_STOPPING = frozenset({"not_attempted", "unreachable"})


@dataclass(frozen=True)
class PurchaseTerms:
    """What a run may buy; the arguments of `Studio.make_batches`."""

    run_id: str
    budget: Decimal | None = None
    fresh: bool = False
    earlier_runs: Sequence[str] = ()


@dataclass
class _Pending:
    """A prompt whose picture failed a check, until it is decided which picture is kept.

    Attributes:
        attempts: The first picture and its corrections.
        kept: The better picture so far.
        record: Its renditions and checks.
        rendered: Its postprocessing result.
        correction: The correction that is being bought.
        besides: USD this run spent on pictures that are not kept.
    """

    attempts: Attempts
    kept: Made
    record: PromptRecord
    rendered: Rendered
    correction: Correction
    besides: Decimal = Decimal(0)


class Regenerator:
    """The corrections of one run.

    Args:
        studio: Buys, and records what was decided.
        prompts: The prompts to make, by key.
        postprocessor: Makes renditions and has originals checked.
        terms: What may be spent.
        log: Takes one line about each correction.

    Example:
        >>> regenerator = Regenerator(studio, prompts, postprocessor, terms=terms, log=context.log)
        >>> for outcomes in regenerator.batches(orders):
        ...     record(outcomes)
    """

    def __init__(
        self,
        studio: Studio,
        prompts: Mapping[str, Prompt],
        postprocessor: Postprocessor,
        *,
        terms: PurchaseTerms,
        log: logging.Logger,
    ) -> None:
        self._studio = studio
        self._prompts = prompts
        self._postprocessor = postprocessor
        self._terms = terms
        self._log = log
        self._orders: dict[str, Order] = {}
        self._pending: dict[str, _Pending] = {}

    def batches(self, orders: Iterable[Order]) -> Iterator[Sequence[Outcome]]:
        """Yield one outcome an order: of its first picture, or of a better correction.

        Raises:
            NbpError: The ledger can't be used; nothing more is bought.
        """
        self._orders = {order.key: order for order in orders}
        wanted = tuple(self._orders.values())
        # `fresh` buys another picture by the first wording, which may be corrected in turn.
        current = wanted if self._terms.fresh else self._studio.regenerations.current_orders(wanted)
        stopped = ""
        for outcomes in self._make(current, self._postprocessor):
            for outcome in outcomes:
                if isinstance(outcome, Failed) and outcome.kind in _STOPPING:
                    stopped = outcome.reason
            ready = [outcome for outcome in outcomes if not self._defer(outcome)]
            if ready or not outcomes:
                yield ready
        if stopped and self._pending:
            yield [self._give_up(key, stopped) for key in list(self._pending)]
        while self._pending:
            yield from self._regenerate(dict(self._pending))

    def _make(
        self, orders: Iterable[Order], postprocessor: ImagePostprocessor
    ) -> Iterator[Sequence[Outcome]]:
        terms = self._terms
        return self._studio.make_batches(
            orders,
            run_id=terms.run_id,
            budget=terms.budget,
            fresh=terms.fresh,
            earlier_runs=terms.earlier_runs,
            postprocessor=postprocessor,
        )

    def _defer(self, outcome: Outcome) -> bool:
        """Keep back an outcome whose picture is to be regenerated; return whether it is."""
        if not isinstance(outcome, Generated | Reused):
            return False
        rendered = self._postprocessor.get(outcome.key)
        correct, record = self._correct(outcome.key), rendered.record
        asked = None if self._terms.fresh else self._studio.regenerations.asked_of(outcome.key)
        if record is not None and asked is not None and asked.asked is not None:
            pending = _Pending(asked, outcome, record, rendered, asked.asked)
            self._pending[outcome.key] = pending
            return True
        if correct is None or record is None or not failing(record, correct.checks):
            return False
        attempts = self._studio.regenerations.attempts_of(self._orders[outcome.key], outcome)
        found = self._next_correction(attempts, outcome, record, correct)
        if found is None:
            return False
        attempts, correction = found
        self._pending[outcome.key] = _Pending(attempts, outcome, record, rendered, correction)
        return True

    def _next_correction(
        self, attempts: Attempts, kept: Made, record: PromptRecord, correct: Correct
    ) -> tuple[Attempts, Correction] | None:
        """Return the correction to buy, if there is one."""
        accepted = attempts.accepted
        if accepted is not None and accepted.fingerprint != kept.receipt.fingerprint:
            # The same first picture came again: the earlier decision about it holds.
            return attempts, accepted
        failed = failing(record, correct.checks)
        if not failed or not attempts.may_regenerate(correct):
            return None
        context = render_context_of(self._studio.briefs, self._prompts[kept.key])
        regenerations = self._studio.regenerations
        return regenerations.next_correction(attempts, context.brand, context.shot, failed)

    def _correct(self, key: str) -> Correct | None:
        """Return what a prompt's campaign has corrected; None for nothing."""
        return self._studio.briefs.campaigns[self._prompts[key].campaign].correct

    def _regenerate(self, pending: Mapping[str, _Pending]) -> Iterator[Sequence[Outcome]]:
        """Buy one correction for every pending prompt; yield those that are decided."""
        wanted = [item.attempts.order_of(item.correction) for item in pending.values()]
        affordable, excesses = self._split_by_caps(wanted)
        given_up = [self._give_up(key, reason) for key, reason in excesses.items()]
        if given_up:
            yield given_up
        # Each correction is compared as soon as it is rendered, in the thread that did.
        for outcomes in self._make(affordable, self) if affordable else ():
            ready = [done for outcome in outcomes for done in self._resolve(outcome)]
            if ready or not outcomes:
                yield ready

    def _split_by_caps(self, wanted: Sequence[Order]) -> tuple[list[Order], dict[str, str]]:
        """Separate the corrections that no cap forbids from the rest, with each one's reason."""
        known, groups = self._purchases(wanted), OrderGroups(wanted)
        to_buy = [item for item in groups.firsts if self._is_to_buy(known.get(_fingerprint(item)))]
        studio, terms = self._studio, self._terms
        _, excesses = select_affordable(
            studio.caps({order.scope for order in wanted}, terms.budget),
            to_buy,
            lambda cap: studio.ledger.spent(cap, provider=studio.provider, run_id=terms.run_id),
        )
        # One purchase serves all prompts whose pictures are corrected by the same request.
        reasons = {
            _fingerprint(item): excesses[item.key] for item in to_buy if item.key in excesses
        }
        return (
            [order for order in wanted if _fingerprint(order) not in reasons],
            {
                order.key: reasons[_fingerprint(order)]
                for order in wanted
                if _fingerprint(order) in reasons
            },
        )

    def _is_to_buy(self, purchase: Purchase | None) -> bool:
        if purchase is None:
            return True
        if purchase.state == "made":
            terms = self._terms
            options = BuyerOptions(terms.run_id, fresh=terms.fresh, earlier_runs=terms.earlier_runs)
            return options.wants_again(purchase)
        return not purchase.is_open

    def _purchases(self, orders: Iterable[Order]) -> dict[str, Purchase]:
        return self._studio.ledger.latest(map(_fingerprint, orders))

    def postprocess(self, made: Made, image: Image.Image | None) -> None:
        """Render a correction and decide whether it replaces the kept picture; see `Postprocessor`.

        Called from several threads at once.
        """
        pending = self._pending[made.key]
        self._postprocessor.postprocess(made, image)
        rendered = self._postprocessor.get(made.key)
        before, after = rank(pending.record), _rank_of(rendered)
        # Whoever asked for another picture is shown it, and may ask again.
        is_asked = pending.correction.is_asked
        better = after is not None and (is_asked or after < before)
        new, old = _describe_failures(rendered.record), _describe_failures(pending.record)
        reason = f"the new one fails {new}, the other {old}"
        kept: Kept = "correction" if better else "first"
        decide = self._studio.regenerations.decide
        attempts = decide(pending.attempts, pending.correction, kept, reason)
        pending.attempts = attempts
        pending.correction = next(
            row for row in attempts.corrections if row.number == pending.correction.number
        )
        if pending.correction.kept == "correction":
            pending.rendered, pending.record = rendered, rendered.record or pending.record
        else:
            # The first picture's files are in the store; only its record was overwritten.
            self._studio.records.write(pending.record)
            self._postprocessor.set(made.key, pending.rendered)

    def _resolve(self, outcome: Outcome) -> Iterator[Outcome]:
        """Take a correction's outcome; yield the prompt's outcome if that was the last."""
        pending = self._pending[outcome.key]
        if isinstance(outcome, Refused | Failed):
            yield from self._resolve_without_picture(pending, outcome)
            return
        left = outcome
        if pending.correction.kept == "correction":
            pending.kept, left = outcome, pending.kept
        pending.besides += left.receipt.price_usd if isinstance(left, Generated) else Decimal(0)
        checks, reason = ", ".join(pending.correction.checks), pending.correction.reason
        is_new = pending.correction.kept == "correction"
        which = "the new picture" if is_new else "the picture before it"
        text = "%s: regenerated for %s, %s is kept: %s"
        self._log.info(text, outcome.key, checks, which, reason)
        correct = self._correct(outcome.key)
        found = None
        if correct is not None:
            found = self._next_correction(pending.attempts, pending.kept, pending.record, correct)
        if found is None:
            yield self._release(outcome.key)
        else:
            pending.attempts, pending.correction = found

    def _resolve_without_picture(
        self, pending: _Pending, outcome: Refused | Failed
    ) -> Iterator[Outcome]:
        """Keep the picture there is; a correction that ended without one is not retried."""
        row = pending.correction
        purchase = self._purchases([pending.attempts.order_of(row)]).get(row.fingerprint)
        if purchase is not None and purchase.state in _OVER:
            self._studio.regenerations.decide(pending.attempts, row, "first", outcome.reason)
            is_own = purchase.key == outcome.key and purchase.run_id == self._terms.run_id
            if purchase.billed and is_own:
                pending.besides += purchase.price_usd
        yield self._give_up(outcome.key, outcome.reason)

    def _give_up(self, key: str, reason: str) -> Outcome:
        checks = ", ".join(self._pending[key].correction.checks)
        text = "%s: the picture that fails %s is kept, there is no other: %s"
        self._log.warning(text, key, checks, reason)
        return self._release(key)

    def _release(self, key: str) -> Outcome:
        pending = self._pending.pop(key)
        return replace(pending.kept, besides_usd=pending.besides)


def rank(record: PromptRecord) -> tuple[int, int, float, float]:
    """Return a sort key of two pictures of one prompt: the better picture has the smaller key.

    Failed checks that are errors, then all failed checks, then how far copy and colours are from
    the brief (sum of edit distances, and of shares off their targets), then the lowest standing of
    a character, negated.
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


def _fingerprint(order: Order) -> str:
    return order.request.fingerprint


def _describe_failures(record: PromptRecord | None) -> str:
    if record is None:
        return "to be made into renditions"
    return ", ".join(check.name for check in record.failed_checks) or "nothing"
