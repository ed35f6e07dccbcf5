"""The checks of the pictures as Dagster asset checks: one evaluation a run, whatever its size."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from nbp_dagster.assets.metadata import table
from nbp_dagster.studio.checks import CHECKS
from nbp_dagster.studio.manifest import CheckFacts, Picture
from nbp_dagster.studio.records import PromptRecord

# Rows of pictures that fall short in one evaluation; their number is given in full.
_ROWS = 200


def specs(asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Return a spec for every check of the table in `studio.checks`."""
    return [
        dg.AssetCheckSpec(check.name, asset=asset, description=check.description)
        for check in CHECKS
    ]


def results(
    records: Sequence[PromptRecord], asset: dg.AssetKey, selected: Iterable[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Sum each selected check up over all pictures of the run.

    Every picture's own results are in its partition's metadata, its record and the manifest; an
    event a picture and check would cost more than the check itself.
    """
    wanted = {key.name for key in selected}
    for check in CHECKS:
        if check.name in wanted:
            facts = [
                (picture, item)
                for record in records
                for picture in record.pictures
                for item in picture.checks
                if item.name == check.name
            ]
            if facts:
                # Nothing looked at is nothing said: neither passed nor failed.
                yield _result(check.name, check.severity, asset, facts)


def log_shortfalls(
    context: dg.AssetExecutionContext, records: Iterable[PromptRecord], asset: dg.AssetKey
) -> None:
    """Log an evaluation of its own for each prompt that falls short, and for no other."""
    for record in records:
        for name in sorted({item.name for pic in record.pictures for item in pic.failed_checks}):
            found = [
                (picture, item)
                for picture in record.pictures
                for item in picture.failed_checks
                if item.name == name
            ]
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=asset,
                    check_name=name,
                    passed=False,
                    partition=record.prompt_key,
                    severity=dg.AssetCheckSeverity[found[0][1].severity.upper()],
                    metadata={"falling_short": _shortfalls(found)},
                )
            )


def _shortfalls(
    failed: Sequence[tuple[Picture, CheckFacts]],
) -> dg.TableMetadataValue | str:
    return table(
        {
            "prompt": picture.prompt_key,
            "channel": picture.channel,
            "locale": picture.locale,
            "why": item.sentence,
        }
        for picture, item in failed[:_ROWS]
    )


def _result(
    name: str, severity: str, asset: dg.AssetKey, facts: Sequence[tuple[Picture, CheckFacts]]
) -> dg.AssetCheckResult:
    failed = [(picture, item) for picture, item in facts if item.verdict == "failed"]
    skipped = sum(item.verdict == "skipped" for _, item in facts)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not failed,
        severity=dg.AssetCheckSeverity[severity.upper()],
        description=f"{len(facts) - len(failed) - skipped} of {len(facts)} pictures passed",
        metadata={
            "pictures": len(facts),
            "failed": len(failed),
            "skipped": skipped,
            "falling_short": _shortfalls(failed),
        },
    )
