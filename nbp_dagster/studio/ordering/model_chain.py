"""Chooses which model of a campaign's chain draws each prompt; nothing paid is bought again.

Everything it needs is in the ledger and the catalogue, so that a run that was killed is followed by
one that chooses the same. Must not know: how requests are compiled, or how they are bought.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nbp_dagster.briefs.models import Campaign
from nbp_dagster.oxen.words.limits import is_at_capacity
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.request import MOST_SOFTENINGS, ImageRequest, soften_request
from nbp_dagster.studio.ledger.purchases import Purchase

CAPACITY_SECONDS = 1800.0
"""For how long a model counts as at capacity after it has said so. Nothing is published of how long
that lasts; the next run after half an hour asks it again. Our choice."""


@dataclass(frozen=True)
class ModelRecord:
    """What a campaign's prompts would ask of one model, and what the ledger holds of it.

    Attributes:
        model: The model's id.
        is_gone: Whether the catalogue has it no more.
        requests: Its request of each prompt that can be compiled for it, by prompt key.
        purchases: The purchase that decides each of them, by prompt key; former forms count.
    """

    model: str
    is_gone: bool
    requests: Mapping[str, ImageRequest] = field(default_factory=dict)
    purchases: Mapping[str, Purchase] = field(default_factory=dict)

    def is_in_use(self, prompt_key: str) -> bool:
        """Whether a prompt is made, open or refused at this model: it stays there."""
        row = self.purchases.get(prompt_key)
        return row is not None and row.is_in_use

    def is_at_capacity(self, now: float) -> bool:
        """Whether it has said so lately, and has made nothing since.

        Args:
            now: Seconds since the epoch.
        """
        rows = self.purchases.values()
        busy = [
            _moment(row)
            for row in rows
            if row.state in ("failed", "withdrawn") and is_at_capacity(row.reason)
        ]
        if not busy or max(busy) < now - CAPACITY_SECONDS:
            return False
        made = [_moment(row) for row in rows if row.state == "made"]
        return max(made, default=0.0) <= max(busy)


@dataclass(frozen=True)
class Fall:
    """Prompts of a campaign that another model than the first draws, and why.

    Attributes:
        campaign: Its id.
        model: The model that draws them.
        reason: Why the first one does not.
        prompts: Their number.
    """

    campaign: str
    model: str
    reason: str
    prompts: int

    def in_words(self) -> str:
        """Return one line for people."""
        what = "prompt is" if self.prompts == 1 else "prompts are"
        return f"{self.campaign}: {self.prompts} {what} asked of {self.model}: {self.reason}"


def choose_models(
    campaign: Campaign, prompts: Iterable[Prompt], records: Sequence[ModelRecord], *, now: float
) -> dict[str, str]:
    """Return the model that draws each prompt of a campaign, by prompt key.

    A prompt that is made, open or refused at a model stays there, at the first of several. Another
    one goes where its shot is already (with `fall_back: shot`), else to the first model that the
    catalogue has and that is not at capacity; to the first of the catalogue where all are.

    Args:
        campaign: With a chain of models.
        prompts: All of its prompts: those of a shot decide for each other.
        records: One for each model of the chain, in its order.
        now: Seconds since the epoch.
    """
    wanted = tuple(prompts)
    used = {
        prompt.key: next((item.model for item in records if item.is_in_use(prompt.key)), None)
        for prompt in wanted
    }
    order = [item.model for item in records]
    of_shot: dict[str, str] = {}
    if campaign.fall_back == "shot":
        for prompt in wanted:
            model = used[prompt.key]
            known = of_shot.get(prompt.shot)
            if model and (known is None or order.index(model) < order.index(known)):
                of_shot[prompt.shot] = model
    first = _first_available(records, now)
    return {prompt.key: used[prompt.key] or of_shot.get(prompt.shot, first) for prompt in wanted}


def find_falls(
    campaign: Campaign, chosen: Mapping[str, str], records: Sequence[ModelRecord], *, now: float
) -> tuple[Fall, ...]:
    """Return which prompts another model than the chain's first draws, and why."""
    first = records[0]
    if first.is_gone:
        reason = f"{first.model} is not in the service's catalogue"
    elif first.is_at_capacity(now):
        reason = f"{first.model} is at capacity"
    else:
        reason = f"they are there since {first.model} was not to be had"
    models = list(chosen.values())
    return tuple(
        Fall(campaign.id, item.model, reason, models.count(item.model))
        for item in records[1:]
        if item.model in models
    )


def list_rivals(prompt_key: str, model: str, records: Iterable[ModelRecord]) -> tuple[str, ...]:
    """Return the fingerprints that the other models of the chain have for a prompt."""
    requests = (
        item.requests[prompt_key]
        for item in records
        if item.model != model and prompt_key in item.requests
    )
    return tuple(
        each.fingerprint
        for request in requests
        for each in (request, *soften_request(request, MOST_SOFTENINGS))
    )


def _first_available(records: Sequence[ModelRecord], now: float) -> str:
    there = [item for item in records if not item.is_gone]
    free = [item for item in there if not item.is_at_capacity(now)]
    return (free or there or records)[0].model


def _moment(row: Purchase) -> float:
    """Return when a purchase ended, or the last moment that is known of it."""
    return row.completed_at or row.enqueued_at or row.intended_at
