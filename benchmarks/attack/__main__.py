"""Attacks the engine's own anonymisation of a public table, with a variant beside it that is known to be bad.

Singling out, linkability and inference by anonymeter (95 % bounds over a control that no release has seen), k counted
without the engine's code, and a list of candidates held against everything that a run leaves behind.

Run `python -m benchmarks.attack --help`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.attack.environment import ask, environment, folder_of_checkout
from benchmarks.attack.hidden import smallest_cell
from benchmarks.attack.leftovers import Candidates, left, revealed, secrets_of
from benchmarks.attack.persons import CELL, HALVES, KNOWN, MEASURES, OTHERS, SECRET, Persons, Release, persons, release

ATTACKS = 4_000
MOST, KNOWN_BAD = 0.05, 0.5
CANDIDATES = 10_000

Risks = dict[str, dict[str, float]]


def attacked(given: Persons, released: Release | None, python: Path, attacks: int) -> tuple[Risks, int]:
    """The risks of a release (of the table as it was where there is none), and its k."""
    kept = [*CELL, *MEASURES, *OTHERS]
    rows = given.original if released is None else released.rows()[kept]
    files: dict[str, Any] = {}
    for name, frame in (("original", given.original), ("control", given.control[kept]), ("released", rows)):
        files[name] = str(given.folder / f"{name}.csv")
        frame.to_csv(files[name], index=False)
    question = {**files, "attacks": attacks, "secret": SECRET, "known": KNOWN, "halves": HALVES}
    risks: Risks = ask(python, question)
    return risks, smallest_cell(rows)


def judged(risks: Risks, bad: Risks) -> list[str]:
    """What speaks against a release; that the attack works at all is shown by the bad one."""
    wrong = [f"{name}: upper bound {risk['upper']:.3f}" for name, risk in risks.items() if risk["upper"] > MOST]
    wrong += [f"{name}: the bad variant resists" for name, risk in bad.items() if risk["risk"] <= KNOWN_BAD]
    singled = sum(risk["attacks"] for name, risk in risks.items() if name.startswith("singling"))
    return wrong + ([f"only {singled:.0f} attempts to single out"] if singled < ATTACKS / 2 else [])


def traces(given: Persons, released: Release) -> dict[str, int]:
    """Where candidates, all of whom were in the table, can be recognised after the run."""
    estate = released.estate
    people = given.people.head(CANDIDATES).itertuples(index=False, name=None)
    candidates = Candidates.of(people, secrets_of(estate), estate)
    url = f"sqlite:///{released.database}"
    engine = f"sqlite:///{estate.state / 'engine.sqlite'}"
    return dict(revealed(candidates, left(estate, (url, engine), (released.folder,))))


def main() -> None:
    """Attack, and say what came of it; the exit code says whether it resisted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attacks", type=int, default=ATTACKS, help="attacks of each kind")
    parser.add_argument("--environment", type=Path, default=folder_of_checkout(), help="where anonymeter is installed")
    chosen = parser.parse_args()
    python = environment(chosen.environment)
    with tempfile.TemporaryDirectory() as folder:
        given = persons(Path(folder), python)
        print(f"{len(given.inside)} persons in the store, {len(given.control)} of the control")
        bad, good = (release(given, name, anonymity=name == "safe") for name in ("bad", "safe"))
        found = {}
        for name, released in (("as it was", None), ("names dropped", bad), ("safe partition", good)):
            risks, k = attacked(given, released, python, chosen.attacks)
            found[name] = risks
            print(f"\n{name}: k = {k}")
            for kind, risk in risks.items():
                print(f"  {kind:28} risk {risk['risk']:.3f}, at most {risk['upper']:.3f} of {risk['attacks']:.0f}")
        wrong = [*judged(found["safe partition"], found["names dropped"]), *good.failed]
        places = traces(given, good)
        print(f"\n{CANDIDATES} candidates: traces in {places or 'no place'}")
        wrong += [f"{count} traces of candidates in {place}" for place, count in places.items()]
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
