"""Talking to a simulator's own routes from a test: bills, logs, faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

# A simulator that draws pictures for others answers late on a busy machine.
_SECONDS = 60


@dataclass(frozen=True)
class ServiceProbe:
    """Looks into a simulator, and scripts what goes wrong in it."""

    url: str

    @property
    def bills(self) -> int:
        """How many generations were charged."""
        return int(self._get("bills")["count"])

    @property
    def stats(self) -> dict[str, Any]:
        """Counters of the simulator."""
        return self._get("stats")

    @property
    def completions(self) -> dict[str, float]:
        """When each job was completed, in seconds since the epoch, by generation id."""
        jobs = self._get("jobs")["jobs"]
        return {
            job["generation_id"]: job["completed_at"]
            for job in jobs
            if job["completed_at"] is not None
        }

    def requests(self, path: str) -> list[dict[str, Any]]:
        """The log of requests whose path contains `path`."""
        found = self._get("requests", path=path)["requests"]
        return [entry for entry in found if isinstance(entry, dict)]

    def script(self, *faults: dict[str, Any]) -> None:
        """Put faults in force."""
        answer = requests.post(
            f"{self.url}/_simulator/faults", json={"faults": list(faults)}, timeout=_SECONDS
        )
        assert answer.status_code == 200, answer.text

    def change_price(self, model: str, usd: float) -> None:
        """Have a model cost another price from now on."""
        answer = requests.post(
            f"{self.url}/_simulator/prices", json={"model": model, "usd": usd}, timeout=_SECONDS
        )
        assert answer.status_code == 200, answer.text

    def change_model(
        self, model: str, *, offered: bool = True, ratios: Sequence[str] | None = None
    ) -> None:
        """Withdraw a model from the catalogue, or have its schema list other aspect ratios."""
        body = {"model": model, "offered": offered, "ratios": ratios and list(ratios)}
        answer = requests.post(f"{self.url}/_simulator/models", json=body, timeout=_SECONDS)
        assert answer.status_code == 200, answer.text

    @property
    def billed_usd(self) -> Decimal:
        """The sum of all charges in USD."""
        return Decimal(str(round(self._get("bills")["usd"], 6)))

    def reset(self) -> None:
        """Have it forget every job, bill and fault."""
        requests.post(f"{self.url}/_simulator/reset", timeout=_SECONDS).raise_for_status()

    def heal(self) -> None:
        """Take every fault out of force."""
        requests.delete(f"{self.url}/_simulator/faults", timeout=_SECONDS).raise_for_status()

    def _get(self, name: str, **query: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/_simulator/{name}", params=query, timeout=_SECONDS)
        answer.raise_for_status()
        return dict(answer.json())
