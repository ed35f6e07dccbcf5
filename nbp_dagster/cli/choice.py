"""Which campaigns a command is about: those named on its line, or all."""

from collections.abc import Sequence

import click

from nbp_dagster.briefs.brief import Briefs


def choose_campaigns(briefs: Briefs, campaigns: Sequence[str]) -> list[str]:
    """Return the named campaigns in brief order, or all of them where none is named.

    Raises:
        click.UsageError: There is no such campaign; those there are get listed.
    """
    unknown = [campaign for campaign in campaigns if campaign not in briefs.campaigns]
    if unknown:
        raise click.UsageError(
            f"no campaign {', '.join(unknown)} in {briefs.root}; "
            f"there are: {', '.join(briefs.campaigns) or 'none'}"
        )
    return [item for item in briefs.campaigns if not campaigns or item in campaigns]
