"""How well records hide among each other, counted without anything of the engine's own."""

from __future__ import annotations

import pandas as pd


def smallest_cell(rows: pd.DataFrame, subject: str | None = None) -> int:
    """How few persons share all of these values, empty ones included; 0 where there are no rows.

    ``subject`` names the column whose distinct values are persons; else each row is one.
    """
    columns = [name for name in rows if name != subject]
    if rows.empty or not columns:
        return len(rows)
    cells = rows.groupby(columns, dropna=False, observed=True)
    sizes = cells.size() if subject is None else cells[subject].nunique()
    return int(sizes.min())
