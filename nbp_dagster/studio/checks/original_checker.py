"""Runs the original checks: gathers their input from the briefs, the request and the response."""

import hashlib
import json
import logging
import threading
from dataclasses import dataclass
from typing import Final

from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.render_context import RenderContext
from nbp_dagster.prompts.request import ImageRequest, Reference
from nbp_dagster.studio.checks.check_table import CheckResult, run_table
from nbp_dagster.studio.checks.logo import LogoTemplate, prepare_logo
from nbp_dagster.studio.checks.original_checks import ORIGINAL_CHECKS, OriginalInput
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.resize import Pyramid
from nbp_dagster.studio.references.reference_files import ReadReference

_LOG = logging.getLogger(__name__)

# Raised when equal originals would get other verdicts.
ORIGINAL_CHECKS_VERSION: Final = "2"


_LOGO_SIDE = 512  # pixels a logo is decoded at, at least


@dataclass(frozen=True)
class ReceivedFile:
    """The file type of a received original: by its first bytes, and by the service."""

    file_type: str
    labelled: str = ""


class OriginalChecker:
    """Checks originals for one run; safe to use from several threads.

    Args:
        read: Gives references, for the logo that was sent along.
    """

    def __init__(self, read: ReadReference) -> None:
        self._read = read
        self._logos: dict[str, LogoTemplate | None] = {}
        self._lock = threading.Lock()

    def stamp(self, context: RenderContext) -> str:
        """Return the hash of what a verdict depends on besides the original and its request."""
        facts = {
            "version": ORIGINAL_CHECKS_VERSION,
            "palette": dict(context.brand.palette),
            "targets": {name: str(target) for name, target in context.palette_targets.items()},
            "blocking": sorted(context.brand.blocking_checks),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def check(
        self,
        context: RenderContext,
        request: ImageRequest,
        pyramid: Pyramid,
        received: ReceivedFile,
    ) -> tuple[CheckResult, ...]:
        """Run every check on one original.

        Args:
            context: The prompt's briefs.
            request: The request it was made by.
            pyramid: Its pixels.
            received: Its file type.
        """
        logo = next((item for item in request.references if item.role == "logo"), None)
        subject = OriginalInput(
            prompt_key=context.prompt.key,
            pyramid=pyramid,
            file_type=received.file_type,
            labelled=received.labelled,
            ratio=str(request.parameters.get("aspect_ratio", context.prompt.ratio)),
            resolution=str(request.parameters.get("resolution", "")),
            palette=context.brand.palette,
            targets=context.palette_targets,
            logo=None if logo is None else lambda: self._template_of(logo),
        )
        return run_table(ORIGINAL_CHECKS, subject, blocking=context.brand.blocking_checks)

    def _template_of(self, logo: Reference) -> LogoTemplate | None:
        """The logo's template, prepared once a run."""
        with self._lock:
            if logo.digest not in self._logos:
                self._logos[logo.digest] = self._prepare(logo)
            return self._logos[logo.digest]

    def _prepare(self, logo: Reference) -> LogoTemplate | None:
        what = f"logo of {logo.subject}"
        try:
            data = self._read(logo.source, logo.digest)
            return prepare_logo(decode_image(data, what=what, least_side=_LOGO_SIDE).image)
        except NbpError as error:
            _LOG.warning("%s is not looked for: %s", what, error)
            return None
