"""What commands open without Dagster: studio, sheets, ledger, picture index, store and service.

Each function imports what it opens, so that a command pays for nothing it does not use.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from nbp_dagster.addresses import split_list
from nbp_dagster.cli.home.places import open_places, open_sets
from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.settings import Settings, reveal, variable_of
from nbp_dagster.studio.storage.data_paths import StudioPaths

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from nbp_dagster.briefs.brief import Briefs
    from nbp_dagster.oxen.client import OxenClient
    from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
    from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
    from nbp_dagster.review_app.access import AccessRules
    from nbp_dagster.review_app.context import ReviewContext
    from nbp_dagster.studio.canary.comparison import OpenStudio
    from nbp_dagster.studio.ledger.purchases import Purchase
    from nbp_dagster.studio.ledger_report import Accounts
    from nbp_dagster.studio.provenance.picture_index import PictureIndex
    from nbp_dagster.studio.report.report_reader import ReportReader
    from nbp_dagster.studio.review.decision_log import Decision, Place
    from nbp_dagster.studio.shared_state.state import State
    from nbp_dagster.studio.sheet_report import SheetContext
    from nbp_dagster.studio.studio import Studio

# What `nbp` starts, for a process of its own.
_NBP = "nbp_dagster"


@contextmanager
def open_studio(settings: Settings, *, briefs: "Briefs | None" = None) -> "Iterator[Studio]":
    """Open the studio over the service of the mode.

    Args:
        settings: Folders, mode, options and secrets.
        briefs: Those of the settings' folder, where they are read already.

    Raises:
        BriefError: The briefs have errors; all of them are named.
        MissingKey: Live mode without a key.
        SigningError: Content credentials are configured and can't be signed.
    """
    from nbp_dagster.disclosure.own_table import load_briefs

    with open_studios(settings) as open_one:
        read = briefs or load_briefs(settings.config.absolute())
        with open_one(read, _paths(settings)) as opened:
            yield opened


@contextmanager
def open_studios(settings: Settings) -> "Iterator[OpenStudio]":
    """Open the service of the mode, and yield what opens a studio over it, one after another.

    Raises:
        MissingKey: Live mode without a key.
    """
    from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
    from nbp_dagster.studio import studio
    from nbp_dagster.studio.imaging.decode_limiter import settle_allocator
    from nbp_dagster.studio.options import StudioOptions
    from nbp_dagster.studio.purchasing.cancellation import CancellableClock, CancellationToken
    from nbp_dagster.studio.service import Secrets, Service

    clock = CancellableClock(SystemClock(), CancellationToken())
    breaker = OutageBreaker(clock, limit=60 * settings.outage_minutes)
    with open_service(settings, clock, breaker) as (client, rate_limiter):
        settle_allocator()
        service = Service(
            client,
            clock=clock,
            rate_limiter=rate_limiter,
            provider=settings.provider,
            breaker=breaker,
        )
        secrets = Secrets(
            reveal(settings.ledger_url),
            reveal(settings.c2pa_key),
            settings.c2pa_cert or "",
            reveal(settings.store_url),
        )
        options = StudioOptions.of(settings).with_paths_from(Path.cwd())
        yield lambda briefs, paths: studio.open_studio(
            briefs,
            service,
            paths,
            options,
            secrets=secrets,
            daily_budget_setting=variable_of("daily_budget_usd"),
        )


@contextmanager
def open_service(
    settings: Settings, clock: Clock, breaker: "OutageBreaker | None" = None
) -> "Iterator[tuple[OxenClient, RateLimiter]]":
    """Open the service of the mode: its client, and what limits the rate of its requests.

    In simulator mode the simulator runs in this process until the block is left.

    Args:
        settings: Mode, address and key.
        clock: Every wait is on it.
        breaker: Has requests wait out an outage while it is active; None has none wait.

    Raises:
        MissingKey: Live mode without a key.
    """
    from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
    from nbp_dagster.studio import connect

    if settings.mode == "live":
        address, key = settings.oxen_base_url, connect.require_key(reveal(settings.oxen_api_key))
        rate_limiter = connect.share_rate_limiter(
            address,
            api_key=key,
            clock=clock,
            folder=_paths(settings).rate_limits,
            ledger_url=reveal(settings.ledger_url),
        )
        client = connect.create_client(
            address,
            api_key=key,
            clock=clock,
            rate_limiter=rate_limiter,
            breaker=breaker,
            allow_http=settings.allow_http,
        )
        with closing(rate_limiter):
            yield client, rate_limiter
        return
    latency, state_dir = float(settings.simulator_latency), settings.home / "simulator"
    with connect.run_simulator(
        latency=latency,
        state_dir=state_dir.absolute(),
        pictures=settings.simulator_pictures,
        # Where brands keep theirs.
        fonts=settings.config,
    ) as server:
        rate_limiter = RateLimiter(clock)
        yield (
            connect.create_client(
                server.url,
                api_key=connect.SIMULATOR_KEY,
                clock=clock,
                rate_limiter=rate_limiter,
                breaker=breaker,
            ),
            rate_limiter,
        )


@contextmanager
def open_sheets(settings: Settings, brand: str = "") -> "Iterator[SheetContext]":
    """Open the character sheets: briefs, ledger, store and service, without the imaging.

    Raises:
        BriefError: The brand's brief has errors, or none is sound; all of them are named.
        MissingKey: Live mode without a key.
    """
    from nbp_dagster.cli.choice import load_of_brand
    from nbp_dagster.studio.ledger.accounts import Account, resolve_account
    from nbp_dagster.studio.ledger.ledger import Ledger
    from nbp_dagster.studio.ledger.ledger_mark import LedgerMark
    from nbp_dagster.studio.ledger.sheet_pins import PinLog
    from nbp_dagster.studio.ordering.character_sheets import CharacterSheets
    from nbp_dagster.studio.ordering.order_builder import fetch_quote
    from nbp_dagster.studio.references.reference_files import ReferenceFiles
    from nbp_dagster.studio.references.uploads import DeliveryOptions
    from nbp_dagster.studio.sheet_report import SheetContext

    clock, paths, places = SystemClock(), _paths(settings), open_places(settings)
    with open_catalogue(settings, clock) as client:
        briefs = load_of_brand(settings.config.absolute(), brand)
        delivery = DeliveryOptions(settings.references, settings.references_repository or "")
        with open_database(settings) as database:
            uploads = _open_state(settings, database).uploads
            mark = LedgerMark(paths.store, database, clock=clock, shared=places.shared)
            references = ReferenceFiles(
                briefs,
                client=client,
                store=places.images,
                delivery=delivery.create_delivery(client, notes=uploads, clock=clock),
                prepare_store=mark.prepare,
            )
            account = Account()
            if settings.mode == "live":
                account = resolve_account(database, client.payer, name=settings.account)
            sheets = CharacterSheets(
                briefs,
                provider=settings.provider,
                quote=cache(lambda model: fetch_quote(client, model)),
                references=references,
                ledger=Ledger(database, clock=clock, account=account),
                pins=PinLog(database, clock=clock, account=account.name),
            )
            yield SheetContext(
                briefs=briefs,
                provider=settings.provider,
                store=places.images,
                paths=paths,
                sheets=sheets,
                read=references.read,
            )


@contextmanager
def open_catalogue(settings: Settings, clock: Clock) -> "Iterator[OxenClient]":
    """Open a client that is asked for models and prices alone."""
    if settings.mode == "live":
        with open_service(settings, clock) as (client, _):
            yield client
    else:
        from nbp_dagster.studio.connect import create_simulated_catalogue

        yield create_simulated_catalogue(clock=clock)


def sum_up_ledger(settings: Settings, *, orphans: bool) -> "Accounts":
    """Sum the ledger up; needs no briefs, and a key only for `orphans`.

    Args:
        settings: The ledger's address, and the mode.
        orphans: Ask the service for jobs that no purchase of the ledger owns.

    Raises:
        MissingKey: Live mode without a key, where the service is asked.
        OxenError: The service can't be asked.
    """
    from nbp_dagster.studio.ledger.correction_log import CorrectionLog
    from nbp_dagster.studio.ledger.ledger import Ledger
    from nbp_dagster.studio.ledger_report import read_accounts

    clock = SystemClock()
    with ExitStack() as stack:
        client = stack.enter_context(open_service(settings, clock))[0] if orphans else None
        database = stack.enter_context(open_database(settings))
        return read_accounts(
            Ledger(database, clock=clock),
            corrections=CorrectionLog(database, clock=clock),
            client=client,
        )


def adopt_account(settings: Settings, name: str, *, who: str) -> None:
    """Make the key in use one of an account that the ledger knows.

    Raises:
        MissingKey: No key is set.
        UnknownAccount: The ledger knows no such account, or the key belongs to another.
    """
    from nbp_dagster.oxen.executor import Service
    from nbp_dagster.studio.connect import require_key
    from nbp_dagster.studio.ledger import accounts

    payer = Service(settings.oxen_base_url, require_key(reveal(settings.oxen_api_key))).payer
    with open_database(settings) as database:
        accounts.adopt_account(database, payer, name, clock=SystemClock(), who=who)


def settle_purchase(
    settings: Settings, purchase_id: int, *, generation_id: str | None, who: str
) -> "Purchase":
    """Close an open purchase by hand, as absent or with its job; see `settling`.

    Args:
        settings: The ledger's address; mode and key where a job is looked at.
        purchase_id: The id that `nbp ledger` shows.
        generation_id: Its job; None where it left none.
        who: `user@machine`.

    Raises:
        SettleError: Nothing was settled; the message says why.
        OxenError: The job can't be looked at.
    """
    from nbp_dagster.oxen.errors import NotFound
    from nbp_dagster.studio.ledger import settling
    from nbp_dagster.studio.ledger.owner_leases import take_lease
    from nbp_dagster.studio.purchasing.reconcile import contradicts
    from nbp_dagster.studio.shared_state.state import owners_folder

    clock = SystemClock()
    with ExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        owners = owners_folder(_paths(settings), database)
        lease = stack.enter_context(take_lease(database, folder=owners))
        purchase = settling.find_open(database, purchase_id)
        if generation_id is None:
            return settling.settle_absent(
                database, purchase, clock=clock, who=who, is_alive=lease.is_alive
            )
        client, _ = stack.enter_context(open_service(settings, clock))
        try:
            job = client.get_generation(generation_id)
        except NotFound as error:
            raise settling.SettleError(
                f"the service has no generation {generation_id} for this key"
            ) from error
        if contradicts(purchase, job):
            raise settling.SettleError(
                f"generation {generation_id} is not of purchase {purchase.id} ({purchase.key}): "
                "it shows another model, prompt, parameters or references"
            )
        return settling.settle_adopted(
            database, purchase, generation_id, clock=clock, who=who, is_alive=lease.is_alive
        )


@contextmanager
def open_picture_index(settings: Settings) -> "Iterator[PictureIndex]":
    """Open the index of pictures; needs no briefs, no service and no key."""
    from nbp_dagster.studio.provenance.picture_index import PictureIndex

    with open_database(settings) as database:
        yield PictureIndex(database)


@contextmanager
def open_review(settings: Settings, access: "AccessRules") -> "Iterator[ReviewContext]":
    """Open the finished sets and the decisions; needs no briefs, no service and no key.

    Those are asked for when another picture is: each time anew, as they are then.
    """
    from nbp_dagster.review_app.background_runs import BackgroundRuns
    from nbp_dagster.review_app.context import Asking, ReviewContext
    from nbp_dagster.review_app.guard import LOGINS_A_MINUTE, POSTS_A_MINUTE, RateLimit
    from nbp_dagster.studio.asking.asker import Asker
    from nbp_dagster.studio.manifest.records import PromptRecords
    from nbp_dagster.studio.provenance.picture_index import PictureIndex
    from nbp_dagster.studio.report.report_reader import create_report_reader
    from nbp_dagster.studio.review.decision_log import DecisionLog
    from nbp_dagster.studio.review.picture_files import PictureFiles
    from nbp_dagster.studio.review.reviews import Reviews

    paths, places = _paths(settings), open_places(settings)
    with open_database(settings) as database:
        yield ReviewContext(
            reviews=Reviews(
                paths.sets,
                DecisionLog(database, clock=SystemClock()),
                # Sets stay as they are: the collector need not walk over a million objects.
                settle=gc.freeze,
                look=open_sets(settings, places).look,
            ),
            reports=create_report_reader(database, settings.config.absolute(), SystemClock()),
            files=PictureFiles(
                sets=paths.sets,
                store=places.images,
                records=PromptRecords(_open_state(settings, database).records),
                index=PictureIndex(database),
            ),
            access=access,
            logins=RateLimit(LOGINS_A_MINUTE),
            posts=RateLimit(POSTS_A_MINUTE),
            asking=Asking(
                Asker(partial(open_studio, settings)),
                BackgroundRuns(lambda keys: (sys.executable, "-m", _NBP, "run", "--yes", *keys)),
            ),
        )


@contextmanager
def open_reports(settings: Settings) -> "Iterator[ReportReader]":
    """Open what campaigns' reports are made of; needs no service and no key."""
    from nbp_dagster.studio.report.report_reader import create_report_reader

    with open_database(settings) as database:
        yield create_report_reader(database, settings.config.absolute(), SystemClock())


def read_decisions(settings: Settings, campaign: str) -> "dict[Place, Decision]":
    """Return the latest decision about every file of a campaign that has one."""
    from nbp_dagster.studio.review.decision_log import DecisionLog

    with open_database(settings) as database:
        return DecisionLog(database, clock=SystemClock()).latest(campaign)


def create_access_rules(settings: Settings, *, listen: str, default_name: str) -> "AccessRules":
    """Return who may use the review page, by the settings and a secret of this home's own.

    Args:
        settings: Token, proxies, names of the host.
        listen: Address that will be listened at.
        default_name: The reviewer on loopback who gave no name.

    Raises:
        UnsafeListening: Everybody in the network could decide.
        StoreError: The secret can't be written.
    """
    from nbp_dagster.review_app.access import LOOPBACK, AccessRules, require_token
    from nbp_dagster.studio.storage.files import keep_secret

    token = reveal(settings.review_token).strip()
    proxies = frozenset(split_list(settings.review_proxies))
    require_token(listen, token, has_proxies=bool(proxies and settings.review_user_header))
    return AccessRules(
        secret=keep_secret(_paths(settings).review_key),
        now=SystemClock().now,
        hosts=LOOPBACK | {listen} | {name.lower() for name in split_list(settings.review_hosts)},
        token=token,
        user_header=settings.review_user_header.strip().lower(),
        proxies=proxies,
        default_name="" if token or proxies else default_name,
    )


@contextmanager
def open_database(settings: Settings) -> "Iterator[Engine]":
    """Open the ledger's database; needs no briefs, no service and no key."""
    from nbp_dagster.studio.shared_state.state import open_home_ledger

    database = open_home_ledger(_paths(settings), reveal(settings.ledger_url))
    try:
        yield database
    finally:
        database.dispose()


def _open_state(settings: Settings, database: "Engine") -> "State":
    from nbp_dagster.studio.shared_state.state import Sharing, open_state

    sharing = Sharing(settings.ledger_url is not None, reveal(settings.store_url))
    return open_state(_paths(settings), database, SystemClock(), settings.provider, sharing=sharing)


def _paths(settings: Settings) -> StudioPaths:
    return StudioPaths(settings.home.absolute())
