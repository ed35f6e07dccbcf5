"""When a free asset follows a paid one by itself; no condition here is for an asset that spends."""

from collections.abc import Sequence

import dagster as dg

from nbp_dagster.assets.names import Names, scoped

Condition = dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey]

# The tags of a run that Dagster's daemon started anew, in a backfill.
_RETRY_IN_BACKFILL = frozenset({"dagster/backfill", "dagster/retry_number"})


def renditions_follow() -> Condition:
    """Return when a prompt's renditions are made: its image is another, and nobody made them.

    A run that makes both handles the renditions itself, whichever it records first.
    """
    return _follow("the image is new, and its renditions were not made with it")


def sets_follow() -> Condition:
    """Return when a campaign's set is made: some of its renditions are others, none is under way.

    Prompts without a picture do not hold it back: a set lists them. A backfill does, be it of the
    set or of its prompts: its runs come one after the other, and a set belongs after the last.

    For Dagster a backfill has failed prompts, and all that is downstream of them, from the end of
    the failed run to its next look after the end of that run's retry. In between the set is not in
    progress, and this would make it right before the backfill does: it waits for that look.
    """
    condition = dg.AutomationCondition
    is_asked_for: Condition = condition.backfill_in_progress()
    is_retried = condition.any_new_update_has_run_tags(tag_keys=_RETRY_IN_BACKFILL)
    return _follow(
        "renditions of the campaign are new, and its set does not have them yet",
        but=(
            is_asked_for,
            condition.any_deps_match(is_asked_for),
            _lately(condition.any_deps_match(is_retried)),
        ),
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


def _lately(condition: Condition) -> Condition:
    """Return whether a condition holds, or did in one of the two evaluations before.

    The sensor evaluates every 30 s, and as often does Dagster look at its backfills.
    """
    # The first evaluation has nothing before it that could have ended.
    is_later = ~dg.AutomationCondition.initial_evaluation()
    one_ago = (~condition).newly_true() & is_later
    # Not `~(condition | one_ago)`: what Dagster remembers of a `newly_true` it files by the name of
    # the operand's operator, and two of NOT would read each other's.
    two_ago = (~condition & ~one_ago).newly_true() & is_later
    return condition | one_ago | two_ago


def _follow(label: str, *, but: Sequence[Condition] = ()) -> Condition:
    condition = dg.AutomationCondition
    changed = condition.any_deps_match(condition.data_version_changed())
    follows = (
        changed.since_last_handled() & ~condition.any_deps_in_progress() & ~condition.in_progress()
    )
    for held_back in but:
        follows = follows & ~held_back
    return follows.with_label(label)
