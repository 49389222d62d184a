"""Pages of one file from the templates of this room, in one language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.report.view import view
from pipelines.report.wording import Wording
from retention_rules.policy_table import Language

if TYPE_CHECKING:
    from markupsafe import Markup

    from pipelines.report.model import ReportData


def render_html(data: ReportData, language: Language = Language.ENGLISH) -> str:
    """The report as self-contained HTML: no external request, no script, light and dark, printable."""
    return page("report.html.j2", view(data, Wording(language)), language)


def page(template: str, values: Mapping[str, Any], language: Language = Language.ENGLISH) -> str:
    """A page from a template.

    Its text is translated by the catalogue (`_`, `{% trans %}`); `n` writes numbers, `day`, `short_day` and `instant`
    dates, `said` what another room has written in English.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    wording = Wording(language)
    environment = Environment(
        loader=PackageLoader("pipelines.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(wording.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "n": wording.number, "day": wording.day, "short_day": wording.short_day, "instant": wording.instant,
        "share": wording.share, "code": _code, "said": lambda sentence: _said(wording, sentence),
    }  # fmt: skip
    return environment.get_template(template).render({"language": language.value, **values})


def _said(wording: Wording, sentence: str) -> Markup:
    from markupsafe import Markup

    told = wording.said(sentence)
    return _code(told) if told is not None else Markup('<span lang="en">{}</span>').format(_code(sentence))


def _code(text: str) -> Markup:
    """A text in which what stands between backticks is code."""
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
