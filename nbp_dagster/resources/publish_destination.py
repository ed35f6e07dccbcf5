"""The repository that finished sets are published to, as a Dagster resource."""

from typing import Any

import dagster as dg
from pydantic import Field

from nbp_dagster.studio.publish import Destination, NotPublishable


class PublishDestination(dg.ConfigurableResource[Any]):
    """An Oxen repository, its branch, and the author that the commits name.

    Every field may be empty until `published_sets` is materialized: most projects never publish.

    Example:
        >>> PublishDestination(repository="acme/campaigns", author_name="Marketing", ...)
    """

    repository: str = Field(default="", description="The Oxen repository, as `namespace/name`.")
    branch: str = Field(default="main", description="The branch that gets the commit.")
    author_name: str = Field(default="", description="Name on the commit; the service demands one.")
    author_email: str = Field(
        default="", description="E-mail on the commit; the service demands one."
    )

    def require(self) -> Destination:
        """Return the destination.

        Raises:
            NotPublishable: A field is empty; all of them are named.
        """
        empty = [name for name in type(self).model_fields if not getattr(self, name)]
        if empty:
            variables = ", ".join(f"NBP_PUBLISH_{name.upper()}" for name in empty)
            raise NotPublishable(
                f"there is nowhere to publish to: set {variables}, or {', '.join(empty)} below "
                "`publish` of the component"
            )
        return Destination(self.repository, self.branch, self.author_name, self.author_email)
