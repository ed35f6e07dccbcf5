"""Ids that validate can be written as file names."""

from pathlib import Path

import pytest

from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.briefs.models import MAX_ID_CHARACTERS
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.studio.manifest.manifest import picture_file
from nbp_dagster.studio.storage.files import write_atomically

CAMPAIGN = Path("campaigns") / "spring_launch.yaml"


def rename_shot(config_dir: Path, name: str) -> None:
    path = config_dir / CAMPAIGN
    text = path.read_text(encoding="utf-8")
    assert "id: kitchen\n" in text
    path.write_text(text.replace("id: kitchen\n", f"id: {name}\n", 1), encoding="utf-8")


@pytest.mark.parametrize("length", [MAX_ID_CHARACTERS + 1, 230, 256, 3000])
def test_an_id_too_long_for_a_file_is_one_error(config_dir: Path, length: int) -> None:
    rename_shot(config_dir, "k" * length)

    with pytest.raises(BriefError) as caught:
        load_briefs(config_dir)

    [problem] = caught.value.problems
    assert str(problem).endswith(f"{length} characters; accepted: at most {MAX_ID_CHARACTERS}")
    assert "campaigns/spring_launch.yaml:" in str(problem)
    assert len(str(problem)) < 300


def test_the_files_of_the_longest_ids_can_be_written(config_dir: Path, tmp_path: Path) -> None:
    longest = "k" * MAX_ID_CHARACTERS
    rename_shot(config_dir, longest)

    prompts = [prompt for prompt in expand(load_briefs(config_dir)) if prompt.shot == longest]

    assert prompts
    for prompt in prompts:
        write_atomically(tmp_path / f"{prompt.key}.json", b"{}")
        file = picture_file(
            channel=longest,
            shot=longest,
            locale="de_AT",
            ratio=prompt.ratio,
            variant=prompt.variant,
            file_type="avif",
        )
        # What encrypted home folders (eCryptfs) leave of a name, with that of a temporary file.
        assert len(Path(file).name) + len("..12345678") <= 143
        write_atomically(tmp_path / file, b"x")
