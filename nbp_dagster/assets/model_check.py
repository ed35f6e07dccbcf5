"""The check of brand kits that tells of models gone or changed, before anything is bought."""

from collections.abc import Collection

import dagster as dg

from nbp_dagster.assets.metadata import table
from nbp_dagster.assets.names import Names
from nbp_dagster.oxen.errors import OxenError
from nbp_dagster.studio.ordering.model_memory import ModelNews
from nbp_dagster.studio.studio import Studio

MODEL_AVAILABLE = "model_available"


def model_check_spec(names: Names) -> dg.AssetCheckSpec:
    """Return the spec of the check; a failure of it fails no run."""
    return dg.AssetCheckSpec(
        MODEL_AVAILABLE,
        asset=names.brand_kits,
        description=(
            "Every model that a brand's campaigns name is in the service's catalogue, at the price "
            "and with the schema that the last run saw."
        ),
    )


def check_models(studio: Studio, names: Names, campaigns: Collection[str]) -> dg.AssetCheckResult:
    """Return the check's result for some campaigns, and remember the models as they are now.

    A service that can't be asked fails the check, and no run: brand kits need nothing of it.
    """
    try:
        news = studio.compiler.models.find_news(campaigns)
    except OxenError as error:
        return dg.AssetCheckResult(
            asset_key=names.brand_kits,
            check_name=MODEL_AVAILABLE,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"the service could not be asked: {error}",
        )
    studio.compiler.models.remember(campaigns, now=studio.now())
    return dg.AssetCheckResult(
        asset_key=names.brand_kits,
        check_name=MODEL_AVAILABLE,
        passed=not news,
        severity=_severity(news),
        description=_describe(news) or "every model is as the last run saw it",
        metadata={"models": _tabulate(studio, news, campaigns)},
    )


def log_model_news(
    context: dg.AssetExecutionContext, studio: Studio, names: Names, campaigns: Collection[str]
) -> None:
    """Log a failed evaluation where there is news, from a step that is about to buy.

    Raises:
        OxenError: The service can't be asked.
    """
    news = studio.compiler.models.find_news(campaigns)
    if news:
        context.log.warning("%s", _describe(news))
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=names.brand_kits,
                check_name=MODEL_AVAILABLE,
                passed=False,
                severity=_severity(news),
                description=_describe(news),
                metadata={"models": _tabulate(studio, news, campaigns)},
            )
        )
    studio.compiler.models.remember(campaigns, now=studio.now())


def _tabulate(
    studio: Studio, news: Collection[ModelNews], campaigns: Collection[str]
) -> dg.TableMetadataValue | str:
    """Return a row a model, with the campaigns whose briefs are to be looked at."""
    users = studio.compiler.models.list_users
    return table(
        {
            "model": item.model,
            "campaigns": ", ".join(users(item.model, campaigns)),
            "state": "gone" if item.is_gone else "changed",
            "what": item.sentence,
        }
        for item in news
    )


def _describe(news: Collection[ModelNews]) -> str:
    return "; ".join(item.sentence for item in news)


def _severity(news: Collection[ModelNews]) -> dg.AssetCheckSeverity:
    gone = any(item.is_gone for item in news)
    return dg.AssetCheckSeverity.ERROR if gone else dg.AssetCheckSeverity.WARN
