"""`nbp schema`: JSON Schemas of the briefs, for editors; buys and fetches nothing."""

import json

import click

from nbp_dagster.cli.errors import report_errors

KINDS = ("brand", "campaign", "channels")


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@report_errors
def schema(kind: str | None) -> None:
    """Write JSON Schemas of the briefs into the config folder, for editors.

    Editors that know yaml-language-server check and complete a brief whose first line names its
    schema. With KIND, that schema is printed and nothing is written.
    """
    # Imported here: `nbp --help` needs neither pydantic nor YAML.
    from nbp_dagster.authoring.schemas import (
        SchemaKind,
        derive_schema,
        read_words,
        schema_line,
        write_schemas,
    )
    from nbp_dagster.settings import read_settings
    from nbp_dagster.yaml_source.problems import BriefError, BriefProblem

    config = read_settings().config
    kinds: dict[str, SchemaKind] = {
        "brand": "brand",
        "campaign": "campaign",
        "channels": "channels",
    }
    if kind is not None:
        printed = derive_schema(kinds[kind], read_words(config))
        click.echo(json.dumps(printed, indent=2, ensure_ascii=False))
        return
    if not config.is_dir():
        message = "no such folder; create it or set NBP_CONFIG to the folder of the briefs"
        raise BriefError(config, [BriefProblem(str(config), None, "", "", message)])
    for path in write_schemas(config):
        click.echo(path)
    click.echo("a brief is checked and completed in the editor once its first line is one of")
    for each in kinds.values():
        click.echo(schema_line(each))
