"""A folder of pictures in place of the painter: chosen by index, ratio and the prompt's hash."""

import json
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.simulator.painting.picture_folder import INDEX, PictureFolder

SIZES = {"a.jpg": (640, 640), "b.png": (512, 512), "wide.webp": (688, 384), "c.jpg": (300, 300)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, (name, size) in enumerate(SIZES.items()):
        Image.new("RGB", size, (number * 40, 90, 120)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def name_of(folder: Path, data: bytes) -> str:
    return next(path.name for path in sorted(folder.iterdir()) if path.read_bytes() == data)


def test_the_prompt_chooses_among_those_of_the_ratio(folder: Path) -> None:
    pictures = PictureFolder.open(folder)
    square = [pictures.read(f"cup {number}", ratio="1:1", variant=0) for number in range(20)]
    assert {name_of(folder, data) for data in square} == {"a.jpg", "b.png", "c.jpg"}
    assert name_of(folder, pictures.read("a cup", ratio="16:9", variant=0)) == "wide.webp"
    assert pictures.read("a cup", ratio="9:16", variant=0), "none has it: any"


def test_equal_requests_give_equal_pictures_and_another_take_gives_another(folder: Path) -> None:
    takes = [PictureFolder.open(folder).read("a cup", ratio="1:1", variant=n) for n in (0, 0, 1)]
    assert takes[0] == takes[1]
    assert takes[1] != takes[2]


def test_the_index_goes_before_ratio_and_hash_and_its_first_piece_wins(folder: Path) -> None:
    (folder / INDEX).write_text(json.dumps({"red fox": "wide.webp", "fox": "a.jpg"}))
    pictures = PictureFolder.open(folder)
    for prompt, name in {"A red fox": "wide.webp", "A grey fox": "a.jpg"}.items():
        assert name_of(folder, pictures.read(prompt, ratio="1:1", variant=3)) == name


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "holds a list"),
        ('{"fox": "lost.png"}', "names 'lost.png', which is no picture of the folder"),
        ('{"fox": 1}', "names 1, which is no picture"),
    ],
)
def test_an_index_that_can_not_be_used_is_one_error(folder: Path, index: str, words: str) -> None:
    (folder / INDEX).write_text(index)
    with pytest.raises(ValueError, match=words) as caught:
        PictureFolder.open(folder)
    assert str(folder / INDEX) in str(caught.value)


def test_a_folder_without_pictures_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no JPEG, PNG or WebP picture"):
        PictureFolder.open(tmp_path)
    with pytest.raises(ValueError, match="is no folder"):
        PictureFolder.open(tmp_path / "lost")
