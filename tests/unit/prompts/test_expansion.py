"""Campaigns become prompts: which, in which order, under which keys, how fast."""

import re

import pytest

from nbp_dagster.briefs.channels import load_packaged_channels
from nbp_dagster.briefs.load import Briefs
from nbp_dagster.briefs.models import Campaign, Shot
from nbp_dagster.prompts.expansion import (
    Prompt,
    drawn_locale,
    expand,
    expand_campaign,
    find_drawn_forms,
    group_channels,
    locales_of,
    sheet_keys,
)

CHANNELS = load_packaged_channels()


def make_campaign(*shots: Shot, **changes: object) -> Campaign:
    fields = {
        "id": "spring",
        "brand": "solstice",
        "objective": "launch",
        "locales": ("en", "de_AT"),
        "channels": ("instagram_story", "x_post", "facebook_story"),
        "budget_usd": 10,
        "shots": shots,
    }
    return Campaign.model_validate({**fields, **changes})


def drawn(name: str) -> Shot:
    return Shot(id=name, scene="a scene", copy={"headline": {"en": "Hi", "de_AT": "Servus"}})


def test_keys_run_by_shot_then_locale_then_ratio_then_variant() -> None:
    campaign = make_campaign(drawn("one"), Shot(id="two", scene="a scene"), variants=2)

    assert [prompt.key for prompt in expand_campaign(campaign, CHANNELS)] == [
        "spring/one/en/9x16/v1",
        "spring/one/en/9x16/v2",
        "spring/one/en/16x9/v1",
        "spring/one/en/16x9/v2",
        "spring/one/de_AT/9x16/v1",
        "spring/one/de_AT/9x16/v2",
        "spring/one/de_AT/16x9/v1",
        "spring/one/de_AT/16x9/v2",
        "spring/two/all/9x16/v1",
        "spring/two/all/9x16/v2",
        "spring/two/all/16x9/v1",
        "spring/two/all/16x9/v2",
    ]


def test_channels_of_one_ratio_share_one_paid_picture() -> None:
    campaign = make_campaign(Shot(id="two", scene="a scene"))

    assert expand_campaign(campaign, CHANNELS) == (
        Prompt(
            "spring/two/all/9x16/v1",
            "spring",
            "two",
            "all",
            "9:16",
            1,
            ("instagram_story", "facebook_story"),
        ),
        Prompt("spring/two/all/16x9/v1", "spring", "two", "all", "16:9", 1, ("x_post",)),
    )


def test_only_words_the_model_draws_need_a_picture_for_each_locale() -> None:
    copy = {"headline": {"en": "Hi", "de_AT": "Servus"}}
    composited = Shot(id="c", scene="a scene", text="composited", copy=copy)
    campaign = make_campaign(drawn("d"), composited, channels=("x_post",))

    prompts = expand_campaign(campaign, CHANNELS)

    assert [prompt.locale for prompt in prompts] == ["en", "de_AT", "all"]
    assert [locales_of(prompt, campaign) for prompt in prompts] == [
        ("en",),
        ("de_AT",),
        ("en", "de_AT"),
    ]


@pytest.mark.parametrize(
    "banner", ["display_728x90", "display_970x90", "display_320x50", "display_970x250"]
)
def test_a_banner_of_drawn_words_is_one_picture_without_words_for_all_locales(banner: str) -> None:
    campaign = make_campaign(drawn("one"), channels=("x_post", banner), variants=2)

    prompts = expand_campaign(campaign, CHANNELS)

    assert [prompt.key for prompt in prompts] == [
        "spring/one/en/16x9/v1",
        "spring/one/en/16x9/v2",
        "spring/one/de_AT/16x9/v1",
        "spring/one/de_AT/16x9/v2",
        "spring/one/all/21x9/v1",
        "spring/one/all/21x9/v2",
    ]
    assert locales_of(prompts[-1], campaign) == ("en", "de_AT")
    found = {drawn_locale(prompt, campaign.shot("one")) for prompt in prompts}
    assert found == {"en", "de_AT", None}


def test_a_banner_among_other_channels_of_its_ratio_has_a_picture_of_its_own() -> None:
    campaign = make_campaign(drawn("one"), channels=("instagram_story", "display_160x600"))
    campaign = campaign.model_copy(update={"locales": ("en",)})

    assert {prompt.key: prompt.channels for prompt in expand_campaign(campaign, CHANNELS)} == {
        "spring/one/en/9x16/v1": ("instagram_story",),
        "spring/one/all/9x16/v1": ("display_160x600",),
    }


@pytest.mark.parametrize("text", ["none", "composited"])
def test_banners_share_the_picture_of_their_ratio_where_no_words_are_drawn(text: str) -> None:
    shot = Shot(id="two", scene="a scene", text=text)
    campaign = make_campaign(shot, channels=("instagram_story", "display_160x600"))

    (prompt,) = expand_campaign(campaign, CHANNELS)

    assert prompt.channels == ("instagram_story", "display_160x600")
    assert find_drawn_forms(prompt, campaign, group_channels(campaign, CHANNELS)) == ()


def test_a_banner_s_picture_was_once_drawn_for_each_locale_and_all_channels_of_its_ratio() -> None:
    campaign = make_campaign(drawn("one"), channels=("instagram_story", "display_160x600"))
    prompts = {prompt.key: prompt for prompt in expand_campaign(campaign, CHANNELS)}
    banner = prompts["spring/one/all/9x16/v1"]

    groups = group_channels(campaign, CHANNELS)
    forms = find_drawn_forms(banner, campaign, groups)

    assert [form.locale for form in forms] == ["en", "de_AT"]
    assert {form.key for form in forms} == {banner.key}
    assert {form.channels for form in forms} == {("instagram_story", "display_160x600")}
    assert find_drawn_forms(prompts["spring/one/en/9x16/v1"], campaign, groups) == ()


def test_all_campaigns_follow_in_the_order_of_their_files(briefs: Briefs) -> None:
    keys = [prompt.key for prompt in expand(briefs)]

    assert len(keys) == len(set(keys)) == 25
    assert keys[0] == "spring_launch/kitchen/en/4x5/v1"
    assert keys[-1] == "tidal_always/wave/all/16x9/v1"


def test_keys_are_safe_as_partition_keys_and_paths(briefs: Briefs) -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9_/-]+", prompt.key) for prompt in expand(briefs))


def test_every_character_of_every_brand_has_a_sheet(briefs: Briefs) -> None:
    assert sheet_keys(briefs) == ("solstice/mira", "solstice/otto")


def test_ten_thousand_prompts_have_keys_of_their_own() -> None:
    campaign = make_campaign(*(drawn(f"s{n}") for n in range(1250)), variants=2)
    assert len({prompt.key for prompt in expand_campaign(campaign, CHANNELS)}) == 10_000


def test_a_shot_is_found_by_its_id_and_the_campaign_stays_as_it_was() -> None:
    campaign = make_campaign(drawn("one"), drawn("two"))

    assert campaign.shot("two") is campaign.shots[1]
    assert campaign == make_campaign(drawn("one"), drawn("two"))
    assert campaign.model_dump() == make_campaign(drawn("one"), drawn("two")).model_dump()
    with pytest.raises(KeyError):
        campaign.shot("three")


def test_keys_of_a_chain_are_those_of_its_first_model_whoever_draws() -> None:
    banners = {"channels": ("display_728x90", "instagram_square")}
    chain = {"models": ("google-nano-banana-pro", "nano-banana-2-1"), "fall_back": "shot"}
    shot = Shot(id="two", scene="a scene")

    first = make_campaign(shot, **banners, **chain)
    fallen = first.model_copy(update={"model": "nano-banana-2-1"})
    other = make_campaign(shot, **banners, model="nano-banana-2-1")

    keys = [prompt.key for prompt in expand_campaign(first, CHANNELS)]
    assert keys == ["spring/two/all/21x9/v1", "spring/two/all/1x1/v1"]
    assert [prompt.key for prompt in expand_campaign(fallen, CHANNELS)] == keys
    assert expand_campaign(other, CHANNELS)[0].key == "spring/two/all/8x1/v1"
