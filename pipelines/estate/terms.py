"""`terms/*.yaml`: the figures that tenants and their contracts give, and how the data maps find them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipelines.data_map.model import StoreMap
from retention_rules.policy import Policy
from retention_rules.problems import Problem, suggestion
from retention_rules.term_files import TermsFile, read_terms
from retention_rules.terms import CONTRACT, Figures

FOLDER = "terms"


def read_all(
    folder: Path, controllers: Sequence[str], maps: Mapping[str, StoreMap], problems: list[Problem]
) -> tuple[TermsFile, ...]:
    """Read every file of an estate's folder; what is wrong in them or between them is added to ``problems``."""
    found: dict[tuple[str, str], TermsFile] = {}
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        file = read_terms(path, problems, f"{FOLDER}/{path.name}")
        if file is None:
            continue
        problems.extend(_misplaced(file, controllers, maps))
        place = (file.controller, file.terms.tenant)
        if place in found:
            what = f"`{file.terms.tenant}` has terms already, in {found[place].file}"
            problems.append(Problem(file.file, file.tenant_line, what, "Keep one file for each tenant"))
        found.setdefault(place, file)
    return tuple(found.values())


def figures_of(controller: str, files: Sequence[TermsFile], maps: Mapping[str, StoreMap]) -> Figures:
    """What is given for one controller's terms, and by whom it is needed."""
    given = tuple(file.terms for file in files if file.controller == controller)
    return Figures(given, frozenset(_tenants(controller, maps)))


def unplaced(policy: Policy, controller: str, figures: Figures, maps: Mapping[str, StoreMap]) -> Iterator[Problem]:
    """The approved datasets whose records could be under a contract with figures of its own, and do not say which."""
    for store, store_map in sorted(maps.items()):
        for name, dataset in sorted(store_map.active.items()):
            if dataset.controller != controller or _supplies(store_map, name, CONTRACT):
                continue
            contracted = {
                term
                for tenant in figures.given
                if tenant.tenant == dataset.scope
                for figure in tenant.contracts.values()
                for term in figure
            }
            waiting = {
                branch.term
                for field in dataset.personal.values()
                for purpose in policy.purposes_for(field.category)
                for branch in purpose.periods
            }
            if contracted & waiting:
                terms = ", ".join(f"`{term}`" for term in sorted(contracted & waiting))
                what = f"`{store}.{name}` does not say under which contract a record is, and contracts set {terms}"
                remedy = "Give its `facts` a `contract`: a `column`, or one `value` for all its records"
                yield Problem(f"data_map/{store}.yaml", 0, what, remedy)


def _misplaced(file: TermsFile, controllers: Sequence[str], maps: Mapping[str, StoreMap]) -> Iterator[Problem]:
    if file.controller not in controllers:
        remedy = suggestion(file.controller, controllers, "Add it to ardoise.toml")
        yield Problem(file.file, file.controller_line, f"there is no controller `{file.controller}`", remedy)
        return
    tenants = _tenants(file.controller, maps)
    if tenants and file.terms.tenant not in tenants:
        what = f"no dataset of {file.controller} has the tenant `{file.terms.tenant}`"
        remedy = suggestion(file.terms.tenant, tenants, "Name one that a data map names")
        yield Problem(file.file, file.tenant_line, what, remedy)


def _tenants(controller: str, maps: Mapping[str, StoreMap]) -> set[str]:
    """The tenants of a controller's datasets, approved or not."""
    datasets = (dataset for store_map in maps.values() for dataset in store_map.datasets.values())
    return {dataset.scope for dataset in datasets if dataset.controller == controller}


def _supplies(store_map: StoreMap, name: str, fact: str) -> bool:
    """Whether a dataset or one that it inherits from supplies a fact."""
    waiting, seen = [name], set[str]()
    while waiting:
        current = waiting.pop()
        dataset = store_map.datasets.get(current)
        if dataset is None or current in seen:
            continue
        if fact in dataset.facts:
            return True
        seen.add(current)
        waiting += [parent.dataset for parent in dataset.inherits]
    return False
