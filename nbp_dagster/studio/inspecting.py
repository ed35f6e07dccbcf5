"""What is looked at once a prompt, on its original: likeness to sheets, and words."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from nbp_dagster.brand.requests import ImageRequest, Sheet
from nbp_dagster.studio.fit import Pyramid
from nbp_dagster.studio.measuring import Measurer, facts_of
from nbp_dagster.studio.outcomes import Made
from nbp_dagster.studio.reading.lettering import Lettering, lettering_of
from nbp_dagster.studio.reading.proofreading import Proofreader
from nbp_dagster.studio.records import PromptRecord
from nbp_dagster.studio.scenes import Scene

# Pixels of the shorter side of the copy an original is measured on.
_MEASURED_SIDE = 224


class Inspector:
    """Measures and reads originals, and has their checks judged.

    Args:
        measurer: Compares them with sheets; None to measure nothing.
        proofreader: Reads them; None to read nothing.
    """

    def __init__(
        self, measurer: Measurer | None = None, proofreader: Proofreader | None = None
    ) -> None:
        self._measurer = measurer
        self._proofreader = proofreader

    def stamp(self, scene: Scene, sheets: Mapping[str, Sheet] | None) -> str:
        """Return the hash of what a prompt's original is measured and read by; empty for nothing.

        Installing or setting what measures or reads changes it, so that it is done then.
        """
        measured = read = ""
        if self._measurer is not None and sheets is not None:
            measured = self._measurer.stamp(scene.brand, sheets, scene.shot.characters)
        if self._proofreader is not None:
            read = self._proofreader.stamp(scene.brand, _lettering_of(scene))
        if measured and read:
            return hashlib.sha256(f"{measured}\n{read}".encode()).hexdigest()
        return measured or read

    def inspect(
        self,
        scene: Scene,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        sheets: Mapping[str, Sheet] | None,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return a prompt's record with all that is looked at once for all its renditions.

        Args:
            scene: What the briefs say.
            request: What the original was made by; its references may bring lettering.
            made: The original.
            original: Its pixels.
            sheets: What it is measured against, by `brand/character`; None not to measure it.
            record: What was made of it, and what was read on it before.
        """
        record = self._measure(scene, original, sheets, record)
        if self._proofreader is not None:
            proof = self._proofreader.proofread(
                scene.brand,
                _lettering_of(scene),
                prompt_key=record.prompt_key,
                original=made.image.sha256,
                picture=original.levels[0],
                references=request.references,
                earlier=record.reading,
            )
            checks = (*record.checks, *map(facts_of, proof.results))
            record = replace(record, checks=checks, reading=proof.reading or record.reading)
        return replace(record, measured=self.stamp(scene, sheets))

    def _measure(
        self,
        scene: Scene,
        original: Pyramid,
        sheets: Mapping[str, Sheet] | None,
        record: PromptRecord,
    ) -> PromptRecord:
        """Return the record with what its original was measured to be."""
        cast = scene.shot.characters
        if (
            self._measurer is None
            or sheets is None
            or not self._measurer.stamp(scene.brand, sheets, cast)
        ):
            return replace(record, checks=(), likenesses=())
        levels = (level for level in reversed(original.levels) if min(level.size) >= _MEASURED_SIDE)
        found = self._measurer.measure(
            scene.brand,
            sheets,
            prompt_key=record.prompt_key,
            cast=cast,
            picture=next(levels, original.levels[0]),
        )
        return replace(record, checks=found.checks, likenesses=found.likenesses)


def _lettering_of(scene: Scene) -> Lettering:
    return lettering_of(scene.brand, scene.campaign, scene.shot, scene.prompt)
