"""What `ardoise policy` prints: an explanation as a table, Markdown, HTML or JSON, and remarks one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from html import escape as html_escape
from typing import TYPE_CHECKING, Final

from rich.markup import escape

from pipelines.cli.layout import table
from retention_rules.policy_table import Explanation, Language, cells, headings, titles

if TYPE_CHECKING:
    from rich.table import Table


WIDE: Final = 140
"""Columns of a terminal in which the table is readable."""


def policy_table(explanation: Explanation, language: Language) -> Table:
    """The table for a terminal."""
    made = table(_title(explanation), headings(language), ())
    for row in cells(explanation.lines):
        made.add_row(*map(escape, row))
    return made


def listing(explanation: Explanation, language: Language) -> Iterator[str]:
    """The same for a narrow terminal, in its markup: each category, and below it a purpose after another."""
    _, _, _, start, period, condition, then, source = headings(language)
    yield f"[bold]{escape(_title(explanation))}[/]"
    for (category, purpose, *_), line in zip(cells(explanation.lines), explanation.lines, strict=True):
        if category:
            yield f"\n[bold]{escape(category)}[/]"
        yield f"  [cyan]{purpose}[/] ({line.basis})"
        pairs = (
            (start, line.starting_point), (period, line.period), (condition, line.condition), (then, line.end_action),
            (source, line.source),
        )  # fmt: skip
        yield from (f"    {name}: {escape(said)}" for name, said in pairs if said)


def legend(explanation: Explanation, language: Language) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What the table's words stand for: each part's title and its names with their meanings."""
    groups, facts, terms, never = titles(language)
    for title, pairs in ((groups, explanation.groups), (facts, explanation.facts), (terms, explanation.terms)):
        if pairs:
            yield title, list(pairs)
    if explanation.never_held:
        yield never, [(name, "") for name in explanation.never_held]


def as_markdown(explanation: Explanation, language: Language) -> str:
    """A page in Markdown."""
    names = headings(language)
    lines = [f"# {_title(explanation)}", "", f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells(explanation.lines)]
    for title, pairs in legend(explanation, language):
        lines += ["", f"## {title}", "", *(_meaning(*pair) for pair in pairs)]
    return "\n".join(lines) + "\n"


def as_html(explanation: Explanation, language: Language) -> str:
    """A page of its own in HTML."""
    head = "".join(f"<th>{html_escape(name)}</th>" for name in headings(language))
    rows = "".join(
        f"<tr>{''.join(f'<td>{html_escape(cell)}</td>' for cell in row)}</tr>\n" for row in cells(explanation.lines)
    )
    parts = "".join(
        f"<h2>{html_escape(title)}</h2>\n<dl>"
        + "".join(f"<dt>{html_escape(name)}</dt><dd>{html_escape(meaning)}</dd>" for name, meaning in pairs)
        + "</dl>\n"
        for title, pairs in legend(explanation, language)
    )
    title = html_escape(_title(explanation))
    return (
        f'<!doctype html>\n<html lang="{language}">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        "<style>body{font-family:sans-serif}table{border-collapse:collapse}th,td{border:1px solid #999;padding:.3em;"
        "text-align:left;vertical-align:top}</style>\n"
        f"<h1>{title}</h1>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n{parts}</html>\n"
    )


def as_json(explanation: Explanation) -> str:
    """The explanation for other programs."""
    return json.dumps(asdict(explanation), ensure_ascii=False, indent=2) + "\n"


def _title(explanation: Explanation) -> str:
    whose = f"{explanation.controller}, " if explanation.controller else ""
    return f"{explanation.policy} ({whose}{explanation.time_zone})"


def _meaning(name: str, meaning: str) -> str:
    return f"- `{name}`: {meaning}" if meaning else f"- `{name}`"
