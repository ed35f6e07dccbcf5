"""The code location: briefs in, image sets out."""

from nbp_dagster.project import build_definitions

defs = build_definitions()
