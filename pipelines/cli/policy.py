"""The group `policy`: what a policy says, and what a change of it would do."""

from __future__ import annotations

import typer

policy = typer.Typer(help="Policies: what they say, and what a change would do.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(policy, name="policy")
