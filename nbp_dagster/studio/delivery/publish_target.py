"""What a place that sets are published to can do; each kind of place has a module of its own."""

from dataclasses import dataclass
from typing import Protocol

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.delivery.parcel import Parcel


class DeliveryError(NbpError):
    """A target can't be reached, read or written; what it had before is still what it has."""


@dataclass(frozen=True)
class Delivered:
    """What a target did with a parcel.

    Attributes:
        target: The target's name.
        place: Where the set is now.
        is_new: False when the target had this very set already, and nothing was written.
        commit: The commit's id, where the target makes commits.
    """

    target: str
    place: str
    is_new: bool
    commit: str | None = None


class PublishTarget(Protocol):
    """Takes sets whole or not at all."""

    @property
    def name(self) -> str:
        """What people call it; holds no secret."""
        ...

    @property
    def is_trial(self) -> bool:
        """Whether it takes simulated pictures."""
        ...

    def read(self, campaign_id: str, file: str) -> bytes | None:
        """Return a file of the set that the target has of a campaign now; None without one.

        Raises:
            NbpError: The target can't be read.
        """
        ...

    def deliver(self, parcel: Parcel) -> Delivered:
        """Take a set, so that whoever reads the target finds the old one or all of this one.

        Raises:
            NbpError: The target can't be written; it has the set it had.
        """
        ...
