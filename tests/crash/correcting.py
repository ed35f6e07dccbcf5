"""Prompts that are asked for again because their pictures fail a check, without Dagster."""

import logging
import os
from pathlib import Path

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.rate_limit.limited_transport import LimitedTransport
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.transport import RequestsTransport
from nbp_dagster.studio.ledger.orders import Outcome
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.failpoints import Failpoint, no_failpoint
from nbp_dagster.studio.regenerate import PurchaseTerms, Regenerator
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.studio import Studio
from tests.fakes.briefs import campaign, shot, write_briefs
from tests.fakes.studio import QUICK, TIMES, HastyClock, PaceClock

# One after the other, so that it is known who has been asked for when one fails.
LIMITS = EngineLimits(in_flight=1, buyers=1, elsewhere_seconds=0.05)


def make_corrected(
    url: str, home: Path, *, count: int, attempts: int = 1, failpoint: Failpoint = no_failpoint
) -> dict[str, Outcome]:
    """Run a campaign of so many prompts over a home folder.

    The plain painter never fills a picture with the brand's accent, as this campaign wants it.
    """
    clock = HastyClock()
    pace = RateLimiter(PaceClock(clock))
    transport = LimitedTransport(RequestsTransport(), base_url=url, pace=pace, clock=clock)
    client = OxenClient(url, api_key="test-key", transport=transport, clock=clock, retry=QUICK)
    shots = [shot(f"shot{number}", characters=[]) for number in range(count)]
    correct = {"max_attempts": attempts, "checks": ["palette_coverage"]}
    brief = campaign(*shots, correct=correct, palette_targets={"accent": 0.9})
    studio = Studio(
        load_briefs(write_briefs(home / f"briefs-{os.getpid()}", brief)),
        client=client,
        pace=pace,
        provider="oxen",
        paths=StudioPaths(home),
        clock=clock,
        limits=LIMITS,
        times=TIMES,
        ocr="off",
        failpoint=failpoint,
    )
    try:
        orders = studio.compile(studio.prompts).orders
        prompts = {prompt.key: prompt for prompt in studio.prompts}
        postprocessor = studio.postprocessor(prompts, orders, renders=True)
        terms = PurchaseTerms(f"process {os.getpid()}")
        regenerator = Regenerator(
            studio, prompts, postprocessor, terms=terms, log=logging.getLogger()
        )
        batches = regenerator.batches(orders.values())
        return {outcome.key: outcome for batch in batches for outcome in batch}
    finally:
        studio.close()
