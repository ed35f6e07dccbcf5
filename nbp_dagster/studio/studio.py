"""Facade over briefs, client, ledger and store; one method per asset."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial

from PIL import Image

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.images import resolve_source
from nbp_dagster.briefs.models import Brand
from nbp_dagster.briefs.supplied_images import hash_brand
from nbp_dagster.prompts.expansion import Prompt, expand
from nbp_dagster.prompts.render_context import RenderContext, render_context_of
from nbp_dagster.studio.checks.characters.calibration import Calibrations
from nbp_dagster.studio.checks.edits.edit_checker import EditChecker
from nbp_dagster.studio.checks.measure_characters import Measurer, Measuring
from nbp_dagster.studio.checks.ocr.proofread import Proofreader
from nbp_dagster.studio.checks.original_checker import OriginalChecker
from nbp_dagster.studio.imaging.c2pa import Credentials
from nbp_dagster.studio.imaging.decode_limiter import DecodeLimiter
from nbp_dagster.studio.ledger.accounts import Account, resolve_account
from nbp_dagster.studio.ledger.budget import Cap, day_cap, list_caps
from nbp_dagster.studio.ledger.correction_log import CorrectionLog
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.ledger_mark import LedgerMark
from nbp_dagster.studio.ledger.orders import Failed, Made, Order, Outcome, Reused
from nbp_dagster.studio.ledger.owner_leases import take_lease
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.ledger.sheet_pins import PinLog
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.manifest.records import PromptRecord, PromptRecords, version_of
from nbp_dagster.studio.options import DAILY_BUDGET_OPTION, StudioOptions
from nbp_dagster.studio.ordering.chain_compiler import ChainCompiler
from nbp_dagster.studio.ordering.compiler import Compiled
from nbp_dagster.studio.ordering.current_prices import CurrentPrices
from nbp_dagster.studio.provenance.picture_index import PictureIndex
from nbp_dagster.studio.purchasing.batch_context import BuyerOptions
from nbp_dagster.studio.purchasing.collector import Collector, ImagePostprocessor
from nbp_dagster.studio.purchasing.engine import Engine
from nbp_dagster.studio.purchasing.order_groups import OrderGroups, status_of
from nbp_dagster.studio.purchasing.originals import Originals
from nbp_dagster.studio.references.reference_files import ReferenceFiles
from nbp_dagster.studio.references.uploads import DeliveryOptions
from nbp_dagster.studio.regeneration_rules import Regenerations
from nbp_dagster.studio.renditions.inspector import Inspector
from nbp_dagster.studio.renditions.postprocessor import Postprocessor, RenderInputs
from nbp_dagster.studio.renditions.renderer import Logo, Renderer
from nbp_dagster.studio.renditions.rendition_changes import find_rendition_changes
from nbp_dagster.studio.report.spending import SpendingLog
from nbp_dagster.studio.review.decision_log import DecisionLog
from nbp_dagster.studio.review.editable import find_edit_bases
from nbp_dagster.studio.service import Secrets, Service, Tuning
from nbp_dagster.studio.sets.logo_files import make_logo_files
from nbp_dagster.studio.sets.manifest_builder import assemble, commit_of
from nbp_dagster.studio.shared_state.state import open_home_ledger, open_state, owners_folder
from nbp_dagster.studio.sharing.shared_sets import SharedSets
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.open_store import open_places


@contextmanager
def open_studio(
    briefs: Briefs,
    service: Service,
    paths: StudioPaths,
    options: StudioOptions,
    *,
    secrets: Secrets | None = None,
    tuning: Tuning | None = None,
    daily_budget_setting: str = DAILY_BUDGET_OPTION,
) -> Iterator["Studio"]:
    """Open a studio, and give the ledger's connections back after.

    Args:
        briefs: Those of the studio.
        service: Who draws.
        paths: Folders of the state.
        options: How it works and what it may spend.
        secrets: Ledger address and signing key; none where None.
        tuning: Waiting times and failpoints; the usual ones where None.
        daily_budget_setting: What the day's budget is set by, for the error that it is used up.

    Raises:
        SigningError: Content credentials are configured and can't be signed.
        NoUploadTarget: References are to be uploaded and there is no repository.
    """
    studio = Studio(
        briefs,
        service,
        paths,
        options,
        secrets=secrets or Secrets(),
        tuning=tuning or Tuning(),
        daily_budget_setting=daily_budget_setting,
    )
    try:
        yield studio
    finally:
        studio.close()


class Studio:
    """The parts of one run, opened once a run; safe to use from one thread.

    Example:
        >>> with open_studio(briefs, service, paths, StudioOptions()) as studio:
        ...     compiled = studio.compile(studio.prompts)
        ...     for outcome in studio.make(compiled.orders.values(), run_id="by hand"):
        ...         print(outcome.key)
    """

    def __init__(
        self,
        briefs: Briefs,
        service: Service,
        paths: StudioPaths,
        options: StudioOptions,
        *,
        secrets: Secrets,
        tuning: Tuning,
        daily_budget_setting: str,
    ) -> None:
        credentials = Credentials.load(key=secrets.c2pa_key, certificate=secrets.c2pa_cert)
        client, clock = service.client, service.clock
        self.briefs = briefs
        self.provider = service.provider
        self.paths, self.options = paths, options
        places = open_places(paths.store, secrets.store_url, cache_gb=options.store_cache_gb)
        self.store, self.sets = places.images, SharedSets(paths, places, clock=clock)
        database = open_home_ledger(paths, secrets.ledger_url, lock_timeout=tuning.lock_timeout)
        account = Account()
        if service.provider == "oxen":
            account = resolve_account(database, client.payer, name=options.account)
        self.ledger = Ledger(database, clock=clock, account=account)
        self.ledger_mark = LedgerMark(paths.store, database, clock=clock, shared=places.shared)
        self.regenerations = Regenerations(CorrectionLog(database, clock=clock), self.ledger)
        self.decisions = DecisionLog(database, clock=clock)
        self.spending = SpendingLog(database)
        state = open_state(paths, database, clock, service.provider, sharing=secrets.sharing)
        self.records = PromptRecords(state.records)
        delivery = DeliveryOptions(
            options.references, options.references_repository or ""
        ).create_delivery(client, notes=state.uploads, clock=clock)
        self.references = ReferenceFiles(
            briefs,
            client=client,
            store=self.store,
            delivery=delivery,
            fetch_made=self._fetch_made,
            prepare_store=self.ledger_mark.prepare,
        )
        self.prompts = expand(briefs)
        self.commit = commit_of(briefs.root)
        self.originals = Originals(client, self.store, clock.token)
        self.breaker, self.observer = service.breaker, service.observer
        self.client, self.now = client, clock.now
        self._daily_budget_setting = daily_budget_setting
        self.decode_limiter = DecodeLimiter()
        self.measurer = Measurer(
            Measuring(options.character_scorer, options.character_model_file),
            calibrations=Calibrations(state.calibrations),
            read=self.references.read,
        )
        simulated, read = service.provider == "simulator", self.references.read
        proofreader = Proofreader(options.ocr, simulated=simulated, read=read)
        self._inspector = Inspector(
            self.measurer, proofreader, OriginalChecker(read), EditChecker(read, proofreader)
        )
        self._renderer = Renderer(
            store=self.store,
            read_original=self.originals.read,
            records=self.records,
            picture_index=PictureIndex(database),
            credentials=credentials,
            inspector=self._inspector,
            find_logo=self._find_logo,
            looking=options.looking,
        )
        self._brand_versions: dict[str, str] = {}
        self.compiler = ChainCompiler(
            briefs,
            client=client,
            references=self.references,
            store=self.store,
            provider=service.provider,
            ledger=self.ledger,
            pins=PinLog(database, clock=clock, account=account.name),
            models=state.models,
            now=clock.now,
            find_bases=lambda orders: find_edit_bases(
                self.find_made(orders),
                briefs,
                self.records,
                self.decisions,
                is_asked=lambda key: self.regenerations.asked_of(key) is not None,
            ),
        )
        collector = Collector(client, self.ledger, self.store, tuning.failpoint)
        self.collector = collector.within(
            self.decode_limiter, clock, service.observer, absence_seconds=options.absence_seconds
        )
        self.engine = Engine(
            client,
            ledger=self.ledger,
            collector=self.collector,
            references=self.references,
            rate_limiter=service.rate_limiter,
            breaker=service.breaker,
            take_lease=partial(take_lease, database, folder=owners_folder(paths, database)),
            clock=clock,
            limits=replace(tuning.limits, in_flight=options.in_flight),
            times=tuning.times.with_outage(60 * options.outage_minutes),
            on_cancel=options.on_cancel,
            failpoint=tuning.failpoint,
            requote=CurrentPrices(client).requote,
            observer=service.observer,
        )

    def close(self) -> None:
        """Close the ledger's connections."""
        self.ledger.close()

    def compile(self, prompts: Iterable[Prompt], *, fresh: bool = False) -> Compiled:
        """Turn prompts into priced orders; see `Compiler.compile`."""
        return self.compiler.compile(prompts, fresh=fresh)

    def prompts_of(self, campaign_id: str) -> tuple[Prompt, ...]:
        """Return a campaign's prompts, in brief order."""
        return tuple(prompt for prompt in self.prompts if prompt.campaign == campaign_id)

    def make(
        self,
        orders: Iterable[Order],
        *,
        run_id: str,
        budget: Decimal | None = None,
        fresh: bool = False,
    ) -> Iterator[Outcome]:
        """Buy the images that are missing, and yield each outcome; see `make_batches`."""
        for outcomes in self.make_batches(orders, run_id=run_id, budget=budget, fresh=fresh):
            yield from outcomes

    def make_batches(
        self,
        orders: Iterable[Order],
        *,
        run_id: str,
        budget: Decimal | None = None,
        fresh: bool = False,
        earlier_runs: Sequence[str] = (),
        postprocessor: ImagePostprocessor | None = None,
    ) -> Iterator[Sequence[Outcome]]:
        """Buy the images that are missing; see `Engine.batches`.

        Args:
            orders: The images wanted.
            run_id: Identifies the run in the ledger.
            budget: Most USD this run may spend, beside the campaign's and the day's caps.
            fresh: Buy again what earlier runs have made, on purpose.
            earlier_runs: Runs of the same command, whose pictures `fresh` does not buy again.
            postprocessor: Renders every image as soon as it is stored; see `Postprocessor`.

        Raises:
            LedgerBehind: The ledger lacks purchases that were made with this store.
        """
        wanted = tuple(orders)
        caps = self.caps({order.scope for order in wanted}, budget)
        options = BuyerOptions(run_id, caps, fresh, self.options.absence_seconds, earlier_runs)
        batches = self.engine.batches(wanted, options, postprocessor=postprocessor)
        self.require_store()
        if self.provider == "simulator":
            return batches
        self.ledger_mark.require_current()
        return self.ledger_mark.follow(batches)

    def require_store(self) -> None:
        """Make sure that the store is this ledger's, and that it has what this home should send.

        Raises:
            LedgerBehind: It is another ledger's.
            StoreError: It can't be asked, or written.
        """
        self.ledger_mark.require_own_store()
        self.store.settle()

    def postprocessor(
        self, prompts: Mapping[str, Prompt], orders: Mapping[str, Order], *, renders: bool
    ) -> Postprocessor:
        """Return what makes previews of prompts' images and, if it `renders`, their renditions."""
        px = self.options.preview_px
        self.require_store()
        if not renders:
            return Postprocessor(self.originals.read, self._renderer, picture_px=px)
        brands = {self.briefs.campaigns[item.campaign].brand for item in prompts.values()}
        sheets = {brand: self.compiler.brand_sheets(brand) for brand in sorted(brands)}
        inputs = RenderInputs(self.briefs, prompts, orders, sheets, self.regenerations)
        return Postprocessor(self.originals.read, self._renderer, inputs, picture_px=px)

    def render(
        self, prompt: Prompt, order: Order, made: Made, image: Image.Image | None = None
    ) -> PromptRecord:
        """Render, check and measure one prompt's pictures; see `Renderer.render`."""
        # The wording that was bought in the end, where one was softened or corrected.
        request = self.regenerations.order_for(order, made.receipt.fingerprint).request
        context = render_context_of(self.briefs, prompt)
        sheets = self.compiler.brand_sheets(context.brand.id)
        return self._renderer.render(context, request, made, image, sheets=sheets)

    def postprocess_made(
        self, orders: Iterable[Order], postprocessor: Postprocessor
    ) -> Iterator[Sequence[Outcome]]:
        """Yield images that are made already, rendered; sends no request and buys nothing."""
        return postprocessor.postprocess_each(self.find_made(orders))

    def find_made(self, orders: Iterable[Order]) -> Iterator[Outcome]:
        """Yield images that are made already; sends no request and buys nothing."""
        wanted = self.regenerations.current_orders(orders)
        latest = self.purchases(wanted)
        for order in wanted:
            purchase = status_of(order, latest)
            if purchase is None or purchase.image is None:
                reason = "there is no image for its present request; materialize generated_images"
                yield Failed(order.key, order.request.fingerprint, reason, "not_attempted")
            else:
                yield Reused(order.key, purchase.image, purchase.receipt())

    def _fetch_made(self, key: str, digest: str) -> None:
        """Bring a picture of the model, which another machine bought, into this machine's store."""
        for purchase in self.ledger.made_for(key, ()):
            if purchase.image is not None and purchase.image.sha256 == digest:
                self.originals.fetch(Reused(key, purchase.image, purchase.receipt()))
                return

    def _find_logo(self, brand: Brand) -> Logo | None:
        if brand.logo is None:
            return None
        source = resolve_source(brand.logo)
        digest = self.references.digests([source])[source]
        return Logo(digest, lambda: self.references.read(source, digest))

    def brand_version(self, brand_id: str) -> str:
        """Return the hash of a brand's brief and of the local reference images it names."""
        if brand_id not in self._brand_versions:
            self._brand_versions[brand_id] = hash_brand(self.briefs, brand_id)
        return self._brand_versions[brand_id]

    def thumb(self, picture: Picture) -> bytes | None:
        """Return a rendition's thumbnail from the store; None where it can't be read."""
        return self._renderer.thumb(picture)

    def assemble(
        self,
        campaign_id: str,
        compiled: Compiled,
        *,
        compares: bool = True,
        problems: Mapping[str, str] | None = None,
    ) -> SetManifest:
        """Return a campaign's manifest from its prompts, all compiled, records and the ledger.

        Args:
            compares: Whether originals are compared with each other; see `manifest_builder`.
            problems: Why a prompt has no renditions although it has its original, by key.
        """
        self.records.refresh()
        prompts = self.prompts_of(campaign_id)
        found = {p.key: self.current_record(compiled.orders.get(p.key)) for p in prompts}
        without = [key for key, record in found.items() if record is None]
        return assemble(
            self.briefs,
            campaign_id,
            records={key: record for key, record in found.items() if record is not None},
            prompts=prompts,
            sheets=compiled.sheets,
            purchases=self.ledger.latest_for(without, provider=self.provider),
            commit=self.commit,
            now=self.now(),
            compares=compares,
            problems=problems or {},
            logos=make_logo_files(self.briefs, campaign_id, self._find_logo, self.store.put),
        )

    def current_record(self, order: Order | None) -> PromptRecord | None:
        """Return a prompt's record if its pictures are those of its present request.

        A picture of an earlier version of the brief is not part of the set.
        """
        if order is None or (record := self.records.read(order.key)) is None:
            return None
        return record if self.regenerations.is_picture_of(order, record.fingerprint) else None

    def has_pictures(self, prompt: Prompt, made: Made) -> bool:
        """Whether the store still holds a prompt's original and every rendition of it."""
        record = self.records.read(prompt.key)
        if record is None or record.fingerprint != made.receipt.fingerprint:
            return False
        renditions = tuple(item.sha256 for item in record.pictures)
        return bool(renditions) and all(map(self.store.has, (made.image.sha256, *renditions)))

    def has_renditions(self, made: Made) -> bool:
        """Whether a prompt's record is of its present image, and the store holds its renditions."""
        record = self.records.read(made.key)
        return (
            record is not None
            and record.fingerprint == made.receipt.fingerprint
            and bool(record.pictures)
            and all(self.store.has(item.sha256, size=item.bytes) for item in record.pictures)
        )

    def rendition_version(self, prompt: Prompt, made: Made) -> str:
        """Return the data version the prompt's renditions have when they are up to date."""
        context, stamp = self._look_up(prompt)
        return version_of(self._renderer.recipe(context, made), stamp)

    def rendition_changes(self, prompt: Prompt, made: Made) -> tuple[str, ...]:
        """Return why a prompt's renditions would be made again; empty if they are up to date."""
        context, stamp = self._look_up(prompt)
        recipe, record = self._renderer.recipe(context, made), self.records.read(prompt.key)
        here = self.has_renditions(made)
        return find_rendition_changes(context, record, recipe=recipe, stamp=stamp, is_here=here)

    def _look_up(self, prompt: Prompt) -> tuple[RenderContext, str]:
        """Return what the briefs say of a prompt, and what its original is measured by."""
        context = render_context_of(self.briefs, prompt)
        sheets = self.compiler.brand_sheets(context.brand.id)
        return context, self._inspector.stamp(context, sheets)

    def all_records(self) -> Iterator[PromptRecord]:
        """Return the record of every prompt that has pictures."""
        return filter(None, (self.records.read(prompt.key) for prompt in self.prompts))

    def purchases(self, orders: Iterable[Order]) -> dict[str, Purchase]:
        """Return the latest purchases of the given orders and their softened wordings."""
        return self.ledger.latest(OrderGroups(orders).fingerprints)

    def caps(self, scopes: Iterable[str], budget: Decimal | None = None) -> tuple[Cap, ...]:
        """Return the caps on purchases of some campaigns.

        Args:
            scopes: Campaigns; a sheet's scope has no cap of its own.
            budget: Most USD one run may spend.
        """
        campaigns = self.briefs.campaigns
        budgets = {name: Decimal(str(campaigns[name].budget_usd)) for name in campaigns}
        day, where = self.options.daily_budget, self._daily_budget_setting
        caps = list_caps({name: budgets[name] for name in scopes if name in budgets}, budget)
        return caps if day is None else (*caps, day_cap(day, self.now(), where=where))
