"""Makes the same few prompts with two models, and keeps what the checks say of each.

What is paid already is reused; what is bought is of the same request that the campaign would buy.
Must not know: Dagster, pages, terminals.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.model_limits import load_known_models
from nbp_dagster.briefs.models import Campaign
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.edits import find_base
from nbp_dagster.prompts.expansion import Prompt, expand_campaign
from nbp_dagster.studio.checks.failure_words import tell_failure
from nbp_dagster.studio.ledger.orders import Failed, Generated, Order, Refused, Reused
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.purchasing.order_groups import status_of
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.studio import Studio

OpenStudio = Callable[[Briefs, StudioPaths], AbstractContextManager[Studio]]


class CanaryError(NbpError):
    """A comparison that can't be made as it was asked for; nothing was bought."""


@dataclass(frozen=True)
class CanaryPaths(StudioPaths):
    """A home whose records and sets are those of one side of a comparison.

    Attributes:
        side: Folder below `canary/`.
    """

    side: str

    @property
    def records(self) -> Path:
        """The side's own records: the campaign's are left alone."""
        return self.home / "canary" / self.side / "records"

    @property
    def sets(self) -> Path:
        """Never written."""
        return self.home / "canary" / self.side / "sets"


@dataclass(frozen=True, kw_only=True)
class CanaryRequest:
    """What is compared.

    Attributes:
        briefs: Those of the campaign.
        campaign: Its id.
        model: The model that its own is compared with.
        shots: How many of its shots, from the first.
        budget: Most USD that both sides together may buy for.
        paths: The home.
    """

    briefs: Briefs
    campaign: str
    model: str
    shots: int
    budget: Decimal
    paths: StudioPaths


@dataclass(frozen=True, kw_only=True)
class CanaryPicture:
    """One prompt at one model.

    Attributes:
        prompt_key: Its partition key at this model.
        price_usd: What it cost, now or before.
        is_new: Whether it was bought now.
        original: Digest of its original in the store; None where there is none.
        problem: Why there is none; empty where there is one.
        failed: What is wrong with it or its renditions, in a few words each.
        likenesses: How like its sheet each character is, a line each.
    """

    prompt_key: str
    price_usd: Decimal = Decimal(0)
    is_new: bool = False
    original: str | None = None
    problem: str = ""
    failed: tuple[str, ...] = ()
    likenesses: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values; USD as a decimal string."""
        return {**vars(self), "price_usd": str(self.price_usd)}


@dataclass(frozen=True)
class CanarySide:
    """One model's pictures, in the order of the shots.

    Attributes:
        model: The model's id.
        left_out: Parameters of the brief that it does not have.
        pictures: One for each shot.
    """

    model: str
    left_out: tuple[str, ...]
    pictures: tuple[CanaryPicture, ...]

    @property
    def made(self) -> tuple[CanaryPicture, ...]:
        """The pictures that are there."""
        return tuple(item for item in self.pictures if item.original)

    @property
    def failing(self) -> int:
        """How many of them have a failed check."""
        return sum(bool(item.failed) for item in self.made)

    @property
    def spent_usd(self) -> Decimal:
        """USD that were spent now."""
        return sum((item.price_usd for item in self.pictures if item.is_new), Decimal(0))

    def to_json(self) -> dict[str, Any]:
        """Return plain values; USD as decimal strings."""
        return {
            "model": self.model,
            "left_out": list(self.left_out),
            "spent_usd": str(self.spent_usd),
            "pictures": [item.to_json() for item in self.pictures],
        }


@dataclass(frozen=True)
class _Side:
    model: str
    briefs: Briefs
    prompts: tuple[Prompt, ...]
    paths: CanaryPaths
    left_out: tuple[str, ...]


def compare_models(
    request: CanaryRequest, open_studio: OpenStudio, *, confirm: Callable[[int, Decimal], bool]
) -> tuple[CanarySide, CanarySide]:
    """Make the first picture of some shots with a campaign's model and with another.

    Args:
        request: What is compared.
        open_studio: Opens a studio over briefs, in a home.
        confirm: Asked before anything is bought, with how many pictures and USD.

    Raises:
        CanaryError: The models are one, one of them can be asked for nothing, the budget is too
            small, or `confirm` said no.
        NbpError: The service, the ledger or a brief fails.
    """
    campaign = request.briefs.campaigns[request.campaign]
    if request.model == campaign.model:
        raise CanaryError(
            f"{campaign.id}: {request.model} is its own model; name another one to compare with"
        )
    sides = [_build_side(request, model) for model in (campaign.model, request.model)]
    count, cost = 0, Decimal(0)
    for side in sides:
        with open_studio(side.briefs, side.paths) as studio:
            compiled = studio.compile(side.prompts)
            due = list(_due(studio, compiled.orders.values()))
        if not compiled.orders:
            reason = compiled.failures[0].reason
            raise CanaryError(f"nothing can be asked of {side.model}: {reason}")
        count, cost = count + len(due), cost + sum((order.price for order in due), Decimal(0))
    if cost > request.budget:
        raise CanaryError(
            f"{campaign.id}: comparing {len(sides[0].prompts)} shots would buy {count} pictures "
            f"for {cost} USD, more than the budget of {request.budget} USD; raise --budget or "
            "compare fewer with --shots; nothing was bought"
        )
    if count and not confirm(count, cost):
        raise CanaryError("nothing was bought")
    run_id = f"canary-{uuid.uuid4().hex}"
    first, second = (
        _make_side(side, open_studio, run_id=run_id, budget=request.budget) for side in sides
    )
    return first, second


def _build_side(request: CanaryRequest, model: str) -> _Side:
    briefs, campaign = request.briefs, request.briefs.campaigns[request.campaign]
    known = load_known_models().get(model)
    unknown = [name for name in campaign.parameters if known and name not in known.parameters]
    left_out = tuple(unknown) if model != campaign.model else ()
    changed = campaign.model_copy(
        update={
            "model": model,
            "models": (),
            "fall_back": "never",
            "parameters": {
                name: value for name, value in campaign.parameters.items() if name not in left_out
            },
        }
    )
    folder = f"{campaign.id}/{quote(model, safe='')}"
    return _Side(
        model=model,
        briefs=replace(briefs, campaigns={**briefs.campaigns, campaign.id: changed}),
        prompts=tuple(_choose_prompts(changed, briefs, request.shots)),
        paths=CanaryPaths(request.paths.home, folder),
        left_out=left_out,
    )


def _choose_prompts(campaign: Campaign, briefs: Briefs, shots: int) -> Iterator[Prompt]:
    """Yield the first prompt of each of the first shots: that of the campaign's first channel.

    Edits of other pictures are left out: the two models would start from different ones.
    """
    seen: set[str] = set()
    for prompt in expand_campaign(campaign, briefs.channels):
        if find_base(prompt, campaign) is None and prompt.shot not in seen and len(seen) < shots:
            seen.add(prompt.shot)
            yield prompt


def _due(studio: Studio, orders: Iterable[Order]) -> Iterator[Order]:
    wanted = tuple(orders)
    known = studio.purchases(wanted)
    for order in wanted:
        row = status_of(order, known)
        if row is None or not row.is_in_use:
            yield order


def _make_side(side: _Side, open_studio: OpenStudio, *, run_id: str, budget: Decimal) -> CanarySide:
    with open_studio(side.briefs, side.paths) as studio:
        compiled = studio.compile(side.prompts)
        found = {
            item.key: CanaryPicture(prompt_key=item.key, problem=item.reason)
            for item in compiled.failures
        }
        found |= _make(studio, side, compiled.orders, run_id=run_id, budget=budget)
    pictures = tuple(found[prompt.key] for prompt in side.prompts)
    return CanarySide(side.model, side.left_out, pictures)


def _make(
    studio: Studio, side: _Side, orders: Mapping[str, Order], *, run_id: str, budget: Decimal
) -> dict[str, CanaryPicture]:
    prompts = {prompt.key: prompt for prompt in side.prompts if prompt.key in orders}
    postprocessor = studio.postprocessor(prompts, orders, renders=True)
    found: dict[str, CanaryPicture] = {}
    batches = studio.make_batches(
        orders.values(), run_id=run_id, budget=budget, postprocessor=postprocessor
    )
    for outcomes in batches if orders else ():
        for outcome in outcomes:
            if isinstance(outcome, Refused | Failed):
                problem = CanaryPicture(prompt_key=outcome.key, problem=outcome.reason)
                found[outcome.key] = problem
                continue
            rendered = postprocessor.take(outcome.key)
            found[outcome.key] = _describe(outcome, rendered.record, rendered.problem or "")
    return found


def _describe(made: Generated | Reused, record: PromptRecord | None, problem: str) -> CanaryPicture:
    checks = [] if record is None else [*record.failed_checks]
    for picture in () if record is None else record.pictures:
        checks += picture.failed_checks
    return CanaryPicture(
        prompt_key=made.key,
        price_usd=made.receipt.price_usd,
        is_new=isinstance(made, Generated),
        original=made.image.sha256,
        problem=problem,
        failed=tuple(dict.fromkeys(map(tell_failure, checks))),
        likenesses=tuple(map(_tell_likeness, record.likenesses if record else ())),
    )


def _tell_likeness(facts: LikenessFacts) -> str:
    answer = facts.answer or ("same" if facts.is_like else "other")
    return f"{facts.character}: {answer} ({facts.standing:+.2f}, {facts.scorer})"
