"""From prompts and characters to priced orders: quotes, character sheets, requests."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from nbp_dagster.brand.briefs import Briefs
from nbp_dagster.brand.images import resolve_source
from nbp_dagster.brand.models import DEFAULT_MODEL, Campaign
from nbp_dagster.brand.plan import Prompt
from nbp_dagster.brand.requests import (
    Provider,
    Sheet,
    compile_request,
    compile_sheet_request,
    reference_sources,
)
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.studio.outcomes import Failed, Order, Outcome, Reused
from nbp_dagster.studio.quoting import Quote, build_order, fetch_quote
from nbp_dagster.studio.references import References
from nbp_dagster.studio.rendering import scene_of
from nbp_dagster.studio.store import ImageStore


@dataclass(frozen=True)
class Compiled:
    """Prompts turned into orders, and those that can't be.

    Attributes:
        orders: By prompt key, in the order asked.
        failures: Prompts whose request breaks a rule, each with the reason.
        sheets: The character sheets there were, by `brand/character`.
    """

    orders: Mapping[str, Order]
    failures: tuple[Failed, ...]
    sheets: Mapping[str, Sheet]


class Compiler:
    """Compiles the briefs of one run; asks the service for each model and reference once.

    Args:
        briefs: What to make.
        client: The service.
        references: Knows the digests of supplied images.
        store: Where generated sheets are.
        provider: Who draws.
        find_made: Tells what the ledger holds of orders.
    """

    def __init__(
        self,
        briefs: Briefs,
        *,
        client: OxenClient,
        references: References,
        store: ImageStore,
        provider: Provider,
        find_made: Callable[[Iterable[Order]], Iterator[Outcome]],
    ) -> None:
        self.briefs = briefs
        self.provider = provider
        self._client = client
        self._references = references
        self._store = store
        self._find_made = find_made
        self._quotes: dict[str, Quote] = {}
        self._sources_by_campaign: dict[str, tuple[str, ...]] = {}
        self._compiled_sheets: dict[str, Sheet] = {}

    def quote(self, model_id: str) -> Quote:
        """Return the service's word on a model, asked once a run.

        Raises:
            OxenError: The service can't be asked, or knows no such model.
        """
        if model_id not in self._quotes:
            self._quotes[model_id] = fetch_quote(self._client, model_id)
        return self._quotes[model_id]

    def price(self, campaign: Campaign) -> Decimal:
        """Return the USD an image of a campaign costs.

        Raises:
            UnpricedModel: The service states no price.
        """
        quote = self.quote(campaign.model)
        parameters = {**campaign.parameters, "resolution": campaign.resolution}
        given = None if campaign.price_usd is None else Decimal(str(campaign.price_usd))
        return quote.price(parameters, campaign.id, given=given)

    def sheet_order(self, sheet_key: str) -> Order | None:
        """Return the order for a character's sheet; None when its references are supplied."""
        brand_id, character_id = sheet_key.split("/")
        if self.briefs.brands[brand_id].characters[character_id].references:
            return None
        quote = self.quote(DEFAULT_MODEL)
        request = compile_sheet_request(
            self.briefs, sheet_key, provider=self.provider, capabilities=quote.capabilities
        )
        price = quote.price(request.parameters, sheet_key)
        return build_order(request, price=price, scope=f"brand:{brand_id}")

    def sheets(self, keys: Iterable[str]) -> dict[str, Sheet]:
        """Return those of the given character sheets that exist: supplied, or made already."""
        found: dict[str, Sheet] = {}
        orders: dict[str, Order] = {}
        for key in dict.fromkeys(keys):
            order = self.sheet_order(key)
            if order is None:
                found[key] = self._adopted(key)
            else:
                orders[key] = order
        for outcome in self._find_made(orders.values()):
            if isinstance(outcome, Reused):
                found[outcome.key] = generated_sheet(outcome.key, outcome.image.sha256)
        return found

    def compile(self, prompts: Iterable[Prompt]) -> Compiled:
        """Turn prompts into priced orders; what can't be asked for fails before any spending.

        Raises:
            OxenError: The service can't be asked for the model or a reference.
        """
        wanted = tuple(prompts)
        sheets = self.sheets(key for prompt in wanted for key in self.sheets_of(prompt))
        self._compiled_sheets.update(sheets)
        orders: dict[str, Order] = {}
        failures: list[Failed] = []
        for prompt in wanted:
            try:
                orders[prompt.key] = self._order(prompt, sheets)
            except NbpError as error:
                failures.append(Failed(prompt.key, "", str(error), "rejected"))
        return Compiled(orders=orders, failures=tuple(failures), sheets=sheets)

    def sheets_of(self, prompt: Prompt) -> tuple[str, ...]:
        """Return the character sheets a prompt is anchored to, as `brand/character`."""
        scene = scene_of(self.briefs, prompt)
        return tuple(f"{scene.brand.id}/{character}" for character in scene.shot.characters)

    def has_sheet(self, sheet: Sheet) -> bool:
        """Whether a sheet's images are at hand; supplied ones lie with the briefs."""
        return sheet.origin == "adopted" or all(map(self._store.has, sheet.digests))

    def cast_version(self, prompt: Prompt) -> str:
        """Return the data version of the sheets a prompt was compiled with, together."""
        sheets = self._compiled_sheets
        found = (sheets[key] for key in self.sheets_of(prompt) if key in sheets)
        return ",".join(map(sheet_version, found)) or "none"

    def _order(self, prompt: Prompt, sheets: Mapping[str, Sheet]) -> Order:
        campaign = self.briefs.campaigns[prompt.campaign]
        quote = self.quote(campaign.model)
        request = compile_request(
            self.briefs,
            prompt,
            provider=self.provider,
            capabilities=quote.capabilities,
            sheets=sheets,
            digests=self._references.digests(self._sources(prompt.campaign)),
        )
        return build_order(
            request,
            price=self.price(campaign),
            scope=prompt.campaign,
            shot=prompt.shot,
            softer=campaign.soften_tries if campaign.on_refusal == "soften" else 0,
        )

    def _sources(self, campaign: str) -> tuple[str, ...]:
        """The supplied images of a campaign, looked up once."""
        if campaign not in self._sources_by_campaign:
            self._sources_by_campaign[campaign] = reference_sources(self.briefs, campaign)
        return self._sources_by_campaign[campaign]

    def _adopted(self, sheet_key: str) -> Sheet:
        brand_id, character_id = sheet_key.split("/")
        supplied = self.briefs.brands[brand_id].characters[character_id].references
        sources = tuple(map(resolve_source, supplied))
        digests = self._references.digests(sources)
        return Sheet(
            key=sheet_key,
            digests=tuple(digests[source] for source in sources),
            sources=sources,
            origin="adopted",
        )


def generated_sheet(sheet_key: str, digest: str) -> Sheet:
    """Return the sheet that a finished sheet order brought."""
    return Sheet(
        key=sheet_key, digests=(digest,), sources=(f"sheet:{sheet_key}",), origin="generated"
    )


def sheet_version(sheet: Sheet) -> str:
    """Return a sheet's data version: the digests of its images."""
    return "+".join(digest[:16] for digest in sheet.digests)
