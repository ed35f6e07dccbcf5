"""Compiles each prompt for the model of its campaign's chain that draws it.

Must not know: how a model is chosen, or how a request is compiled.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from nbp_dagster.briefs.models import Campaign
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.errors import is_outage
from nbp_dagster.prompts.expansion import Prompt, expand_campaign
from nbp_dagster.prompts.request import ImageRequest, Sheet
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ordering.compiler import Compiled, Compiler
from nbp_dagster.studio.ordering.former_requests import choose_requests
from nbp_dagster.studio.ordering.model_chain import (
    Fall,
    ModelRecord,
    choose_models,
    find_falls,
    list_rivals,
)


class ChainCompiler(Compiler):
    """A compiler that follows `models` and `fall_back` of a campaign; see `Compiler`.

    Args:
        now: Returns seconds since the epoch.
        others: Those of `Compiler`.
    """

    def __init__(self, *args: Any, now: Callable[[], float], **others: Any) -> None:
        super().__init__(*args, **others)
        self._now = now
        self._falls: dict[str, tuple[Fall, ...]] = {}
        self._rivals: Mapping[str, tuple[str, ...]] = {}

    @property
    def falls(self) -> tuple[Fall, ...]:
        """What is asked of another model than the first of its chain, as last compiled."""
        return tuple(fall for falls in self._falls.values() for fall in falls)

    def compile(self, prompts: Iterable[Prompt], *, fresh: bool = False) -> Compiled:
        """Compile prompts into priced orders; see `Compiler.compile`."""
        wanted = tuple(prompts)
        # Whichever models drew them: before each model's compiler has its part.
        self.look_up_bases(wanted)
        parts = self._split(wanted)
        return _merge(wanted, [item.compile_drawn(own, fresh=fresh) for item, own in parts])

    def sketch(
        self, prompts: Iterable[Prompt], missing: Iterable[str], bases: Iterable[str] = ()
    ) -> Compiled:
        """Compile prompts that are made of something not made yet; see `Compiler.sketch`."""
        wanted, without, edited = tuple(prompts), tuple(missing), tuple(bases)
        parts = self._split(wanted)
        return _merge(wanted, [Compiler.sketch(item, own, without, edited) for item, own in parts])

    def _split(self, prompts: Sequence[Prompt]) -> list[tuple[Self, tuple[Prompt, ...]]]:
        """Return the prompts by the compiler of their model; all are with this one as a rule."""
        campaigns = (self.briefs.campaigns[prompt.campaign] for prompt in prompts)
        falling = {item.id: item for item in campaigns if item.fall_back != "never"}
        if not falling:
            return [(self, tuple(prompts))]
        compilers: dict[tuple[str, str], Self] = {}
        chosen: dict[str, str] = {}
        for campaign in falling.values():
            models, at_model = self._follow_chain(campaign)
            chosen |= models
            compilers |= {(campaign.id, model): item for model, item in at_model.items()}
        groups: dict[tuple[str, str] | None, list[Prompt]] = {}
        for prompt in prompts:
            place = (prompt.campaign, chosen[prompt.key]) if prompt.campaign in falling else None
            groups.setdefault(place, []).append(prompt)
        return [
            (self if place is None else compilers[place], tuple(members))
            for place, members in groups.items()
        ]

    def _follow_chain(self, campaign: Campaign) -> tuple[dict[str, str], dict[str, Self]]:
        """Return the model of each of a campaign's prompts, and the compiler of each model."""
        prompts, now = expand_campaign(campaign, self.briefs.channels), self._now()
        sheets = self.sheets(key for prompt in prompts for key in self.sheets_of(prompt))
        compilers = {model: self._at(campaign, model) for model in campaign.chain}
        records = [
            compiler._read_record(model, prompts, sheets) for model, compiler in compilers.items()
        ]
        models = choose_models(campaign, prompts, records, now=now)
        self._falls[campaign.id] = find_falls(campaign, models, records, now=now)
        for model, compiler in compilers.items():
            own = [key for key, drawn_by in models.items() if drawn_by == model]
            compiler._rivals = {key: list_rivals(key, model, records) for key in own}
        return models, compilers

    def _read_record(
        self, model: str, prompts: Sequence[Prompt], sheets: Mapping[str, Sheet]
    ) -> ModelRecord:
        requests: dict[str, ImageRequest] = {}
        for prompt in prompts:
            try:
                requests[prompt.key] = self._request(prompt, sheets)
            except NbpError as error:
                # Its own compilation tells why; only a service that is away says nothing of it.
                if is_outage(error):
                    raise
        former = self._former(prompts, requests, sheets)
        current = choose_requests(self._ledger, requests, former, fresh=False)
        known = self._ledger.latest(item.fingerprint for item in current.values())
        return ModelRecord(
            model=model,
            is_gone=self.models.is_gone(model),
            requests=requests,
            purchases={
                key: known[item.fingerprint]
                for key, item in current.items()
                if item.fingerprint in known
            },
        )

    def _at(self, campaign: Campaign, model: str) -> Self:
        """Return a compiler of the same briefs in which a campaign has another model."""
        twin = copy.copy(self)
        changed = campaign.model_copy(update={"model": model})
        twin.briefs = replace(
            self.briefs, campaigns={**self.briefs.campaigns, campaign.id: changed}
        )
        return twin

    def _order(self, prompt: Prompt, request: ImageRequest) -> Order:
        order = super()._order(prompt, request)
        rivals = self._rivals.get(prompt.key, ())
        return _with_rivals(order, rivals) if rivals else order


def _with_rivals(order: Order, rivals: tuple[str, ...]) -> Order:
    softer = order.on_refusal and _with_rivals(order.on_refusal, rivals)
    return replace(order, rivals=rivals, on_refusal=softer)


def _merge(prompts: Sequence[Prompt], parts: Sequence[Compiled]) -> Compiled:
    """Return the parts as one, in the order of the prompts."""
    if len(parts) == 1:
        return parts[0]
    orders = {key: order for part in parts for key, order in part.orders.items()}
    failures = {item.key: item for part in parts for item in part.failures}
    return Compiled(
        orders={prompt.key: orders[prompt.key] for prompt in prompts if prompt.key in orders},
        failures=tuple(failures[prompt.key] for prompt in prompts if prompt.key in failures),
        sheets={key: sheet for part in parts for key, sheet in part.sheets.items()},
        unpinned={key: text for part in parts for key, text in part.unpinned.items()},
        waiting={key: base for part in parts for key, base in part.waiting.items()},
    )
