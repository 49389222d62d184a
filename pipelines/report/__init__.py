"""The data-quality report: what was done and why, what stayed, and whether the numbers hold."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.estate import Estate


def write_report(estate: Estate, plan_digest: str, *, now: dt.datetime) -> Path:
    """Write a plan's report, `<digest>.html` and `.json`, into the estate's reports; returns the HTML file.

    Raises:
        UsageError: there is no such plan.
    """
    from pipelines.report.gather import gather
    from pipelines.report.render import render_html, render_json

    data = gather(estate, plan_digest, now=now)
    path = estate.reports / f"{data.plan_digest[:12]}.html"
    path.with_suffix(".json").write_text(render_json(data), encoding="utf-8")
    path.write_text(render_html(data), encoding="utf-8")
    return path
