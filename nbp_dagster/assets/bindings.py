"""The resources that the assets need, under the same prefix as the assets' keys.

A code location has one resource to a key, and a resource taken as a function's parameter has the
parameter's name for its key: two instances with a studio each would be refused.
"""

import dagster as dg

from nbp_dagster.assets.names import Names, scoped
from nbp_dagster.errors import NbpError
from nbp_dagster.resources.studio import StudioResource
from nbp_dagster.studio.progress import Progress
from nbp_dagster.studio.studio import Studio


def studio_key(names: Names) -> str:
    """Return the resource key of the `StudioResource`: `studio`, or `marketing__studio`."""
    return scoped(names, "studio")


def progress_key(names: Names) -> str:
    """Return the resource key of whoever is told of the outcomes."""
    return scoped(names, "progress")


def studio_of(context: dg.AssetExecutionContext, names: Names) -> Studio:
    """Return the open studio of a step that has `studio_key` among its resource keys."""
    resource: StudioResource = getattr(context.resources, studio_key(names))
    return resource.studio


def studio_of_tick(
    context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext, names: Names
) -> Studio:
    """Return the studio of a tick; it is opened when it is first asked for.

    Raises:
        NbpError: It can't be opened: a brief or a setting is not in order.
    """
    try:
        resource: StudioResource = getattr(context.resources, studio_key(names))
    except dg.DagsterError as error:
        # Dagster wraps what a resource raises; the tick has one line for it, not a traceback.
        if isinstance(error.__cause__, NbpError):
            raise error.__cause__ from None
        raise
    return resource.studio


def progress_of(context: dg.AssetExecutionContext, names: Names) -> Progress:
    """Return the listener of a step that has `progress_key` among its resource keys."""
    listener: Progress = getattr(context.resources, progress_key(names))
    return listener
