"""What `dg scaffold defs` writes for the component: an instance, and small briefs that work."""

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import dagster as dg
from dagster.components import scaffold_component

_EXAMPLE = files("nbp_dagster.components").joinpath("example")

_COMPONENT_PY = """\
import dagster as dg

from {module} import {name}


@dg.component_instance
def load(context: dg.ComponentLoadContext) -> {name}:
    return {name}(briefs="briefs", key_prefix="{prefix}")
"""


class BrandCampaignsScaffolder(dg.Scaffolder[Any]):
    """Writes defs.yaml (or component.py), and an example brand and campaign beside it."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write the files; briefs that are there already are left alone."""
        folder = request.target_path.parent if request.append else request.target_path
        # Its own prefix, so that a second scaffolded instance does not collide with the first.
        prefix = re.sub(r"\W", "_", folder.name, flags=re.ASCII)
        if request.scaffold_format == "python":
            module, _, name = request.type_name.rpartition(".")
            text = _COMPONENT_PY.format(module=module, name=name, prefix=prefix)
            (folder / "component.py").write_text(text, encoding="utf-8")
        else:
            attributes = {"briefs": "briefs", "key_prefix": prefix, "mode": "simulator"}
            scaffold_component(request, attributes)
        _write_example(folder / "briefs")


def _write_example(target: Path) -> None:
    if target.exists():
        return
    for path, source in _files_in(_EXAMPLE):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(source.read_bytes())


def _files_in(folder: Traversable) -> Iterator[tuple[Path, Traversable]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from ((Path(item.name) / path, file) for path, file in _files_in(item))
        elif item.name.endswith(".yaml"):
            yield Path(item.name), item
