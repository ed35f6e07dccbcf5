"""Loads the ONNX networks that this package carries, after comparing their SHA-256."""

import hashlib
import importlib
import importlib.util
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from nbp_dagster.errors import NbpError

INSTALL: Final = 'pip install "nbp-dagster[character]"'
"""Brings what networks need to run."""

NetworkName = Literal["face_detection_full_range", "face_resnet"]

FOLDER: Final = Path(__file__).parent / "networks"
SHA256: Final[dict[NetworkName, str]] = {
    "face_detection_full_range": "786a9e1cf41b91876bdaeb5e4153e9e5f0cfe3946491d1f71b33e0db4fb61a5f",
    "face_resnet": "405d25efbc6fc6a5a30c73c34ab04cd1b92186c3544b8f281b49f3126f1281ad",
}
"""As `scripts/convert_face_models.py` prints them; the licences lie beside the files."""

_AGAIN: Final = "install nbp-dagster again"
# One picture keeps one core busy; several are looked at at a time.
_THREADS: Final = 1
_LOADING: Final = threading.Lock()


class NetworkMissing(NbpError):
    """A network can't be used here; the message names what to do."""


def load_network(name: NetworkName) -> Any:
    """Return the session of a carried network, loaded once a process; safe between threads.

    Raises:
        NetworkMissing: onnxruntime is not installed, or the file is absent or another one.
    """
    with _LOADING:
        return _load_once(name)


@cache
def _load_once(name: NetworkName) -> Any:
    require_package("onnxruntime")  # before the file: its absence is the likelier reason
    return open_session(read_network(FOLDER / f"{name}.onnx", SHA256[name]), f"{name}.onnx")


def read_network(path: Path, expected: str, *, advice: str = _AGAIN) -> bytes:
    """Return a network's bytes.

    Args:
        path: Its file.
        expected: Its SHA-256, hex.
        advice: What to do where it is absent or another.

    Raises:
        NetworkMissing: The file can't be read, or its SHA-256 is not the expected one.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NetworkMissing(f"{path} can't be read: {error.strerror}; {advice}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != expected:
        raise NetworkMissing(
            f"{path} has sha256 {digest[:12]}..., and {expected[:12]}... was tried; {advice}"
        )
    return data


def open_session(data: bytes, what: str) -> Any:
    """Return an onnxruntime session of one thread.

    Args:
        data: An ONNX model.
        what: Names it in an error.

    Raises:
        NetworkMissing: onnxruntime is not installed, or can't load the model.
    """
    runtime = require_package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = _THREADS
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class for each of its many reasons
        first = str(error).splitlines()[0]
        raise NetworkMissing(f"{what}: no model that onnxruntime can load: {first}") from error


def require_package(package: str) -> Any:
    """Import a package of the extra.

    Raises:
        NetworkMissing: It is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise NetworkMissing(f"{package} is not installed; {INSTALL}")
    return importlib.import_module(package)
