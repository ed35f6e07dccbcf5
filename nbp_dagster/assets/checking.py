"""The checks of the pictures as Dagster asset checks: one evaluation a run, whatever its size."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

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


@dataclass
class _Count:
    """One check over all pictures looked at."""

    pictures: int = 0
    failed: int = 0
    skipped: int = 0
    # Those shown; `failed` counts them all.
    shown: list[tuple[Picture, CheckFacts]] = field(default_factory=list)


class Judgement:
    """What the checks said of a run's pictures, added up as they come; keeps no record.

    Every picture's own results are in its partition's metadata, its record and the manifest; an
    event a picture and check would cost more than the check itself.

    Example:
        >>> judgement = Judgement(names.channel_images)
        >>> judgement.add(record)
        >>> yield from judgement.results(context.selected_asset_check_keys)
    """

    def __init__(self, asset: dg.AssetKey) -> None:
        self._asset = asset
        self._counts = {check.name: _Count() for check in CHECKS}

    def add(self, record: PromptRecord) -> None:
        """Count a prompt's pictures."""
        for picture in record.pictures:
            for item in picture.checks:
                count = self._counts.get(item.name)
                if count is None:
                    # Recorded by a version that had another check.
                    continue
                count.pictures += 1
                count.skipped += item.verdict == "skipped"
                if item.verdict == "failed":
                    count.failed += 1
                    if len(count.shown) < _ROWS:
                        count.shown.append((picture, item))

    def results(self, selected: Iterable[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckResult]:
        """Sum each selected check up over all pictures of the run."""
        wanted = {key.name for key in selected}
        for check in CHECKS:
            count = self._counts[check.name]
            # Nothing looked at is nothing said: neither passed nor failed.
            if check.name in wanted and count.pictures:
                yield _result(check.name, check.severity, self._asset, count)


def log_shortfalls(
    context: dg.AssetExecutionContext, record: PromptRecord, asset: dg.AssetKey
) -> None:
    """Log an evaluation for each check in which a prompt falls short, and for no other."""
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


def _result(name: str, severity: str, asset: dg.AssetKey, count: _Count) -> dg.AssetCheckResult:
    passed = count.pictures - count.failed - count.skipped
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not count.failed,
        severity=dg.AssetCheckSeverity[severity.upper()],
        description=f"{passed} of {count.pictures} pictures passed",
        metadata={
            "pictures": count.pictures,
            "failed": count.failed,
            "skipped": count.skipped,
            "falling_short": _shortfalls(count.shown),
        },
    )
