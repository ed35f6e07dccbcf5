"""Dagster's SQLite event log in a home that does not name the folder of its files."""

from pathlib import Path
from typing import Any, Self

import dagster as dg

from nbp_dagster._dagster_private import (
    ConfigurableClassData,
    SqliteEventLogStorage,
    UserConfigSchema,
)


class HomeEventLog(SqliteEventLogStorage):
    """Dagster's class, which takes its folder from the instance.

    Args:
        base_dir: Folder of the database files; Dagster's usual one within its home when None, known
            as soon as an instance takes this storage.
        inst_data: How Dagster was configured to make this.
    """

    def __init__(
        self, base_dir: str | None = None, inst_data: ConfigurableClassData | None = None
    ) -> None:
        self._inst_data = inst_data
        if base_dir is not None:
            super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        return cls(config_value.get("base_dir"), inst_data)

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        if not hasattr(self, "_base_dir"):
            # dagster.yaml can't name its own folder, and a home may be moved.
            folder = Path(instance.root_directory) / "history" / "runs"
            super().__init__(str(folder), self._inst_data)
        super().register_instance(instance)
