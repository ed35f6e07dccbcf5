"""One thing that was looked at, and what to do about it."""

from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["sound", "warning", "fault", "not_used"]

SIGNS: dict[Verdict, str] = {"sound": "ok", "warning": "warning", "fault": "FAULT", "not_used": "-"}
"""How each verdict stands in the table."""


@dataclass(frozen=True)
class Finding:
    """What was found of one part of an installation.

    Attributes:
        part: What was looked at, such as "ledger".
        verdict: "fault" where a run would fail or go wrong; "warning" where it goes on for now.
        words: What was found; no secret, and no password of a URL.
        advice: What to do; empty where nothing is to be done.
    """

    part: str
    verdict: Verdict
    words: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "part": self.part,
            "verdict": self.verdict,
            "words": self.words,
            "advice": self.advice,
        }
