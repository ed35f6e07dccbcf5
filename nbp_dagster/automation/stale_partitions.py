"""Stale partitions: missing, or recorded in another version than a run would make now."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from nbp_dagster.assets.materializations import recorded_versions
from nbp_dagster.assets.names import Names
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.studio.ledger.orders import Order, Reused
from nbp_dagster.studio.ordering.compiler import Compiled, status_version
from nbp_dagster.studio.studio import Studio


def outdated_brands(instance: dg.DagsterInstance, studio: Studio, names: Names) -> list[str]:
    """Return the brands whose kit is not recorded as it is now."""
    brands = list(studio.briefs.brands)
    recorded = recorded_versions(instance, names.brand_kits, brands)
    return [brand for brand in brands if recorded.get(brand) != studio.brand_version(brand)]


def outdated_sheets(
    instance: dg.DagsterInstance, studio: Studio, names: Names, wanted: Iterable[str]
) -> list[str]:
    """Return the character sheets that a run has something to do for.

    Those are: a candidate is to be made, the pinned sheet's file is missing, or another version is
    recorded. A sheet that only waits to be pinned is not among them.
    """
    statuses = studio.compiler.character_sheets.statuses(wanted)
    recorded = recorded_versions(instance, names.character_sheets, statuses)
    return [
        key
        for key, status in statuses.items()
        if status.due
        or (status.sheet is None and not status.choices)
        or (status.sheet is not None and not studio.compiler.has_sheet(status.sheet))
        or recorded.get(key) != status_version(status)
    ]


def outdated_prompts(
    instance: dg.DagsterInstance,
    studio: Studio,
    names: Names,
    *,
    prompts: Sequence[Prompt],
    compiled: Compiled,
) -> list[str]:
    """Return the prompts that lack an image or a rendition, or have one of an older request.

    A refused prompt is among them: the run reports the refusal again and sends nothing. So is a
    prompt whose picture fails a check that its campaign corrects, while an attempt is left. An edit
    that a person's approval alone keeps waiting is not: a run could do nothing for it.

    Args:
        instance: Holds the recorded versions.
        studio: Holds the pictures and their versions.
        names: Keys of the assets.
        prompts: The prompts in question.
        compiled: What `Studio.compile` made of them.
    """
    keys = [prompt.key for prompt in prompts]
    made = {
        outcome.key: outcome
        for outcome in studio.find_made(compiled.orders.values())
        if isinstance(outcome, Reused)
    }
    requests = recorded_versions(instance, names.image_requests, keys)
    originals = recorded_versions(instance, names.generated_images, keys)
    renditions = recorded_versions(instance, names.channel_images, keys)
    outdated = []
    for_review = compiled.for_review
    for prompt in prompts:
        if prompt.key in for_review:
            continue
        outcome = made.get(prompt.key)
        if outcome is not None:
            fingerprint = compiled.orders[prompt.key].request.fingerprint
            # Prompt template and renderer are versioned within these hashes.
            if (
                requests.get(prompt.key) == fingerprint
                and originals.get(prompt.key) == outcome.image.sha256
                and renditions.get(prompt.key) == studio.rendition_version(prompt, outcome)
                and studio.has_pictures(prompt, outcome)
                and not _owes_correction(studio, compiled.orders[prompt.key], outcome)
            ):
                continue
        outdated.append(prompt.key)
    return outdated


def owed_corrections(studio: Studio, compiled: Compiled) -> list[str]:
    """Return the prompts whose picture a run would make again, asked by a person or a check."""
    found = studio.find_made(compiled.orders.values())
    made = [outcome for outcome in found if isinstance(outcome, Reused)]
    return [
        outcome.key
        for outcome in made
        if _owes_correction(studio, compiled.orders[outcome.key], outcome)
    ]


def _owes_correction(studio: Studio, order: Order, made: Reused) -> bool:
    """Whether a run would make a prompt's picture again: a person asked, or it fails a check."""
    if studio.regenerations.asked_of(order.key) is not None:
        return True
    correct = studio.briefs.campaigns[order.scope].correct
    record = None if correct is None else studio.records.read(order.key)
    if correct is None or record is None:
        return False
    return studio.regenerations.needs_regeneration(order, made, record, correct)


def missing_sheets(
    studio: Studio, sheets: Mapping[str, Sheet], prompts: Iterable[Prompt]
) -> list[str]:
    """Return the character sheets that prompts need as references and that are not made.

    Args:
        studio: Lists the characters of each prompt.
        sheets: Those there are; `Compiled.sheets` of the prompts.
        prompts: The prompts in question.
    """
    wanted = dict.fromkeys(key for prompt in prompts for key in studio.compiler.sheets_of(prompt))
    return [
        key for key in wanted if key not in sheets or not studio.compiler.has_sheet(sheets[key])
    ]


def ask_for_sheets(names: Names, sheets: Sequence[str], compiled: Compiled) -> str:
    """Return which character sheets the prompts wait for, and how to make or pin them.

    Args:
        names: Keys of the assets.
        sheets: What `missing_sheets` found.
        compiled: What `Studio.compile` made of the prompts.
    """
    asset = names.character_sheets.to_user_string()
    unmade = [key for key in sheets if key not in compiled.unpinned]
    texts = [compiled.unpinned[key] for key in sheets if key in compiled.unpinned]
    if unmade:
        texts.append(
            f"waits for the character sheet of {', '.join(unmade)}, which is not made yet: "
            f"materialize {asset} for it (paid once), look at it, and what waits goes on"
        )
    return "; ".join(texts)
