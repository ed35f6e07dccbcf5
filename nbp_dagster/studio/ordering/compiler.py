"""Compiles prompts into priced orders: quotes, character sheets, references and requests."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, partial

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.models import Campaign
from nbp_dagster.briefs.supplied_images import (
    SuppliedImage,
    brand_images,
    campaign_images,
    shot_images,
)
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import OxenError, is_outage
from nbp_dagster.prompts.expansion import Prompt, find_drawn_forms, group_channels
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import (
    ImageRequest,
    Provider,
    Sheet,
    compile_request,
)
from nbp_dagster.prompts.request_changes import PENDING_DIGEST
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Failed, Order
from nbp_dagster.studio.ledger.sheet_pins import PinLog
from nbp_dagster.studio.ordering.character_sheets import (
    CharacterSheets,
    SheetStatus,
    generated_sheet,
)
from nbp_dagster.studio.ordering.edit_bases import EditBase, EditBases, FindBases, find_no_bases
from nbp_dagster.studio.ordering.former_requests import Former, choose_requests, former_briefs
from nbp_dagster.studio.ordering.model_memory import ModelMemory
from nbp_dagster.studio.ordering.model_watch import ModelWatch, find_lost
from nbp_dagster.studio.ordering.order_builder import Quote, UnpricedModel, build_order, fetch_quote
from nbp_dagster.studio.references.provided_sheets import Digests, use_supplied_sheet
from nbp_dagster.studio.references.reference_files import ReferenceFiles
from nbp_dagster.studio.storage.documents import Documents
from nbp_dagster.studio.storage.image_store import ImageStore
from nbp_dagster.studio.typography.copy_fit import check_copy_fits


@dataclass(frozen=True)
class Compiled:
    """Prompts turned into orders, and those that can't be.

    Attributes:
        orders: By prompt key, in the order of the prompts.
        failures: Prompts whose request breaks a rule, each with the reason.
        sheets: The character sheets that exist, by `brand/character`.
        unpinned: The message for each sheet that is made and not pinned, by `brand/character`.
        waiting: What the edits among the failures wait for, by prompt key: a picture to be made,
            or its approval.
    """

    orders: Mapping[str, Order]
    failures: tuple[Failed, ...]
    sheets: Mapping[str, Sheet]
    unpinned: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, EditBase] = field(default_factory=dict)

    @property
    def for_review(self) -> dict[str, str]:
        """The edits that a person's approval alone keeps waiting, with what they wait for."""
        return {key: base.waits_for for key, base in self.waiting.items() if base.is_for_review}


class Compiler:
    """Compiles the briefs of one run; fetches each model and reference once.

    Attributes:
        character_sheets: Resolves the sheet of each character.
        edit_bases: The pictures that edits start from.
        models: The models, and what is new of them since the last run.

    Args:
        briefs: The briefs.
        client: The service.
        references: Digests the supplied images.
        store: Holds the generated sheets.
        provider: "oxen" or "simulator".
        ledger: The purchases of sheets.
        pins: The pins of sheets.
        models: The models as the last run saw them.
        find_bases: Looks up the pictures that edits start from.
    """

    def __init__(
        self,
        briefs: Briefs,
        *,
        client: OxenClient,
        references: ReferenceFiles,
        store: ImageStore,
        provider: Provider,
        ledger: Ledger,
        pins: PinLog,
        models: Documents,
        find_bases: FindBases = find_no_bases,
    ) -> None:
        self.briefs = briefs
        self.edit_bases = EditBases(briefs, find_bases)
        self.models = ModelWatch(briefs, ModelMemory(models), fetch=partial(fetch_quote, client))
        self.provider = provider
        self._ledger = ledger
        self._references = references
        self._store = store
        self.character_sheets = CharacterSheets(
            briefs,
            provider=provider,
            quote=self.quote,
            references=references,
            ledger=ledger,
            pins=pins,
        )
        self._sources_by_shot: dict[tuple[str, str], tuple[str, ...]] = {}
        self._sheet_faults: dict[str, NbpError] = {}
        self._compiled_sheets: dict[str, Sheet] = {}
        self._brand_sheets: dict[str, Mapping[str, Sheet]] = {}

    def quote(self, model_id: str) -> Quote:
        """Return the quote of a model, fetched once a run; see `ModelWatch.quote`."""
        return self.models.quote(model_id)

    def price(self, campaign: Campaign) -> Decimal:
        """Return the price in USD of an image of a campaign.

        Raises:
            UnpricedModel: The service states no price.
        """
        quote = self.quote(campaign.model)
        parameters = {**campaign.parameters, "resolution": campaign.resolution}
        given = None if campaign.price_usd is None else Decimal(str(campaign.price_usd))
        return quote.price(parameters, campaign.id, given=given)

    def sheets(self, keys: Iterable[str]) -> dict[str, Sheet]:
        """Return those of the given character sheets that exist: supplied, or made and pinned.

        One whose supplied images can't be used is left out; see `require_references`.
        """
        statuses = self.character_sheets.statuses(keys).values()
        return {item.key: item.sheet for item in statuses if item.sheet is not None}

    def brand_sheets(self, brand_id: str) -> Mapping[str, Sheet]:
        """Return the existing sheets of a brand's characters, as of the last `compile`."""
        if brand_id not in self._brand_sheets:
            characters = self.briefs.brands[brand_id].characters
            self._brand_sheets[brand_id] = self.sheets(f"{brand_id}/{name}" for name in characters)
        return self._brand_sheets[brand_id]

    def compile(self, prompts: Iterable[Prompt], *, fresh: bool = False) -> Compiled:
        """Compile prompts into priced orders; an invalid request fails before any spending.

        Args:
            prompts: The prompts.
            fresh: They are bought again on purpose, so in the form of today.

        Raises:
            OxenError: The service is out of reach.
        """
        wanted = tuple(prompts)
        self.look_up_bases(wanted)
        return self.compile_drawn(wanted, fresh=fresh)

    def look_up_bases(self, prompts: Iterable[Prompt]) -> None:
        """Look up the pictures that the edits among some prompts start from; buys nothing."""
        bases = self.edit_bases.prompts_of(prompts)
        if bases:
            drawn = self.compile(bases)
            self.edit_bases.take(drawn.orders.values(), drawn.failures)

    def compile_drawn(self, wanted: Sequence[Prompt], *, fresh: bool) -> Compiled:
        """Compile prompts whose bases were looked up; see `compile`."""
        # A sheet may have been made or pinned since.
        self._brand_sheets.clear()
        statuses = self.character_sheets.statuses(
            key for prompt in wanted for key in self.sheets_of(prompt)
        )
        sheets = {key: item.sheet for key, item in statuses.items() if item.sheet is not None}
        unpinned = {key: item.ask_for_pin() for key, item in statuses.items() if item.waits_for_pin}
        self._sheet_faults = {
            key: item.fault for key, item in statuses.items() if item.fault is not None
        }
        self._compiled_sheets.update(sheets)
        failures: dict[str, Failed] = {}
        requests: dict[str, ImageRequest] = {}
        held: dict[str, EditBase] = {}
        for prompt in wanted:
            base = self.edit_bases.find_wait(prompt)
            if base is not None:
                held[prompt.key] = base
                failures[prompt.key] = _reject(prompt, f"it is an edit, and {base.waits_for}")
                continue
            waiting = [unpinned[key] for key in self.sheets_of(prompt) if key in unpinned]
            try:
                if waiting:
                    failures[prompt.key] = _reject(prompt, "; ".join(waiting))
                else:
                    requests[prompt.key] = self._request(prompt, sheets)
            except NbpError as error:
                failures[prompt.key] = _reject_faulty(prompt, error)
        chosen = choose_requests(
            self._ledger, requests, self._former(wanted, requests, sheets), fresh=fresh
        )
        lost = find_lost(self._ledger, chosen, self.models, fresh=fresh)
        orders: dict[str, Order] = {}
        for prompt in wanted:
            if prompt.key not in chosen:
                continue
            if prompt.key in lost:
                failures[prompt.key] = _reject(prompt, lost[prompt.key], is_unpriced=True)
                continue
            try:
                orders[prompt.key] = self._order(prompt, chosen[prompt.key])
            except NbpError as error:
                failures[prompt.key] = _reject_faulty(prompt, error)
        in_order = tuple(failures[prompt.key] for prompt in wanted if prompt.key in failures)
        return Compiled(
            orders=orders, failures=in_order, sheets=sheets, unpinned=unpinned, waiting=held
        )

    def former_orders(self, prompts: Iterable[Prompt], compiled: Compiled) -> tuple[Order, ...]:
        """Return the orders of former forms of compiled prompts' requests, to look for them.

        Raises:
            NbpError: A form can't be compiled or sent.
        """
        wanted = {prompt.key: prompt for prompt in prompts if prompt.key in compiled.orders}
        former = self._former(wanted.values(), wanted, compiled.sheets)
        return tuple(
            self._order(wanted[key], request)
            for key, compile_former in former.items()
            for request in compile_former()
        )

    def sketch(
        self, prompts: Iterable[Prompt], missing: Iterable[str], bases: Iterable[str] = ()
    ) -> Compiled:
        """Compile prompts that are made of something that is not made yet, to be looked at only.

        Args:
            prompts: The prompts, each with a sheet among the missing, or an edit of a base.
            missing: Keys of those sheets; their bytes are `PENDING_DIGEST`, so that fingerprints
                are none of a request that will be sent.
            bases: Keys of the prompts whose pictures are to be made, and edited; likewise.

        Raises:
            OxenError: The model or a reference can't be fetched.
        """
        wanted = tuple(prompts)
        statuses = self.character_sheets.statuses(
            key for prompt in wanted for key in self.sheets_of(prompt)
        )
        sheets = {key: item.sheet for key, item in statuses.items() if item.sheet is not None}
        sheets |= {key: generated_sheet(key, PENDING_DIGEST) for key in missing}
        self.edit_bases.sketch(bases)
        self._sheet_faults.update(
            (key, item.fault) for key, item in statuses.items() if item.fault is not None
        )
        orders: dict[str, Order] = {}
        failures: list[Failed] = []
        for prompt in wanted:
            try:
                orders[prompt.key] = self._order(prompt, self._request(prompt, sheets))
            except NbpError as error:
                failures.append(_reject_faulty(prompt, error))
        return Compiled(orders=orders, failures=tuple(failures), sheets=sheets)

    def sheets_of(self, prompt: Prompt) -> tuple[str, ...]:
        """Return the keys of the character sheets a prompt refers to, as `brand/character`."""
        context = render_context_of(self.briefs, prompt)
        return tuple(f"{context.brand.id}/{character}" for character in context.shot.characters)

    def has_sheet(self, sheet: Sheet) -> bool:
        """Whether a sheet's images are in the store; supplied ones are with the briefs."""
        return sheet.origin == "adopted" or all(map(self._store.has, sheet.digests))

    def sheets_version(self, prompt: Prompt) -> str:
        """Return the data version of the sheets a prompt was compiled with, together."""
        sheets = self._compiled_sheets
        found = (sheets[key] for key in self.sheets_of(prompt) if key in sheets)
        return ",".join(map(sheet_version, found)) or "none"

    def require_references(self, campaigns: Iterable[str]) -> None:
        """Make sure that every image some campaigns may send can be used; fetches URLs.

        Raises:
            BriefError: Some can't; every one of them is named, with its file and line.
        """
        self._references.require(
            image for campaign in campaigns for image in campaign_images(self.briefs, campaign)
        )

    def require_sheets(self, keys: Iterable[str]) -> None:
        """Make sure that the images of supplied sheets can be used.

        For a generated sheet every image of its brand is checked: it is paid, and useless without
        pictures.

        Raises:
            BriefError: Some can't; every one of them is named, with its file and line.
        """
        self._references.require(image for key in keys for image in self._images_behind(key))

    def _images_behind(self, sheet_key: str) -> Iterator[SuppliedImage]:
        brand_id, _, character_id = sheet_key.partition("/")
        brand = self.briefs.brands[brand_id]
        supplied = brand.characters[character_id].references
        for image in brand_images(brand):
            if not supplied or image.key[:2] == ("characters", character_id):
                yield image

    def _request(self, prompt: Prompt, sheets: Mapping[str, Sheet]) -> ImageRequest:
        for key in self.sheets_of(prompt):
            if key in self._sheet_faults:
                raise self._sheet_faults[key]
        check_copy_fits(render_context_of(self.briefs, prompt))
        digests = self._references.digests(self._sources(prompt))
        return self._compile(self.briefs, prompt, sheets, digests)

    def _order(self, prompt: Prompt, request: ImageRequest) -> Order:
        campaign = self.briefs.campaigns[prompt.campaign]
        self._references.require_sendable(request)
        return build_order(
            request,
            price=self.price(campaign),
            scope=prompt.campaign,
            shot=prompt.shot,
            softer=campaign.soften_tries if campaign.on_refusal == "soften" else 0,
        )

    def _former(
        self,
        prompts: Iterable[Prompt],
        valid: Container[str],
        sheets: Mapping[str, Sheet],
    ) -> dict[str, Former]:
        """Return how the former forms of requests are compiled, by prompt.

        Files were once identified by more than their pixels, channels may have been corrected, and
        the words of banners were once drawn.
        """
        older = [
            (digests_of, cache(partial(self._sheets_before, sheets, digests_of)))
            for digests_of in self._references.former_digests
        ]
        # The prompts of a campaign share a few groups of channels.
        corrected = cache(partial(former_briefs, self.briefs))
        groups_of = cache(self._groups_of)
        found: dict[str, Former] = {}
        for prompt in (prompt for prompt in prompts if prompt.key in valid):
            sources = self._sources(prompt)
            digests = self._references.digests(sources)
            drawn = find_drawn_forms(prompt, *groups_of(prompt.campaign))
            forms = [
                (briefs, form)
                for form in (prompt, *drawn)
                for briefs in (self.briefs, *corrected(form.channels))
            ]
            files: list[tuple[Callable[[], Mapping[str, Sheet]], Mapping[str, str]]]
            files = [(lambda: sheets, digests)]
            for digests_of, older_sheets in older:
                before = digests_of(sources)
                if before not in [known for _, known in files]:
                    files.append((older_sheets, before))
            if len(forms) * len(files) > 1:
                found[prompt.key] = partial(self._compile_former, forms, files)
        return found

    def _groups_of(self, campaign_id: str) -> tuple[Campaign, Mapping[str, tuple[str, ...]]]:
        """Return a campaign, and the ids of its channels by ratio."""
        campaign = self.briefs.campaigns[campaign_id]
        return campaign, group_channels(campaign, self.briefs.channels)

    def _compile_former(
        self,
        forms: Iterable[tuple[Briefs, Prompt]],
        files: Sequence[tuple[Callable[[], Mapping[str, Sheet]], Mapping[str, str]]],
    ) -> tuple[ImageRequest, ...]:
        every = [
            self._compile(briefs, form, sheets(), digests)
            for briefs, form in forms
            for sheets, digests in files
        ]
        return tuple(every[1:])

    def _sheets_before(self, sheets: Mapping[str, Sheet], digests_of: Digests) -> dict[str, Sheet]:
        """Return sheets with the digests that files had before."""
        return {
            key: use_supplied_sheet(self.briefs, key, digests_of)
            if sheet.origin == "adopted"
            else sheet
            for key, sheet in sheets.items()
        }

    def _compile(
        self,
        briefs: Briefs,
        prompt: Prompt,
        sheets: Mapping[str, Sheet],
        digests: Mapping[str, str],
    ) -> ImageRequest:
        return compile_request(
            briefs,
            prompt,
            provider=self.provider,
            capabilities=self.quote(self.briefs.campaigns[prompt.campaign].model).capabilities,
            sheets=sheets,
            digests=digests,
            originals=self.edit_bases.digests_for(prompt),
        )

    def _sources(self, prompt: Prompt) -> tuple[str, ...]:
        """Return the sources of a shot's supplied images, looked up once."""
        key = (prompt.campaign, prompt.shot)
        if key not in self._sources_by_shot:
            campaign = self.briefs.campaigns[prompt.campaign]
            brand, shot = self.briefs.brands[campaign.brand], campaign.shot(prompt.shot)
            images = shot_images(brand, campaign, shot)
            self._sources_by_shot[key] = tuple(dict.fromkeys(image.source for image in images))
        return self._sources_by_shot[key]


def _reject(prompt: Prompt, reason: str, *, is_unpriced: bool = False) -> Failed:
    return Failed(prompt.key, "", reason, "rejected", is_unpriced)


def _reject_faulty(prompt: Prompt, error: NbpError) -> Failed:
    # A service that is away says nothing of this prompt, and the next would wait too.
    if is_outage(error):
        raise error
    return _reject(prompt, str(error), is_unpriced=isinstance(error, UnpricedModel | OxenError))


def sheet_version(sheet: Sheet) -> str:
    """Return a sheet's data version: the digests of its images."""
    return "+".join(digest[:16] for digest in sheet.digests)


def status_version(status: SheetStatus) -> str:
    """Return the data version of a sheet's status; pinning changes it."""
    if status.sheet is not None:
        return sheet_version(status.sheet)
    return "+".join(["unpinned", *(item.digest[:16] for item in status.choices)])
