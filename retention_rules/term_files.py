"""A file of an estate's `terms/`: the figures that one tenant, and its contracts, give for the policy's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retention_rules.documents import Document, Place, read
from retention_rules.periods import Period
from retention_rules.problems import Problem
from retention_rules.shapes import terms_shape
from retention_rules.terms import Figure, TenantTerms


@dataclass(frozen=True, slots=True)
class TermsFile:
    """One file: whose policy has the terms, and what the tenant gives. ``lines`` of its controller and tenant."""

    file: str
    controller: str
    controller_line: int
    tenant_line: int
    terms: TenantTerms


def read_terms(path: Path, problems: list[Problem], name: str = "") -> TermsFile | None:
    """Read one file; what is wrong is added to ``problems``. ``name`` is how the file is called in them.

    Without a `tenant`, the figures are those of the controller's datasets that name none.
    """
    document = read(path, first="controller: NAME")
    document.rename(name or path.name)
    shape = terms_shape(document) if not document.problems else None
    problems.extend(document.problems)
    if shape is None or document.problems:
        return None
    contracts = {
        contract: _figures(document, ("contracts", contract), given) for contract, given in shape.contracts.items()
    }
    figures = _figures(document, ("terms",), shape.terms)
    terms = TenantTerms(shape.tenant or shape.controller, figures, contracts, shape.source, document.file)
    return TermsFile(document.file, shape.controller, document.line(("controller",)), document.line(("tenant",)), terms)


def _figures(document: Document, place: Place, given: Mapping[str, Period]) -> dict[str, Figure]:
    return {name: Figure(period, document.file, document.line((*place, name))) for name, period in given.items()}
