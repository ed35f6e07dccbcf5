"""Regenerates prompts whose pictures fail a check, without Dagster."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.studio.asking.asker import Asker, Change
from nbp_dagster.studio.ledger.orders import Outcome, Reused
from nbp_dagster.studio.options import StudioOptions
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.failpoints import Failpoint, no_failpoint
from nbp_dagster.studio.regenerate import PurchaseTerms, Regenerator
from nbp_dagster.studio.renditions.postprocessor import Postprocessor
from nbp_dagster.studio.service import Tuning
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.studio import Studio, open_studio
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.workbench import TIMES, connect

# What the person asks for.
NOTE_WORDS = "She looks out of the window"


def make_corrected(
    url: str,
    home: Path,
    *,
    count: int,
    attempts: int = 1,
    failpoint: Failpoint = no_failpoint,
    wrap: Callable[[Postprocessor], Any] = lambda postprocessor: postprocessor,
) -> dict[str, Outcome]:
    """Run a campaign of so many prompts over a home folder.

    The plain painter never fills a picture with the brand's accent, as this campaign wants it.
    `wrap` puts something around what renders and checks.
    """
    correct = {"max_attempts": attempts, "checks": ["palette_coverage"]}
    with open_prompts(url, home, count=count, failpoint=failpoint, correct=correct) as studio:
        return make(studio, wrap=wrap)


def make_asked(
    url: str, home: Path, *, count: int, failpoint: Failpoint = no_failpoint, fails: bool = True
) -> dict[str, Outcome]:
    """Run a campaign whose checks ask for nothing again; then a person does, for every picture.

    What was asked for in an earlier run of this home is made, and not asked for once more.

    Every second one is to be changed itself, and not drawn anew.

    Args:
        fails: Whether every picture fails a check.
    """
    with open_prompts(url, home, count=count, failpoint=failpoint, fails=fails) as studio:
        make(studio)
        orders = studio.compile(studio.prompts).orders
        asker = Asker(lambda: nullcontext(studio))
        for number, made in enumerate(list(studio.find_made(orders.values()))):
            assert isinstance(made, Reused)
            if not studio.regenerations.corrections_of(made.key):
                change = Change(NOTE_WORDS, is_edit=number % 2 == 1)
                asker.ask(made.key, change, price_usd=orders[made.key].price)
        return make(studio)


def make_edited(
    url: str, home: Path, *, count: int, failpoint: Failpoint = no_failpoint
) -> dict[str, Outcome]:
    """Run a campaign of so many pictures, and of an edit of each."""
    drawn = [shot(f"shot{number}", characters=[]) for number in range(count)]
    edits = [
        {
            **shot(f"{each['id']}_edit", characters=[]),
            "from": each["id"],
            "instruction": "make it winter",
        }
        for each in drawn
    ]
    with open_shots(url, home, *drawn, *edits, failpoint=failpoint) as studio:
        return make(studio) | make(studio)


def make(
    studio: Studio, *, wrap: Callable[[Postprocessor], Any] = lambda item: item, fresh: bool = False
) -> dict[str, Outcome]:
    """Make every prompt of a studio, with what is asked for again."""
    orders = studio.compile(studio.prompts).orders
    prompts = {prompt.key: prompt for prompt in studio.prompts}
    postprocessor = wrap(studio.postprocessor(prompts, orders, renders=True))
    terms = PurchaseTerms(f"process {os.getpid()}", fresh=fresh)
    regenerator = Regenerator(studio, prompts, postprocessor, terms=terms, log=logging.getLogger())
    batches = regenerator.batches(orders.values())
    return {outcome.key: outcome for batch in batches for outcome in batch}


@contextmanager
def open_prompts(
    url: str,
    home: Path,
    *,
    count: int,
    failpoint: Failpoint = no_failpoint,
    fails: bool = True,
    **changes: Any,
) -> Iterator[Studio]:
    """Open a studio over a campaign of so many shots."""
    shots = [shot(f"shot{number}", characters=[]) for number in range(count)]
    targets = {"palette_targets": {"accent": 0.9}} if fails else {}
    with open_shots(url, home, *shots, failpoint=failpoint, **targets, **changes) as studio:
        yield studio


@contextmanager
def open_shots(
    url: str,
    home: Path,
    *shots: dict[str, Any],
    failpoint: Failpoint = no_failpoint,
    **changes: Any,
) -> Iterator[Studio]:
    """Open a studio over a campaign of some shots."""
    brief = campaign(*shots, **changes)
    with open_studio(
        load_briefs(write_briefs(home / f"briefs-{os.getpid()}", brief)),
        connect(url),
        StudioPaths(home),
        # One after the other, so that it is known which orders were sent when one fails.
        StudioOptions(in_flight=1, ocr="off", absence_seconds=0.0),
        tuning=Tuning(EngineLimits(buyers=1, elsewhere_seconds=0.05), TIMES, failpoint),
    ) as studio:
        yield studio
