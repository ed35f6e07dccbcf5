"""Paths of a studio's data under `NBP_HOME`; writes nothing."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StudioPaths:
    """The folders and files under one home."""

    home: Path

    @property
    def store(self) -> Path:
        """Image bytes by digest."""
        return self.home / "store"

    @property
    def ledger(self) -> Path:
        """The SQLite ledger."""
        return self.home / "ledger.sqlite"

    @property
    def review_key(self) -> Path:
        """The secret that signs the review page's cookies and share links."""
        return self.home / "review.key"

    @property
    def home_id(self) -> Path:
        """Which home this is, for a ledger that several use."""
        return self.home / "home.id"

    @property
    def handed_over(self) -> Path:
        """The shared ledger that has got this home's records."""
        return self.home / "handed_over.json"

    @property
    def owners(self) -> Path:
        """The lock file of each owner that is alive."""
        return self.home / "owners"

    @property
    def rate_limits(self) -> Path:
        """A file for each key: the state of its rate limiter."""
        return self.home / "pace"

    @property
    def uploads(self) -> Path:
        """A note for each uploaded reference image, one folder a repository."""
        return self.home / "uploads"

    @property
    def records(self) -> Path:
        """Prompt records, one file a prompt."""
        return self.home / "records"

    @property
    def deliveries(self) -> Path:
        """Sets as they are published where variants were passed over, one folder a campaign."""
        return self.home / "deliveries"

    @property
    def reports(self) -> Path:
        """Pages of what campaigns came to, one a campaign."""
        return self.home / "reports"

    @property
    def calibrations(self) -> Path:
        """Calibrated thresholds, one file a brand."""
        return self.home / "calibrations"

    @property
    def models(self) -> Path:
        """Each model as the last run saw it, one folder a provider."""
        return self.home / "models"

    @property
    def sheets(self) -> Path:
        """Pages that show the candidates of a character's sheet, one a character."""
        return self.home / "sheets"

    @property
    def sharing(self) -> Path:
        """What is here of the sets that machines share, one note a campaign."""
        return self.home / "sharing"

    @property
    def sets(self) -> Path:
        """Finished sets, one folder a campaign."""
        return self.home / "sets"
