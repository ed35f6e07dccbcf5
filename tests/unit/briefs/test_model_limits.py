"""The packaged table of models, and ratios compared with a live schema."""

import pytest

from nbp_dagster.briefs.model_limits import (
    Capabilities,
    RequestError,
    check_ratio,
    load_known_models,
)
from nbp_dagster.simulator.catalogue import Catalogue, SchemaName

PANORAMAS = ("4:1", "1:4", "8:1", "1:8")


def test_the_models_are_known_by_id_with_a_day_and_a_source() -> None:
    known = load_known_models()

    assert list(known) == ["google-nano-banana-pro", "nano-banana-2-1"]
    assert set(known["nano-banana-2-1"].ratios) >= set(PANORAMAS)
    assert not set(known["google-nano-banana-pro"].ratios) & set(PANORAMAS)


@pytest.mark.parametrize("schema", ["page", "live"])
def test_what_is_known_of_a_model_is_what_the_simulator_lists(schema: SchemaName) -> None:
    for model in load_known_models().values():
        spec = Catalogue(schema).find(model.id)
        assert spec is not None
        listed = set(spec.properties["aspect_ratio"]["enum"]) - {"auto"}
        assert listed <= set(model.ratios)
        assert listed == set(model.ratios) or model.unlisted == "nearest"
        own = {"prompt", "input_image", "aspect_ratio", "resolution"}
        for name in set(spec.properties) - own:
            rule = spec.properties[name]
            accepted = rule.get("enum", [True, False])
            assert tuple(accepted) == model.parameters[name]


def check(model: str, ratio: str, *listed: str) -> None:
    capabilities = Capabilities(("auto", *listed), ("1K",))
    check_ratio(ratio, model, capabilities, what="display_728x90", where="campaigns/a.yaml")


def test_a_ratio_that_a_known_model_has_lost_is_one_error_with_what_to_do() -> None:
    with pytest.raises(RequestError) as caught:
        check("nano-banana-2-1", "8:1", "1:1", "16:9")

    assert str(caught.value) == (
        "campaigns/a.yaml: nano-banana-2-1 does not list the aspect ratio 8:1 now, in which "
        "display_728x90 is asked for; accepted: auto, 1:1, 16:9; leave the channel out or name "
        "another model"
    )


@pytest.mark.parametrize(
    ("model", "ratio"),
    [
        ("nano-banana-2-1", "1:1"),
        # The nearest is asked for instead.
        ("google-nano-banana-pro", "21:9"),
        ("somebody-elses", "21:9"),
        # The key of a campaign whose first model draws what this one never did.
        ("nano-banana-2-1", "7:1"),
    ],
)
def test_a_ratio_that_is_listed_or_may_be_replaced_is_no_error(model: str, ratio: str) -> None:
    check(model, ratio, "1:1", "16:9")
