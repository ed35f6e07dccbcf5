"""When a free asset follows a paid one by itself; no condition here is for an asset that spends."""

from collections.abc import Sequence

import dagster as dg

from nbp_dagster.assets.names import Names, scoped

Condition = dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]


def renditions_follow() -> Condition:
    """Return when a prompt's renditions are made: its image is another, and nobody made them.

    A run that makes both handles the renditions itself, whichever it records first.
    """
    return _follow("the image is new, and its renditions were not made with it")


def sets_follow() -> Condition:
    """Return when a campaign's set is made: some of its renditions are others, none is under way.

    Prompts without a picture do not hold it back: a set lists them. A backfill does, be it of the
    set or of its prompts: its runs come one after the other, and a set belongs after the last.
    """
    is_asked_for: Condition = dg.AutomationCondition.backfill_in_progress()
    return _follow(
        "renditions of the campaign are new, and its set does not have them yet",
        but=(is_asked_for, dg.AutomationCondition.any_deps_match(is_asked_for)),
    )


def build_automation_sensor(
    names: Names, *, status: dg.DefaultSensorStatus
) -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that evaluates the conditions, over the free assets and no other."""
    return dg.AutomationConditionSensorDefinition(
        scoped(names, "free_assets_follow"),
        target=dg.AssetSelection.assets(names.channel_images, names.campaign_sets),
        default_status=status,
        run_tags={"nbp/launched_by": scoped(names, "free_assets_follow")},
        description=(
            "Makes renditions and sets after new images that came without them. Free: it can "
            "launch `channel_images` and `campaign_sets` only."
        ),
    )


def _follow(label: str, *, but: Sequence[Condition] = ()) -> Condition:
    condition = dg.AutomationCondition
    changed = condition.any_deps_match(condition.data_version_changed())
    follows = (
        changed.since_last_handled() & ~condition.any_deps_in_progress() & ~condition.in_progress()
    )
    for held_back in but:
        follows = follows & ~held_back
    return follows.with_label(label)
