"""Facade over briefs, service, ledger and store: one method for each job of the assets."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from PIL import Image

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.images import resolve_source
from nbp_dagster.briefs.models import Brand
from nbp_dagster.briefs.supplied_images import hash_brand
from nbp_dagster.prompts.expansion import Prompt, expand
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.studio.checks.characters.calibration import CalibrationFolder
from nbp_dagster.studio.checks.measure_characters import Measurer, Measuring
from nbp_dagster.studio.checks.ocr.proofread import Proofreader
from nbp_dagster.studio.checks.original_checker import OriginalChecker
from nbp_dagster.studio.imaging.c2pa import Credentials
from nbp_dagster.studio.imaging.decode_limiter import DecodeLimiter
from nbp_dagster.studio.ledger.budget import Cap, campaign_cap, day_cap, run_cap
from nbp_dagster.studio.ledger.correction_log import CorrectionLog
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Failed, Made, Order, Outcome, Reused
from nbp_dagster.studio.ledger.owner_leases import OwnerLease, take_lease
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.ledger.sheet_pins import PinLog
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.manifest.records import PromptRecord, RecordFolder, version_of
from nbp_dagster.studio.options import StudioOptions
from nbp_dagster.studio.ordering.compiler import Compiled, Compiler
from nbp_dagster.studio.provenance.picture_index import PictureIndex
from nbp_dagster.studio.purchasing.buyer import Buyer
from nbp_dagster.studio.purchasing.collector import Collector, Postprocess
from nbp_dagster.studio.purchasing.engine import Engine
from nbp_dagster.studio.purchasing.order_groups import OrderGroups, standing_of
from nbp_dagster.studio.references.reference_files import ReferenceFiles
from nbp_dagster.studio.references.uploads import DeliveryOptions
from nbp_dagster.studio.regeneration_rules import Regenerations
from nbp_dagster.studio.renditions.inspector import Inspector
from nbp_dagster.studio.renditions.renderer import Logo, Renderer
from nbp_dagster.studio.renditions.rendition_worker import Postprocessor, postprocess_each
from nbp_dagster.studio.service import Secrets, Service, Tuning
from nbp_dagster.studio.sets.manifest_builder import assemble, commit_of, title_of
from nbp_dagster.studio.sets.set_writer import WrittenSet, write_set
from nbp_dagster.studio.sets.staging import Outline, SetStage
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.image_store import FolderStore, ImageStore
from nbp_dagster.studio.typography.copy_fit import count_renditions


@contextmanager
def open_studio(
    briefs: Briefs,
    service: Service,
    paths: StudioPaths,
    options: StudioOptions,
    *,
    secrets: Secrets | None = None,
    tuning: Tuning | None = None,
) -> Iterator["Studio"]:
    """Open a studio, and give the ledger's connections back after.

    Raises:
        SigningError: Content credentials are configured and can't be signed.
        NoUploadTarget: References are to be uploaded and there is no repository.
    """
    studio = Studio(
        briefs, service, paths, options, secrets=secrets or Secrets(), tuning=tuning or Tuning()
    )
    try:
        yield studio
    finally:
        studio.close()


class Studio:
    """Everything one run works with; opened once a run, safe to use from one thread.

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
    ) -> None:
        credentials = Credentials.load(key=secrets.c2pa_key, certificate=secrets.c2pa_cert)
        client, clock = service.client, service.clock
        self.briefs = briefs
        self.provider = service.provider
        self.paths = paths
        self.options = options
        self.store: ImageStore = FolderStore(paths.store)
        database = open_ledger(secrets.ledger_url or paths.ledger)
        self.ledger = Ledger(database, clock=clock)
        self.corrections = Regenerations(CorrectionLog(database, clock=clock), self.ledger)
        self.records = RecordFolder(paths.records)
        delivery = DeliveryOptions(
            options.references, options.references_repository or ""
        ).create_delivery(client, folder=paths.uploads, clock=clock)
        self.references = ReferenceFiles(briefs, client=client, store=self.store, delivery=delivery)
        self.prompts = expand(briefs)
        self.commit = commit_of(briefs.root)
        self.client = client
        self._clock = clock
        self._decode_limiter = DecodeLimiter()
        self._rate_limiter = service.rate_limiter
        self._failpoint = tuning.failpoint
        self.measurer = Measurer(
            Measuring(
                options.character_scorer,
                None if options.character_model is None else Path(options.character_model),
            ),
            calibrations=CalibrationFolder(paths.calibrations),
            read=self.references.read,
        )
        self._inspector = Inspector(
            self.measurer,
            Proofreader(
                options.ocr,
                simulated=service.provider == "simulator",
                read=self.references.read,
            ),
            OriginalChecker(self.references.read),
        )
        self._renderer = Renderer(
            store=self.store,
            records=self.records,
            registry=PictureIndex(database),
            credentials=credentials,
            inspector=self._inspector,
            find_logo=self._find_logo,
        )
        self._brand_versions: dict[str, str] = {}
        self.compiler = Compiler(
            briefs,
            client=client,
            references=self.references,
            store=self.store,
            provider=service.provider,
            ledger=self.ledger,
            pins=PinLog(database, clock=clock),
        )
        self._engine = Engine(
            client,
            ledger=self.ledger,
            delivery=Collector(
                client,
                self.ledger,
                self.store,
                tuning.failpoint,
                self._decode_limiter,
                require_going_on=clock.require_going_on,
            ),
            open_stream=client.events,
            enter=lambda: take_lease(database, folder=paths.owners),
            clock=clock,
            limits=replace(tuning.limits, in_flight=options.in_flight),
            times=tuning.times,
            on_cancel=options.on_cancel,
        )

    def close(self) -> None:
        """Give the ledger's connections back."""
        self.ledger.close()

    def compile(self, prompts: Iterable[Prompt]) -> Compiled:
        """Turn prompts into priced orders; see `Compiler.compile`."""
        return self.compiler.compile(prompts)

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
        """Buy what is not there yet, and yield each outcome; the arguments are `make_batches`'s."""
        for batch in self.make_batches(orders, run_id=run_id, budget=budget, fresh=fresh):
            yield from batch

    def make_batches(
        self,
        orders: Iterable[Order],
        *,
        run_id: str,
        budget: Decimal | None = None,
        fresh: bool = False,
        postprocess: Postprocess | None = None,
    ) -> Iterator[Sequence[Outcome]]:
        """Buy what is not there yet; see `Engine.batches`.

        Args:
            orders: What to have.
            run_id: Who buys, for the ledger.
            budget: Most USD this run may spend, beside the campaign's and the day's caps.
            fresh: Buy again what earlier runs have made, on purpose.
            postprocess: Called with every image, as soon as it is there; see `Postprocessor`.
        """
        wanted = tuple(orders)
        caps = self.caps({order.scope for order in wanted}, budget)

        def hire(presence: OwnerLease) -> Buyer:
            return Buyer(
                client=self.client,
                ledger=self.ledger,
                clock=self._clock,
                presence=presence,
                input_image=self.references.input_image,
                rate_limiter=self._rate_limiter,
                run_id=run_id,
                caps=caps,
                fresh=fresh,
                failpoint=self._failpoint,
            )

        return self._engine.batches(wanted, hire=hire, postprocess=postprocess)

    def postprocessor(
        self, prompts: Mapping[str, Prompt], orders: Mapping[str, Order], *, renders: bool
    ) -> Postprocessor:
        """Return what makes previews of prompts' images and, if it `renders`, their renditions."""

        # One prompt of each brand.
        firsts = {self.briefs.campaigns[item.campaign].brand: item for item in prompts.values()}
        # Looked up here, once: `render` runs in many threads.
        casts = {brand: self.compiler.brand_sheets(brand) for brand in firsts if renders}

        def render(made: Made, image: Image.Image | None) -> PromptRecord:
            return self.render(prompts[made.key], orders[made.key], made, image, casts=casts)

        def prepare() -> None:
            # What is made ready for one prompt serves all others of its brand.
            for brand, cast in casts.items():
                self._renderer.prepare(render_context_of(self.briefs, firsts[brand]), cast)

        return Postprocessor(self.store, render if renders else None, prepare=prepare)

    def render(
        self,
        prompt: Prompt,
        order: Order,
        made: Made,
        image: Image.Image | None = None,
        *,
        casts: Mapping[str, Mapping[str, Sheet]] | None = None,
    ) -> PromptRecord:
        """Fit, letter, mark, check and measure a prompt's pictures; see `Renderer.render`.

        Args:
            casts: The sheets of each brand; looked up when None.
        """
        # The wording that was made in the end, where one was softened or corrected.
        request = self.corrections.asked(order, made.receipt.fingerprint).request
        scene = render_context_of(self.briefs, prompt)
        sheets = (
            self.compiler.brand_sheets(scene.brand.id) if casts is None else casts[scene.brand.id]
        )
        return self._renderer.render(scene, request, made, image, sheets=sheets)

    def postprocess_made(
        self, orders: Iterable[Order], postprocess: Postprocess
    ) -> Iterator[Sequence[Outcome]]:
        """Yield what is made already, rendered; asks nothing of the service and buys nothing."""
        return postprocess_each(self.find_made(orders), postprocess)

    def find_made(self, orders: Iterable[Order]) -> Iterator[Outcome]:
        """Yield what is made already; asks nothing of the service and buys nothing."""
        wanted = self.corrections.standing(orders)
        latest = self.purchases(wanted)
        for order in wanted:
            purchase = standing_of(order, latest)
            if purchase is None or purchase.image is None:
                reason = "there is no image for its present request; materialize generated_images"
                yield Failed(order.key, order.request.fingerprint, reason, "not_attempted")
            else:
                yield Reused(order.key, purchase.image, purchase.receipt())

    def reference_bytes(self, source: str, digest: str) -> bytes:
        """Return a reference's bytes, verified against its digest."""
        return self.references.read(source, digest)

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

    def write_set(self, campaign_id: str) -> WrittenSet:
        """Write a campaign's set from what its prompts have now; see `sets.write_set`."""
        compiled = self.compile(self.prompts_of(campaign_id))
        return write_set(
            self.paths.sets / campaign_id,
            self.assemble(campaign_id, compiled),
            rendition=self._rendition,
            sheet=self._sheet_bytes(compiled.sheets.values()),
            thumb=self._renderer.thumb,
        )

    def stage_set(self, campaign_id: str) -> SetStage:
        """Return what puts a set's files into its folder as its prompts finish."""
        campaign = self.briefs.campaigns[campaign_id]
        scenes = (render_context_of(self.briefs, prompt) for prompt in self.prompts_of(campaign_id))
        names = {channel: self.briefs.channels[channel].name for channel in campaign.channels}
        outline = Outline(
            title=title_of(self.briefs, campaign),
            counts={scene.prompt.key: count_renditions(scene) for scene in scenes},
            channel_names=names,
        )
        return SetStage(
            self.paths.sets / campaign_id,
            outline,
            rendition=self._rendition,
            thumb=self.store.get,
            is_idle=lambda: self._decode_limiter.has_room,
        )

    def _rendition(self, picture: Picture) -> Path:
        return self.store.path(picture.sha256)

    def _sheet_bytes(self, sheets: Iterable[Sheet]) -> Callable[[str], bytes]:
        """The images of character sheets, by digest."""
        sources = {
            digest: source
            for sheet in sheets
            for digest, source in zip(sheet.digests, sheet.sources, strict=True)
        }
        return lambda digest: self.references.read(sources[digest], digest)

    def assemble(
        self, campaign_id: str, compiled: Compiled, *, compares: bool = True
    ) -> SetManifest:
        """Return a campaign's manifest from its prompts' records and the ledger.

        Args:
            campaign_id: The campaign.
            compiled: What `compile` made of all its prompts.
            compares: Whether originals are compared with each other; see `assembling.assemble`.
        """
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
            now=self._clock.now(),
            compares=compares,
        )

    def current_record(self, order: Order | None) -> PromptRecord | None:
        """Return a prompt's record if its pictures are those of its present request.

        A picture of yesterday's scene or offer is no picture of today's brief.
        """
        record = None if order is None else self.records.read(order.key)
        if record is None or order is None:
            return None
        return record if self.corrections.belongs(order, record.fingerprint) else None

    def has_pictures(self, prompt: Prompt, made: Made) -> bool:
        """Whether the store still holds a prompt's original and every rendition of it."""
        record = self.records.read(prompt.key)
        if record is None or record.fingerprint != made.receipt.fingerprint:
            return False
        renditions = tuple(item.sha256 for item in record.pictures)
        return bool(renditions) and all(map(self.store.has, (made.image.sha256, *renditions)))

    def rendition_version(self, prompt: Prompt, made: Made) -> str:
        """Return the data version the prompt's renditions have when they are up to date."""
        scene = render_context_of(self.briefs, prompt)
        stamp = self._inspector.stamp(scene, self.compiler.brand_sheets(scene.brand.id))
        return version_of(self._renderer.recipe(scene, made), stamp)

    def all_records(self) -> Iterator[PromptRecord]:
        """Yield the record of every prompt that has pictures."""
        for prompt in self.prompts:
            record = self.records.read(prompt.key)
            if record is not None:
                yield record

    def purchases(self, orders: Iterable[Order]) -> dict[str, Purchase]:
        """Return what the ledger knows of the given orders and their milder wordings."""
        return self.ledger.latest(OrderGroups(orders).fingerprints)

    def caps(self, scopes: Iterable[str], budget: Decimal | None = None) -> tuple[Cap, ...]:
        """Return the limits that hold for purchases of some campaigns.

        Args:
            scopes: Campaigns; a sheet's scope has no cap of its own.
            budget: Most USD one run may spend.
        """
        campaigns = self.briefs.campaigns
        caps = [
            campaign_cap(scope, Decimal(str(campaigns[scope].budget_usd)))
            for scope in sorted(scopes)
            if scope in campaigns
        ]
        if budget is not None:
            caps.append(run_cap(budget))
        daily = self.options.daily_budget
        if daily is not None:
            caps.append(day_cap(daily, self._clock.now()))
        return tuple(caps)
