"""What a plan says of rows that stay because of a column that nobody has decided about."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.plan.selection import Selection
from retention_rules.purposes import EndAction


def undecided(selection: Selection) -> Iterator[str]:
    """One sentence where a dataset has such columns: what is not done for their sake, under which purposes."""
    found = selection.uncovered
    if not found:
        return
    store, name = selection.store.store, selection.name
    columns = "; ".join(map(str, found))
    remedy = f"Decide about it: `ardoise scan {store}`, then `ardoise review {store}`"
    if not (selection.ends_in_deletion or selection.moving.possible):
        yield f"{store}.{name}: {columns}, and stays in records whose other fields are anonymised. {remedy}."
        return
    groups = selection.groups(selection.store.context.horizons[0])
    ending = {each.name for group in groups for each in group.purposes if each.end_action is EndAction.DELETE}
    purposes = ", ".join(f"`{each}`" for each in sorted(ending))
    moved = " or moves to the archive" if selection.moving.possible else ""
    because = f" under {purposes}" if purposes else ""
    stays = f"no row of it goes as a whole{because}{moved}; due fields are emptied"
    yield f"{store}.{name}: {columns}; until somebody has decided, {stays}. {remedy}."
