"""Builds a campaign's manifest from its prompts' records; writes and draws nothing."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from nbp_dagster.briefs.brief import Briefs, wording_of
from nbp_dagster.briefs.models import Brand, Campaign, Shot
from nbp_dagster.prompts.edits import find_base
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.studio.checks.duplicates import find_duplicates
from nbp_dagster.studio.checks.set_outliers import rank_likenesses
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.manifest.manifest import (
    BrandFacts,
    CampaignFacts,
    ChannelFacts,
    CharacterFacts,
    Missing,
    Picture,
    SetManifest,
    ShotFacts,
    count_totals,
)
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.manifest.value_types import DuplicateFacts, LogoFacts, SafeArea

# Timeout of each call of git.
_GIT_SECONDS = 5.0


def assemble(
    briefs: Briefs,
    campaign_id: str,
    *,
    records: Mapping[str, PromptRecord],
    prompts: Iterable[Prompt],
    sheets: Mapping[str, Sheet],
    purchases: Mapping[str, Purchase],
    commit: str | None,
    now: float,
    compares: bool = True,
    problems: Mapping[str, str] = MappingProxyType({}),
    logos: tuple[LogoFacts, ...] = (),
) -> SetManifest:
    """Return the manifest of a campaign.

    Args:
        records: By prompt key; a prompt without one is listed as missing.
        prompts: Every prompt of the campaign.
        sheets: By `brand/character`; those that exist.
        purchases: The latest purchase of each prompt without a record, by prompt key: why it has
            none.
        commit: The commit the briefs were read from; see `commit_of`.
        now: Seconds since the epoch.
        compares: Whether originals are compared with each other, which takes seconds for thousands.
        problems: Why a prompt has no renditions although it has its original, by key.
        logos: The logo files of the set; see `logo_files`.
    """
    campaign = briefs.campaigns[campaign_id]
    brand = briefs.brands[campaign.brand]
    pictures: list[Picture] = []
    missing: list[Missing] = []
    wanted = tuple(prompts)
    for prompt in wanted:
        record = records.get(prompt.key)
        if record is not None:
            # The checks of the original hold for each of its renditions.
            pictures += [
                replace(picture, checks=(*picture.checks, *record.checks))
                for picture in record.pictures
            ]
        else:
            problem = problems.get(prompt.key)
            missing.append(_missing(prompt, purchases.get(prompt.key), problem))
    return SetManifest(
        name=title_of(briefs, campaign),
        created=datetime.fromtimestamp(now, UTC),
        simulated=any(picture.simulated for picture in pictures),
        brand=BrandFacts(id=brand.id, name=brand.name, palette=dict(brand.palette)),
        campaign=_campaign_facts(briefs, campaign, brand, commit),
        totals=count_totals(pictures, missing),
        channels=_channel_facts(briefs, campaign),
        shots=tuple(
            ShotFacts(
                id=shot.id,
                scene=shot.scene,
                characters=tuple(shot.characters),
                products=tuple(brand.products[item].name for item in shot.products),
                text=shot.text,
                copy=_copy_facts(brand, campaign, shot),
            )
            for shot in campaign.shots
        ),
        characters=_character_facts(brand, campaign, sheets),
        pictures=tuple(pictures),
        missing=tuple(missing),
        likenesses=rank_likenesses(records.values()),
        twins=_find_twins(campaign, wanted, records) if compares else (),
        logos=logos,
    )


def _find_twins(
    campaign: Campaign, prompts: Iterable[Prompt], records: Mapping[str, PromptRecord]
) -> tuple[DuplicateFacts, ...]:
    made = [prompt for prompt in prompts if prompt.key in records]
    bases = {prompt.key: find_base(prompt, campaign) for prompt in made}
    starts = {key: base for key, base in bases.items() if base is not None}
    return find_duplicates((records[prompt.key] for prompt in made), starts)


def title_of(briefs: Briefs, campaign: Campaign) -> str:
    """Return the title of a campaign's set."""
    return f"{briefs.brands[campaign.brand].name}: {campaign.id.replace('_', ' ')}"


def _campaign_facts(
    briefs: Briefs, campaign: Campaign, brand: Brand, commit: str | None
) -> CampaignFacts:
    source = briefs.source_of("campaign", campaign.id)
    return CampaignFacts(
        id=campaign.id,
        objective=campaign.objective,
        locales=tuple(campaign.locales),
        brief_path=f"campaigns/{source.path.name}",
        brief_sha256=source.sha256,
        commit=commit,
        markets=campaign.markets,
        realism=campaign.realism or brand.realism,
    )


def _copy_facts(brand: Brand, campaign: Campaign, shot: Shot) -> dict[str, dict[str, str]]:
    """Return the copy: field to locale to text, the brand's disclaimer included."""
    facts: dict[str, dict[str, str]] = {}
    for locale in campaign.locales:
        for name, text in wording_of(brand, shot, locale).items():
            facts.setdefault(name, {})[locale] = text
    return facts


def _channel_facts(briefs: Briefs, campaign: Campaign) -> tuple[ChannelFacts, ...]:
    channels = (briefs.channels[channel] for channel in campaign.channels)
    return tuple(
        ChannelFacts(
            id=channel.id,
            name=channel.name,
            width=channel.width,
            height=channel.height,
            safe_area=SafeArea(
                top=channel.safe_area.top,
                right=channel.safe_area.right,
                bottom=channel.safe_area.bottom,
                left=channel.safe_area.left,
            ),
        )
        for channel in channels
    )


def _character_facts(
    brand: Brand, campaign: Campaign, sheets: Mapping[str, Sheet]
) -> tuple[CharacterFacts, ...]:
    cast = dict.fromkeys(name for shot in campaign.shots for name in shot.characters)
    facts = []
    for character_id in cast:
        character = brand.characters[character_id]
        sheet = sheets.get(f"{brand.id}/{character_id}")
        facts.append(
            CharacterFacts(
                id=character_id,
                name=character.name,
                traits=tuple(character.traits),
                sheets=() if sheet is None else sheet.digests,
                kind=character.kind,
            )
        )
    return tuple(facts)


def _missing(prompt: Prompt, purchase: Purchase | None, problem: str | None) -> Missing:
    state, reason = "not_made", "not made yet"
    if problem is not None:
        state, reason = "failed", problem
    elif purchase is not None and purchase.state == "refused":
        state, reason = "refused", purchase.reason or "refused by the service"
    elif purchase is not None and purchase.state != "made":
        state, reason = "failed", purchase.reason or "the job has not come back yet"
    return Missing(
        prompt_key=prompt.key,
        shot=prompt.shot,
        locale=prompt.locale,
        ratio=prompt.ratio,
        variant=prompt.variant,
        channels=tuple(prompt.channels),
        state=state,  # type: ignore[arg-type]  # one of the three literals above
        reason=reason,
    )


def commit_of(folder: Path) -> str | None:
    """Return the checked-out commit (12 hex digits) of a folder of briefs.

    The suffix `+edited` marks a folder whose files differ from it. None where there is no git, no
    checkout, or no answer within five seconds: a run never waits for lineage.
    """
    git = shutil.which("git")
    if git is None or not folder.is_dir():
        return None
    try:
        head = _run_git(git, folder, "rev-parse", "--short=12", "HEAD")
        edited = _run_git(git, folder, "status", "--porcelain", "--", ".")
    except (subprocess.SubprocessError, OSError):
        return None
    return f"{head}+edited" if edited else head


def _run_git(git: str, folder: Path, *words: str) -> str:
    answer = subprocess.run(
        [git, "-C", str(folder), *words],
        capture_output=True,
        check=True,
        text=True,
        timeout=_GIT_SECONDS,
    )
    return answer.stdout.strip()
