"""The data-quality report: what was done and why, what stayed, and whether the numbers hold."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pipelines.estate import Estate
    from retention_rules.policy_table import Language


INCOMPLETE = "-incomplete"
"""Ends the name of a report for which a store did not answer."""


class Written(NamedTuple):
    """A report as HTML, and the stores that did not answer: nothing of them was measured."""

    path: Path
    unreached: tuple[str, ...]


def write_report(estate: Estate, plan_digest: str, *, now: dt.datetime, language: Language | None = None) -> Written:
    """Write a plan's report into the estate's reports: as HTML in every language, and as JSON for machines.

    `<digest>.html` is in the language given (the estate's own by default) and is returned; the others lie beside it as
    `<digest>.<language>.html`, and `<digest>.json` says the same in none. Where a store does not answer, they are
    called `<digest>-incomplete`, and an earlier report that is whole stays; the next whole one takes their place.

    Raises:
        UsageError: there is no such plan.
    """
    from pipelines.report.document import render_json
    from pipelines.report.gather import gather
    from pipelines.report.render import render_html
    from retention_rules.policy_table import Language

    data = gather(estate, plan_digest, now=now)
    first = language or estate.language
    name = data.plan_digest[:12]
    for old in estate.reports.glob(f"{name}{INCOMPLETE}.*"):
        old.unlink()
    path = estate.reports / f"{name}{INCOMPLETE if data.unreached else ''}.html"
    path.with_suffix(".json").write_text(render_json(data), encoding="utf-8")
    for each in Language:
        named = path if each is first else path.with_suffix(f".{each}.html")
        named.write_text(render_html(data, each), encoding="utf-8")
    path.with_suffix(f".{first}.html").unlink(missing_ok=True)  # of an earlier report, in another order
    return Written(path, data.unreached)
