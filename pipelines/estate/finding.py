"""Where the estate is: named, by the environment, or the nearest folder upward that has an `ardoise.toml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.estate.config import FILE

VARIABLE = "ARDOISE_ESTATE"


def find_estate(start: Path, environment: Mapping[str, str] | None = None) -> Path:
    """The estate's folder: what `ARDOISE_ESTATE` names, else the nearest one at or above ``start``.

    Raises:
        UsageError: there is none.
    """
    named = (os.environ if environment is None else environment).get(VARIABLE)
    if named:
        folder = Path(named).expanduser()
        if not (folder / FILE).is_file():
            raise UsageError(f"{VARIABLE} names a folder without {FILE}", named, "`ardoise init` writes one.")
        return folder.resolve()
    begin = start.resolve()
    for folder in (begin, *begin.parents):
        if (folder / FILE).is_file():
            return folder
    raise UsageError(
        f"there is no {FILE} here or in a folder above",
        str(start),
        f"Go to the estate's folder, set {VARIABLE}, or write one with `ardoise init`.",
    )
