"""What defs.yaml may change of each asset's spec, and the refusal of what would break the asset."""

from typing import Annotated

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver

from nbp_dagster.errors import NbpError

# What the asset's own code, its sensors and its recorded versions rely on, and where it is set.
_FIXED = {
    "key": "keys come from `key_prefix` of the component",
    "deps": "what an asset is made from is its own",
    "partitions_def": "partitions come from the briefs",
    "code_version": "the code version belongs to the asset's code",
    "skippable": "what an asset may leave out is its own",
}

SpecTranslation = Annotated[
    TranslationFn[dg.AssetSpec] | None,
    # `with_outer_resolver` is how Dagster's own class is given a description.
    TranslationFnResolver[dg.AssetSpec](
        template_vars_for_translation_fn=lambda spec: {}
    ).with_outer_resolver(
        dg.Resolver.default(
            description="What Dagster shows of each asset: group_name, owners, tags, kinds, "
            "description, metadata, freshness_policy, automation_condition; templates see the "
            "asset's own `spec`."
        )
    ),
]


class SpecRefused(NbpError):
    """A translation, or a subclass, changed something of an asset that its code relies on."""


def check_spec(own: dg.AssetSpec, shown: dg.AssetSpec) -> dg.AssetSpec:
    """Return the translated spec of an asset.

    Args:
        own: As this package makes it.
        shown: As `translation` or `get_asset_spec` returned it.

    Raises:
        SpecRefused: It differs in more than what Dagster shows; everything is named.
    """
    wrong = [
        f"{name} became {_show(getattr(shown, name))}: {reason}"
        for name, reason in _FIXED.items()
        if getattr(shown, name) != getattr(own, name)
    ]
    if wrong:
        raise SpecRefused(
            f"asset {own.key.to_user_string()}: {'; '.join(wrong)}; leave them out of "
            "`translation` and `get_asset_spec`, which may change group, owners, tags, kinds, "
            "description, metadata, freshness_policy and automation_condition"
        )
    return shown


def _show(value: object) -> str:
    if isinstance(value, dg.AssetKey):
        return value.to_user_string()
    return repr(value) if isinstance(value, str) else "another"
