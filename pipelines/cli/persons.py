"""A person whom a command is about: her address is asked for, unseen, and nothing but digests of it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.estate import Estate


def ask_for_person(estate: Estate, name: str) -> list[str]:
    """The digests of a person for a controller, one for each tenant; or for the one tenant of this name."""
    from pipelines.cli.context import ask
    from pipelines.subjects import canonical_email, subject_digest

    address = canonical_email(ask("E-mail address of the person"))
    return [subject_digest(estate.key, each, "email", address) for each in estate.scopes(name)]
