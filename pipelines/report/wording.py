"""The words of a page: a catalogue per language (gettext), with the numbers and dates of its country (CLDR, by Babel).

English is what templates and plots say themselves; `locale/fr.po` translates it. Sentences that other rooms have
written into plans and findings are translated by their patterns (`sentences.py`); one that no pattern knows is shown as
it is, marked as English.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING

from retention_rules.policy_table import Language

if TYPE_CHECKING:
    from babel.support import NullTranslations

_LOCALES = {Language.ENGLISH: "en_GB", Language.FRENCH: "fr_FR"}
_BRACES = re.compile(r"(`?)\\\{(\w+)\\\}")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")
_SHARE = re.compile(r"\d+%")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
COUNT = "n"
"""A pattern's field of this name counts: the form of the message goes by it."""

DAY = "day"
"""A pattern's field of this name is a day, as ISO 8601 writes it."""

LISTED = "several"
"""A pattern's field of this name is a list, joined by semicolons, of which each part is a sentence itself."""

REASON = "reason"
"""A pattern's field of this name is a sentence itself."""

NAMES = "names"
"""A pattern's field of this name lists names of the store's, and ends before a semicolon: another sentence follows."""


@dataclass(frozen=True)
class Wording:
    """One language: its catalogue, its numbers and its dates."""

    language: Language

    @property
    def locale(self) -> str:
        """The CLDR locale of numbers and dates."""
        return _LOCALES[self.language]

    @property
    def translations(self) -> NullTranslations:
        """The gettext catalogue."""
        return _catalogue(self.language)

    def gettext(self, message: str) -> str:
        """A message in this language."""
        return str(self.translations.gettext(message))

    def ngettext(self, one: str, several: str, count: int) -> str:
        """A message in this language, in the form that goes with the count."""
        return str(self.translations.ngettext(one, several, count))

    def labelled(self, name: str, said: str) -> str:
        """A name and what is said of it: `crm.contacts: …`, with the space that French puts before a colon."""
        return self.gettext("%(name)s: %(said)s") % {"name": name, "said": said}

    def number(self, value: Decimal | float) -> str:
        """A count or an amount, grouped."""
        return _number(value, self.locale)

    def share(self, value: float) -> str:
        """A share of 1 as a whole per cent."""
        from babel.numbers import format_percent

        return format_percent(value, locale=self.locale)

    def day(self, value: dt.date) -> str:
        """A day in full: 30 June 2026."""
        from babel.dates import format_date

        return format_date(value, "d MMMM y", locale=self.locale)

    def short_day(self, value: dt.date) -> str:
        """A day for a column: 30 Jun 2026."""
        from babel.dates import format_date

        return format_date(value, "d MMM y", locale=self.locale)

    def instant(self, value: dt.datetime) -> str:
        """An instant in UTC: 30 June 2026, 12:05 UTC."""
        from babel.dates import format_datetime

        return f"{format_datetime(value.astimezone(dt.UTC), 'd MMMM y, HH:mm', locale=self.locale)} UTC"

    def said(self, sentence: str) -> str | None:
        """What another room wrote in English, in this language; None where no pattern knows it."""
        if self.language is Language.ENGLISH or not sentence:
            return sentence
        if sentence.endswith("."):
            told = self.said(sentence[:-1])
            return None if told is None else f"{told}."
        # Sentences first: the field of a pattern would take the next ones for a part of it.
        return self._each(sentence, ". ") or self._one(sentence) or self._each(sentence, "; ")

    def _each(self, several: str, between: str) -> str | None:
        """Sentences, one after another, or the parts of a list: each of them is known by itself."""
        told = [self.said(each) for each in several.split(between)] if between in several else [None]
        return None if None in told else self._between(between).join(map(str, told))

    def _between(self, mark: str) -> str:
        """A mark as this language sets it: in French no line breaks before a semicolon."""
        return f"\N{NARROW NO-BREAK SPACE}{mark}" if self.language is Language.FRENCH and mark == "; " else mark

    def _one(self, sentence: str) -> str | None:
        for pattern, message in _patterns():
            found = pattern.fullmatch(sentence)
            if found is None:
                continue
            fields = self._fields(found.groupdict())
            if fields is not None:
                return self._form(message, found.groupdict().get(COUNT, "")).format_map(fields)
        return None

    def _form(self, message: str | tuple[str, str], count: str) -> str:
        """A message in this language, in the form that goes with its count if it has one."""
        if isinstance(message, str):
            return self.gettext(message)
        digits = count.replace(",", "")
        return self.ngettext(*message, int(digits) if digits.isdecimal() else 2)

    def _fields(self, fields: Mapping[str, str]) -> dict[str, str] | None:
        """The fields of a pattern, those translated that are sentences; None where one of these is not known."""
        made = {name: self._figure(name, value) for name, value in fields.items()}
        for name, value in fields.items():
            parts = value.split("; ") if name == LISTED else [value] if name.startswith(REASON) else None
            if parts is not None:
                told = [self.said(part) for part in parts]
                if None in told:
                    return None
                made[name] = self._between("; ").join(str(each) for each in told)
        return made

    def _figure(self, name: str, value: str) -> str:
        """A number that is grouped, a share or a day as this language writes it; anything else as it is."""
        if _GROUPED.fullmatch(value):
            return self.number(int(value.replace(",", "")))
        if _SHARE.fullmatch(value):
            return self.share(int(value[:-1]) / 100)
        return self.day(dt.date.fromisoformat(value)) if name == DAY and _DAY.fullmatch(value) else value


@functools.lru_cache(maxsize=10_000)
def _number(value: Decimal | float, locale: str) -> str:
    from babel.numbers import format_decimal

    return format_decimal(value, locale=locale, decimal_quantization=False)


@functools.cache
def _catalogue(language: Language) -> NullTranslations:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import NullTranslations, Translations

    if language is Language.ENGLISH:
        return NullTranslations()
    text = resources.files("pipelines.report").joinpath(f"locale/{language}.po").read_text(encoding="utf-8")
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.StringIO(text), locale=language.value))
    compiled.seek(0)
    return Translations(compiled)


@functools.cache
def _patterns() -> Sequence[tuple[re.Pattern[str], str | tuple[str, str]]]:
    from pipelines.report.sentences import SENTENCES

    forms = [(form, each) for each in SENTENCES for form in ([each] if isinstance(each, str) else each)]
    return [(pattern_of(form), each) for form, each in sorted(forms, key=lambda pair: _fixed(pair[0]), reverse=True)]


def pattern_of(message: str) -> re.Pattern[str]:
    """What a message with `{fields}` matches: anything but nothing in their place; in backticks, up to the next."""

    def anything(field: re.Match[str]) -> str:
        tick, name = field.groups()
        return f"{tick}(?P<{name}>{'[^`]' if tick else '[^;]' if name == NAMES else '.'}+?)"

    return re.compile(_BRACES.sub(anything, re.escape(message)), re.DOTALL)


def _fixed(message: str) -> int:
    """How many letters of a message are its own: where several patterns match, the one that says most is meant."""
    return len(re.sub(r"\{\w+\}", "", message))
