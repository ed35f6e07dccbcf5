"""The `CharacterScorer` protocol, and the scorer without a model: containment of Lab colours.

A scorer with a model is a module beside this one, as `patch_scorer`; `measure_characters` loads it.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.checks.characters.colour import bins_of, share_bins
from nbp_dagster.studio.checks.characters.figures import Figure, cut_figures

Features = tuple[NDArray[np.float32], ...]
"""What a scorer keeps of a figure or a picture; only the scorer that made it reads it."""


class ScorerMissing(NbpError):
    """The configured scorer can't work here; the message names what to do."""


class CharacterScorer(Protocol):
    """Scores how much of a character's look a picture has.

    A scorer knows one figure and one picture at a time. A score has a meaning only beside the
    scores of others: see `Lineup`.

    Attributes:
        name: Its name everywhere: settings, metadata, calibration.
        version: Changes when equal pictures would be scored otherwise.
    """

    name: str
    version: str

    def cut(self, reference: Image.Image) -> tuple[Figure, ...]:
        """Return the views of a character that a reference shows."""
        ...

    def describe(self, figure: Figure) -> Features:
        """Return what is recognised of one view of a character."""
        ...

    def look_at(self, picture: Image.Image) -> Features:
        """Return what is seen in a whole picture, RGB of any size."""
        ...

    def compare(self, reference: Features, picture: Features) -> float:
        """Return how much of the reference the picture has: higher is more."""
        ...

    def trace(self, references: Sequence[Features], picture: Features) -> bytes:
        """Return what of the character this picture shows, to be kept; see `agreement`."""
        ...


class ColourScorer:
    """Containment: the share of a figure's colours that the picture has, in eight times the count.

    The figure may be small in the picture, hence eight; its pose does not matter. Characters of
    equal colours and different bodies look alike to it.

    Example:
        >>> from nbp_dagster.studio.checks.characters.figures import cut_figures
        >>> red = Image.new("RGB", (64, 64), "#C02020")
        >>> scorer = ColourScorer()
        >>> scorer.compare(scorer.describe(cut_figures(red)[0]), scorer.look_at(red))
        1.0
    """

    name = "colour"
    version = "1"

    _SIDE: Final = 160  # pixels a picture is looked at with: more tell no more of its colours
    _FILL: Final = 8.0

    def cut(self, reference: Image.Image) -> tuple[Figure, ...]:
        """Return the figures on a plain ground; the whole picture where there is none."""
        return cut_figures(reference)

    def describe(self, figure: Figure) -> Features:
        """Return the shares of the figure's Lab bins."""
        return (share_bins(bins_of(figure.image)[figure.mask]),)

    def look_at(self, picture: Image.Image) -> Features:
        """Return the shares of the picture's Lab bins."""
        small = picture.resize((self._SIDE, self._SIDE), Image.Resampling.BOX, reducing_gap=2.0)
        return (share_bins(bins_of(small)),)

    def compare(self, reference: Features, picture: Features) -> float:
        """Return the containment, 0 to 1."""
        return round(float(np.minimum(reference[0], self._FILL * picture[0]).sum()), 6)

    def trace(self, references: Sequence[Features], picture: Features) -> bytes:
        """Return how much of each of the character's colours is there, in 255ths."""
        whole = np.mean([each[0] for each in references], axis=0)
        kept = np.flatnonzero(whole > 0.004)
        found = np.minimum(1.0, self._FILL * picture[0][kept] / whole[kept])
        # Large colours count for more: each is repeated by its share of the figure.
        times = np.maximum(1, np.rint(whole[kept] * 64)).astype(int)
        return (np.repeat(found, times) * 255).astype(np.uint8).tobytes()
