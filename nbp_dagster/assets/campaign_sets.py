"""The finished sets as assets: manifest, contact sheet and gallery page of each campaign."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import dagster as dg

from nbp_dagster.assets.automation_conditions import sets_follow
from nbp_dagster.assets.materializations import Recorder, latest_event
from nbp_dagster.assets.metadata import table
from nbp_dagster.assets.names import GROUP, Names
from nbp_dagster.assets.partitions import PartitionSets
from nbp_dagster.assets.step import (
    Execute,
    pass_through,
    run_within,
    studio_key,
    studio_of,
    tag_run,
)
from nbp_dagster.assets.step_failures import plain_failure
from nbp_dagster.clock import utc_date
from nbp_dagster.disclosure.description import describe_disclosure, find_old_rows
from nbp_dagster.disclosure.own_table import table_of
from nbp_dagster.foreign_text import escape_markdown
from nbp_dagster.prompts.channel_age import find_old_channels
from nbp_dagster.prompts.platform_logos import find_logo_problems
from nbp_dagster.studio.campaign_set import write_campaign_set
from nbp_dagster.studio.checks.check_table import CheckResult
from nbp_dagster.studio.checks.failure_words import FAILURE_WORDS
from nbp_dagster.studio.checks.set_checks import SET_CHECKS, run_set_checks
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import dialog_preview
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest, set_digest
from nbp_dagster.studio.report.report_reader import ReportReader
from nbp_dagster.studio.sets.set_writer import WrittenSet
from nbp_dagster.studio.studio import Studio

CODE_VERSION = "1"

# Rows of one table; the manifest has them all.
_ROWS = 200
# Of the contact sheet in an event: what a sheet of 24 pictures can be read at.
_SHEET_PX = 1280
# Characters of it: there is one a set, where pictures are thousands.
_SHEET_LIMIT = 120_000


def build_campaign_sets(
    partition_sets: PartitionSets, names: Names, *, execute: Execute = pass_through
) -> dg.AssetsDefinition:
    """Return the asset of finished sets, one partition a campaign."""

    @dg.asset(
        key=names.campaign_sets,
        partitions_def=partition_sets.campaigns,
        deps=[
            dg.AssetDep(names.channel_images, partition_mapping=partition_sets.campaigns_by_prompt)
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        code_version=CODE_VERSION,
        check_specs=[
            dg.AssetCheckSpec(check.name, asset=names.campaign_sets, description=check.description)
            for check in SET_CHECKS
        ],
        required_resource_keys={studio_key(names)},
        group_name=GROUP,
        kinds={"html"},
        automation_condition=sets_follow(),
        owners=["team:marketing"],
        description=(
            "A campaign's pictures as a folder to open, zip or mail: `index.html` (the gallery), "
            "`manifest.json` (one row a picture, with its whole lineage), `contact_sheet.jpg`, and "
            "the files by channel. Free. Prompts without a picture are listed with the reason."
        ),
    )
    @run_within(execute)
    def campaign_sets(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult]:
        results: dict[str, tuple[CheckResult, ...]] = {}
        with plain_failure(context):
            studio = studio_of(context, names)
            tag_run(context, studio, context.partition_keys)
            for campaign_id in context.partition_keys:
                written = write_set(context, studio, names, campaign_id=campaign_id)
                results[campaign_id] = _judge(studio, written)
        wanted = {key.name for key in context.selected_asset_check_keys}
        for place, check in enumerate(SET_CHECKS):
            if check.name in wanted:
                of_check = {name: found[place] for name, found in results.items()}
                yield _sum_up(names.campaign_sets, check.name, of_check)

    return campaign_sets


def write_set(
    context: dg.AssetExecutionContext, studio: Studio, names: Names, *, campaign_id: str
) -> WrittenSet:
    """Write a campaign's set, record it, and log where its pictures do not agree.

    Raises:
        NbpError: It can't be written.
    """
    recorder = Recorder(context, names.campaign_sets, code_version=CODE_VERSION)
    pointer = latest_event(context)
    written = write_campaign_set(studio, campaign_id)
    recorder.record(
        campaign_id,
        data_version=written.digest,
        inputs={names.channel_images: written.digest},
        pointer=pointer,
        metadata=_describe(studio, written),
    )
    for result in _judge(studio, written):
        if result.verdict == "failed":
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=names.campaign_sets,
                    check_name=result.name,
                    passed=False,
                    partition=campaign_id,
                    severity=dg.AssetCheckSeverity[result.severity.upper()],
                    description=f"{campaign_id}: {result.sentence}",
                    metadata={"why": result.sentence, **result.figures},
                )
            )
    return written


def _judge(studio: Studio, written: WrittenSet) -> tuple[CheckResult, ...]:
    brand = studio.briefs.brands[written.manifest.brand.id]
    return run_set_checks(written.manifest, brand.blocking_checks)


def _sum_up(
    asset: dg.AssetKey, check: str, results: Mapping[str, CheckResult]
) -> dg.AssetCheckResult:
    """One evaluation a run and check; each set that falls short has its own as well."""
    failed = {name: item for name, item in results.items() if item.verdict == "failed"}
    skipped = sum(result.verdict == "skipped" for result in results.values())
    counted = f"{len(results) - len(failed) - skipped} of {len(results)} sets passed"
    wrong = f"; {FAILURE_WORDS[check]}: {', '.join(failed)}" if failed else ""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR
        if any(result.severity == "error" for result in failed.values())
        else dg.AssetCheckSeverity.WARN,
        description=f"{counted}{wrong}",
        metadata={
            "sets": len(results),
            "failed": len(failed),
            "skipped": skipped,
            "findings": table(
                {"set": name, "verdict": result.verdict, "why": result.sentence}
                for name, result in results.items()
            ),
        },
    )


def _describe(studio: Studio, written: WrittenSet) -> dict[str, object]:
    manifest = written.manifest
    totals = manifest.totals
    return {
        **_describe_pages(studio, written),
        "manifest": dg.MetadataValue.path(str(written.manifest_path.absolute())),
        "pictures": totals.pictures,
        "prompts_made": totals.prompts_made,
        "spent_usd": float(totals.spent_usd),
        "prompts": _describe_prompts(manifest),
        "commit": studio.commit or "not in a git checkout",
        "without_picture": dg.MetadataValue.md(
            "\n".join(
                # The service's words: they may hold links, and images that tell who looks.
                f"- `{item.prompt_key}`: {escape_markdown(item.reason)}"
                for item in manifest.missing
            )
            or "none"
        ),
        **_describe_likenesses(manifest),
        **_describe_old_channels(studio, manifest.campaign.id),
        "disclosure": "; ".join(describe_disclosure(studio.briefs, [manifest.campaign.id])),
        **describe_report(studio, manifest),
    }


def describe_report(studio: Studio, manifest: SetManifest) -> dict[str, Any]:
    """What the campaign came to so far; Dagster plots the numbers over time.

    A figure that is not there is left out: no price of an approved picture before one is approved.
    """
    budgets = {each.id: Decimal(str(each.budget_usd)) for each in studio.briefs.campaigns.values()}
    reader = ReportReader(studio.spending, studio.decisions, studio.now, budgets.get)
    report = reader.read(manifest)
    spending, price = report.spending, report.usd_per_approved
    facts: dict[str, Any] = {
        "drawn_by": "SIMULATED" if manifest.simulated else "live",
        "missing": manifest.totals.missing,
        "campaign_made": spending.made,
        "campaign_reused": manifest.totals.reused,
        "campaign_refused": spending.refused,
        "campaign_spent_usd": float(spending.billed_usd),
        **{state: number for state, number in report.states.items()},
        "ever_rejected": report.ever_rejected,
        "approved_as_a_whole": report.is_approved,
        "set_digest": set_digest(manifest),
    }
    if report.budget_usd is not None:
        facts["budget_usd"] = float(report.budget_usd)
    if price is not None:
        facts["usd_per_approved_picture"] = round(float(price), 4)
    if report.reasons:
        facts["rejections"] = table(
            {"by": by, "name": name, "pictures": number}
            for by, rows in (
                ("check", report.reasons),
                ("shot", report.by_shot),
                ("character", report.by_character),
            )
            for name, number in rows.items()
        )
    facts["check_pass_rates"] = table(
        {
            "check": each.name,
            "passed": each.passed,
            "failed": each.failed,
            "skipped": each.skipped,
            "rate": "" if each.rate is None else round(each.rate, 4),
        }
        for each in report.checks
    )
    return facts


def _describe_old_channels(studio: Studio, campaign_id: str) -> dict[str, object]:
    """The campaign's channels whose figures may be old, where there are any."""
    today = utc_date(studio.now())
    old = find_old_channels(studio.briefs, today, [campaign_id])
    lines = [f"- `{problem.value}`: {problem.message}" for problem in old]
    found = find_logo_problems(studio.briefs, today, [campaign_id])
    lines += [f"- {problem.message}" for problem in found]
    lines += [f"- {warning}" for warning in find_old_rows(today, table_of(studio.briefs))]
    return {"old_channels": dg.MetadataValue.md("\n".join(lines))} if lines else {}


def _describe_pages(studio: Studio, written: WrittenSet) -> dict[str, object]:
    """The gallery and the contact sheet: as links where the folder of sets is served."""
    gallery, sheet = written.index.absolute(), written.contact_sheet.absolute()
    facts: dict[str, object] = {
        "gallery": dg.MetadataValue.path(str(gallery)),
        "contact_sheet": dg.MetadataValue.path(str(sheet)),
    }
    base = studio.options.gallery_url
    if base is not None:
        address = f"{base.rstrip('/')}/{quote(written.manifest.campaign.id)}"
        # Another digest is another picture, whatever a browser has kept.
        picture = f"{address}/{sheet.name}?{written.digest[:8]}"
        page = f"{address}/{gallery.name}"
        facts["open_gallery"] = dg.MetadataValue.url(page)
        facts["preview"] = dg.MetadataValue.md(f"[![contact sheet]({picture})]({page})")
    elif studio.options.preview_px:
        image = decode_image(sheet.read_bytes(), what=sheet.name).image
        facts["preview"] = dg.MetadataValue.md(dialog_preview(image, _SHEET_PX, limit=_SHEET_LIMIT))
    return facts


def _describe_prompts(manifest: SetManifest) -> dg.TableMetadataValue | str:
    """What each prompt cost (USD) and took (seconds), and how its pictures passed."""
    by_prompt: dict[str, list[Picture]] = {}
    for picture in manifest.pictures:
        by_prompt.setdefault(picture.prompt_key, []).append(picture)
    return table(
        {
            "prompt": key,
            "image_price_usd": float(pictures[0].price_usd),
            "billing": "reused" if pictures[0].reused else "billed",
            "seconds_taken": _known(pictures[0].seconds_taken),
            "seconds_queued": _known(pictures[0].seconds_queued),
            "seconds_working": _known(pictures[0].seconds_working),
            "pictures": len(pictures),
            "failed_checks": sum(len(picture.failed_checks) for picture in pictures),
        }
        for key, pictures in list(by_prompt.items())[:_ROWS]
    )


def _known(seconds: float | None) -> float | str:
    return "" if seconds is None else round(seconds, 3)


def _describe_likenesses(manifest: SetManifest) -> dict[str, object]:
    """The least like of each character, and numbers that Dagster plots over time."""
    facts: dict[str, object] = {}
    for character in dict.fromkeys(row.character for row in manifest.likenesses):
        rows = [row for row in manifest.likenesses if row.character == character]
        facts[f"lowest_standing_{character}"] = rows[0].standing
        facts[f"mean_standing_{character}"] = sum(row.standing for row in rows) / len(rows)
        known = [row.self_similarity for row in rows if row.self_similarity is not None]
        if known:
            facts[f"self_similarity_{character}"] = sum(known) / len(known)
    if manifest.likenesses:
        facts["least_like_first"] = table(
            {
                "character": row.character,
                "prompt": row.prompt_key,
                "answer": row.answer,
                "decided_by": row.path,
                "standing": row.standing,
                "score": row.score,
                "self_similarity": "" if row.self_similarity is None else row.self_similarity,
                "scorer": f"{row.scorer} {row.scorer_version}",
            }
            for row in manifest.likenesses[:_ROWS]
        )
    return facts
