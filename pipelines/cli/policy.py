"""Commands about the rules: `policy lint`, `policy explain`, `policy schema`."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.codes import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.estate import Estate
    from retention_rules.policy import Policy
    from retention_rules.problems import Problem

policy = typer.Typer(help="Policies: check them, explain them, and what a change would do.", no_args_is_help=True)


class Format(enum.StrEnum):
    """How an explanation is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


class Spoken(enum.StrEnum):
    """A language in which explanations and reports are written."""

    EN = "en"
    FR = "fr"


class Files(enum.StrEnum):
    """The kinds of files that there is a schema for."""

    POLICY = "policy"
    TERMS = "terms"


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(policy, name="policy")


@policy.command("lint")
def lint(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Policies by name or file; without any, those of the estate, held against its data."),
    ] = None,
) -> None:
    """Find everything that is wrong or suspicious with policies.

    Each problem stands on a line of its own with its file and line, errors and warnings. Ends with 3 when there are
    errors, with 0 when there are only warnings.
    """
    from pipelines.cli.context import load_estate

    if names:
        folders = _folders(ctx)
        found = [each for name in names for each in _alone(name, folders)]
    else:
        found = _of_estate(load_estate(ctx))
    for problem, is_error in sorted(dict.fromkeys(found), key=lambda each: (not each[1], each[0])):
        kind = "error" if is_error else "warning"
        typer.echo(f"{_near(problem.file)}:{problem.line}: {kind}: {problem.what}. {problem.remedy}.")
    errors = sum(is_error for _, is_error in set(found))
    typer.echo(f"{_counted(errors, 'error')}, {_counted(len(set(found)) - errors, 'warning')}.")
    if errors:
        raise typer.Exit(Exit.INVALID)


@policy.command("explain")
def explain(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A controller of the estate, or a policy by name or file.")],
    form: Annotated[Format, typer.Option("--format", help="How it is printed.")] = Format.TABLE,
    language: Annotated[Spoken, typer.Option(help="The language of the headings and bases.")] = Spoken.EN,
) -> None:
    """Show a policy as a table that a lawyer can read.

    Category, purpose, basis, starting point, period, condition, end action and source. Of a controller of the estate
    with the figures that its tenants and contracts give.
    """
    from pipelines.cli import policy_tables as tables
    from pipelines.cli.context import console
    from retention_rules.policy_table import Language
    from retention_rules.policy_table import explain as explained

    found, role = _found(ctx, name)
    spoken = Language(language.value)
    explanation = explained(found, spoken)
    if form is Format.TABLE:
        out = console()
        if out.width >= tables.WIDE:
            out.print(tables.policy_table(explanation, spoken))
        else:
            for line in tables.listing(explanation, spoken):
                out.print(line)
        for title, pairs in tables.legend(explanation, spoken):
            out.print(f"\n[bold]{title}[/]")
            for each, meaning in pairs:
                out.print(f"{each}: {meaning}" if meaning else each, markup=False)
        if role:
            out.print(f"\n{name}: {role}", markup=False)
    elif form is Format.MARKDOWN:
        typer.echo(tables.as_markdown(explanation, spoken), nl=False)
    elif form is Format.HTML:
        typer.echo(tables.as_html(explanation, spoken), nl=False)
    else:
        typer.echo(tables.as_json(explanation), nl=False)


@policy.command("schema")
def schema(
    kind: Annotated[Files, typer.Argument(help="The files that it describes.")] = Files.POLICY,
) -> None:
    """Print the JSON schema of policies or of files of terms, for editors."""
    from retention_rules.schema import text_of

    typer.echo(text_of(kind.value), nl=False)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _near(file: str) -> str:
    """A file as it is called from here."""
    from pathlib import Path

    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _folders(ctx: typer.Context) -> list[Path]:
    """The estate's own policies, where there is an estate."""
    from pathlib import Path

    from pipelines.errors import UsageError
    from pipelines.estate import find_estate

    try:
        folder = Path(ctx.obj) if ctx.obj else find_estate(Path.cwd())
    except UsageError:
        return []
    return [folder / "policies"]


def _alone(name: str, folders: list[Path]) -> list[tuple[Problem, bool]]:
    """What is to be said of one policy by itself, and whether it is an error."""
    from retention_rules.lint import Severity, located
    from retention_rules.lint import lint as linted
    from retention_rules.loading import load_policy
    from retention_rules.problems import PolicyInvalid

    try:
        loaded = load_policy(name, folders, figures=None)
    except PolicyInvalid as invalid:
        return [(problem, True) for problem in invalid.problems]
    return [(located(loaded, each), each.severity is Severity.ERROR) for each in linted(loaded)]


def _of_estate(estate: Estate) -> list[tuple[Problem, bool]]:
    """What is to be said of every policy of an estate, held against its data maps."""
    from pipelines.errors import EstateInvalid
    from pipelines.estate.terms import figures_of, unplaced
    from retention_rules.lint import Severity, located

    found: list[tuple[Problem, bool]] = []
    policies = {}
    for controller in estate.controllers:
        try:
            policies[controller] = estate.policy(controller)
        except EstateInvalid as invalid:
            found += [(problem, True) for problem in invalid.problems]
    broken = set(estate.controllers) - set(policies)
    for file in estate.map_files.values():
        found += [(problem, True) for problem in file.check_policies(policies, ignore=broken)]
    for controller, loaded in policies.items():
        remarks = estate.lint(loaded, controller)
        found += [(located(loaded, each), each.severity is Severity.ERROR) for each in remarks]
        figures = figures_of(controller, estate.terms, estate.data_maps)
        found += [(problem, True) for problem in unplaced(loaded, controller, figures, estate.data_maps)]
    return found


def _found(ctx: typer.Context, name: str) -> tuple[Policy, str]:
    """A controller's policy and its role, or a policy by itself and nothing."""
    from pathlib import Path

    from pipelines.cli.context import load_estate
    from retention_rules.loading import load_policy

    folders = _folders(ctx)
    if folders and (folders[0].parent / "ardoise.toml").is_file():
        estate = load_estate(ctx)
        if name in estate.controllers:
            return estate.policy(name), estate.config.controllers[name].role
    return load_policy(Path(name) if name.endswith((".yaml", ".yml")) else name, folders, figures=None), ""
