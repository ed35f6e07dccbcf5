"""A network is used only where it is the file that was tried, and says what to do where not."""

import hashlib
import importlib.util
from pathlib import Path

import pytest

from nbp_dagster.studio.vision import network
from nbp_dagster.studio.vision.network import (
    FOLDER,
    SHA256,
    NetworkMissing,
    open_session,
    read_network,
    require_package,
)


@pytest.mark.parametrize("name", SHA256)
def test_each_carried_file_is_the_one_that_was_tried(name: network.NetworkName) -> None:
    data = read_network(FOLDER / f"{name}.onnx", SHA256[name])
    assert hashlib.sha256(data).hexdigest() in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_a_spoilt_file_is_refused_by_name(tmp_path: Path) -> None:
    data = bytearray((FOLDER / "face_detection_full_range.onnx").read_bytes())
    data[5000] ^= 1
    path = tmp_path / "face_detection_full_range.onnx"
    path.write_bytes(data)
    with pytest.raises(NetworkMissing, match=r"face_detection_full_range\.onnx has sha256 .* was "):
        read_network(path, SHA256["face_detection_full_range"])


def test_an_absent_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NetworkMissing, match=r"face_resnet\.onnx can't be read: No such file"):
        read_network(tmp_path / "face_resnet.onnx", SHA256["face_resnet"])


def test_a_package_that_is_absent_is_named_with_the_extra() -> None:
    with pytest.raises(NetworkMissing, match=r"onnx_walks is not installed; .*\[character\]"):
        require_package("onnx_walks")


@pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="the extra character is not installed"
)
def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(NetworkMissing, match=r"mine\.onnx: no model that onnxruntime can load"):
        open_session(b"\x00\x01 not a model", "mine.onnx")
