"""Attacks the engine's own anonymisation of a public table and of the demonstration's contacts.

Singling out, linkability and inference by anonymeter, each risk as the excess over a control that no release has seen,
with its 95 % interval; beside the release a variant that is known to be bad. k is counted without the engine's code.
Then a list of candidates is held against everything that a run over the public table leaves behind.

Six minutes of processor time, of which the demonstration has a third; the packages are installed apart at first use.
Run `python -m benchmarks.attack --help`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.attack.demo import contacts
from benchmarks.attack.environment import environment, folder_of_checkout
from benchmarks.attack.leftovers import Candidates, left, revealed, secrets_of
from benchmarks.attack.persons import CELL, KEPT, MEASURES, Persons, Release, persons, release
from benchmarks.attack.question import FEWEST, KNOWN_BAD, LEAST_ATTACKS, Risks, attempts, judged, lines
from benchmarks.attack.ranks import Guess

ATTACKS = 4_000
K = 11
"""Persons of a cell, of whom one may be the one that stands for all."""
CANDIDATES = 10_000


def table(folder: Path, python: Path, attacks: int) -> Iterator[str]:
    """Attack the public table, say what came of it, and yield what speaks against the engine.

    What is attacked of the variant that drops names is the table as it was.
    """
    given = persons(folder, python)
    print(f"{len(given.inside)} persons of a public table in the store, {len(given.control)} of the control")
    bad, good = (release(given, name, anonymity=name == "safe") for name in ("bad", "safe"))
    as_it_was = bad.rows()[KEPT]
    released = {
        "as it was, names dropped": as_it_was,
        "coarser, exact amounts": as_it_was[[*CELL, *MEASURES]],
        "safe partition": good.rows()[KEPT],
    }
    found: dict[str, Risks] = {}
    for name, rows in released.items():
        found[name], k = given.question.attacked(rows, python, folder, attacks)
        print("", name, *lines(found[name], k), sep="\n")
    safe = found["safe partition"]
    yield from (*judged(safe, found["as it was, names dropped"]), *good.failed)
    if attempts(safe) < LEAST_ATTACKS:
        yield f"only {attempts(safe):.0f} attacks of a kind"
    places = traces(given, good)
    print(f"\n{CANDIDATES} candidates, everything left behind: traces in {places or 'no place'}")
    yield from (f"{count} traces of candidates in {place}" for place, count in places.items())


def demonstration(folder: Path, python: Path, attacks: int, scale: float) -> Iterator[str]:
    """The same with the demonstration's contacts, where there are too few columns left for as many guesses."""
    given = contacts(folder / "demo", scale)
    print(f"\n{len(given.original)} contacts of the demonstration who are nobody, {len(given.control)} of the control")
    found: dict[str, Risks] = {}
    for name, rows in (("as it was, names dropped", given.original), ("after the run", given.released)):
        found[name], k = given.question.attacked(rows, python, folder, attacks)
        print("", name, *lines(found[name], k), sep="\n")
    yield from judged(found["after the run"], found["as it was, names dropped"])
    before, after = given.guesses()
    print("", "by order, before the run and after it", *map(best, (before, after)), sep="\n")
    yield from (f"the order of {each.left} and {each.right} finds {each.found:.0f}" for each in after if each.betrays)
    if not any(each.found / each.persons > KNOWN_BAD for each in before):
        yield "by order: the bad variant resists"
    told = given.found_by_papers()
    print("", "by days and amounts of emptied contracts, before the run and after it", *map(line, told), sep="\n")
    exact, coarse = (each.found / each.persons for each in told)
    if exact <= KNOWN_BAD:
        yield "by contracts: the bad variant resists"
    if coarse > 1 / K:
        yield f"by contracts: {told[1].found:.0f} customers are found"


def best(guesses: Iterable[Guess]) -> str:
    """The pair of orders that finds most, in a line."""
    return line(max((each for each in guesses if each.persons >= FEWEST), key=lambda each: each.found / each.persons))


def line(found: Guess) -> str:
    """What a guess finds."""
    told = f"{found.found:.0f} of {found.persons:.0f} persons, {found.chance:.1f} by chance"
    return f"  {found.left} beside {found.right}: {told}; beyond it at most {found.bound:.3f}"


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
    parser.add_argument("--scale", type=float, default=1.0, help="of the demonstration; 0 leaves it out")
    parser.add_argument("--environment", type=Path, default=folder_of_checkout(), help="where anonymeter is installed")
    chosen = parser.parse_args()
    python = environment(chosen.environment)
    with tempfile.TemporaryDirectory() as folder:
        wrong = list(table(Path(folder), python, chosen.attacks))
        if chosen.scale:
            wrong += demonstration(Path(folder), python, chosen.attacks, chosen.scale)
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
