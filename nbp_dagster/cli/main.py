"""The `nbp` command group and its help; each command is a module of `cli.commands`.

Every command starts this module, so it imports click and nothing heavy: no Dagster, no database,
no imaging.
"""

import warnings

import click

from nbp_dagster.cli.authoring.new import new
from nbp_dagster.cli.authoring.schema import schema
from nbp_dagster.cli.authoring.watch import watch
from nbp_dagster.cli.commands.calibrate import calibrate
from nbp_dagster.cli.commands.canary import canary
from nbp_dagster.cli.commands.doctor import doctor
from nbp_dagster.cli.commands.export import export
from nbp_dagster.cli.commands.gallery import gallery
from nbp_dagster.cli.commands.gc import gc
from nbp_dagster.cli.commands.ledger import ledger
from nbp_dagster.cli.commands.plan import plan
from nbp_dagster.cli.commands.report import report
from nbp_dagster.cli.commands.review import review
from nbp_dagster.cli.commands.run import run
from nbp_dagster.cli.commands.sheets import sheets
from nbp_dagster.cli.commands.simulator import simulator
from nbp_dagster.cli.commands.validate import validate
from nbp_dagster.cli.commands.whois import whois
from nbp_dagster.version import __version__


class _GroupWithSettings(click.Group):
    """A group whose help ends with the settings, which are imported only to be printed."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.epilog = _describe_settings()
        super().format_epilog(ctx, formatter)


def _describe_settings() -> str:
    """List every environment variable with its default, from the settings themselves."""
    # pydantic-settings: a third of what `nbp --version` costs without it.
    from nbp_dagster.settings import Settings, variable_of

    lines = ["\b", "Settings are environment variables:"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f" [{field.default}]"
        lines.append(f"  {variable_of(name)}{default}")
        lines.append(f"      {field.description}")
    return "\n".join(lines)


@click.group(cls=_GroupWithSettings, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nbp")
def main() -> None:
    """Brand briefs in, sets of marketing images with consistent characters out."""
    # Our own error names the size of a picture that is too large; Pillow's warning is not needed.
    warnings.filterwarnings("ignore", message=r"Image size \(\d+ pixels\) exceeds limit")


for command in (
    new,
    schema,
    validate,
    watch,
    plan,
    run,
    ledger,
    calibrate,
    whois,
    gallery,
    review,
    report,
    export,
    simulator,
    sheets,
    canary,
    doctor,
    gc,
):
    main.add_command(command)
