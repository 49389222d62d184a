"""Why a proposal says what it says: a file beside it, with verdicts and reasons and no value of any record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.classify.verdict import ColumnVerdict

_PROPOSAL = ""
"""The key of the proposal's own digest, among those of the datasets."""


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """The verdict on one field, and why, as short phrases; ``paths``: those inside a field of JSON."""

    verdict: str
    category: str
    because: tuple[str, ...]
    paths: Mapping[str, FieldEvidence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatasetEvidence:
    """The verdicts on a dataset's fields, and what a person should know of the rest of its proposal.

    ``dates`` are its columns that could supply an event and do not.
    """

    location: str
    fields: Mapping[str, FieldEvidence] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


def evidence_of(verdict: ColumnVerdict) -> FieldEvidence:
    """A verdict as it is written beside the proposal."""
    paths = {each.column: evidence_of(each) for each in verdict.inside}
    return FieldEvidence(verdict.verdict.value, verdict.category or "", tuple(map(str, verdict.evidence)), paths)


def evidence_file(folder: Path, store: str) -> Path:
    """Where the evidence of a store's proposal is."""
    return folder / f"{store}.evidence.json"


def digest_of(proposal: Path) -> str:
    """What tells a proposal that a person has edited from the one that the scan wrote."""
    return hashlib.sha256(proposal.read_bytes()).hexdigest()


def edited(proposal: Path, evidence: Path) -> bool:
    """Whether a person has changed the proposal since the scan wrote it."""
    try:
        written = json.loads(evidence.read_text(encoding="utf-8"))[_PROPOSAL]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return proposal.is_file() and written != digest_of(proposal)


def write_evidence(path: Path, datasets: Mapping[str, DatasetEvidence], proposal: Path | None = None) -> None:
    """Write the evidence, whole or not at all, with the digest of the proposal that it belongs to."""
    document: dict[str, Any] = {_PROPOSAL: digest_of(proposal)} if proposal else {}
    document |= {
        name: {
            "location": each.location,
            "notes": list(each.notes),
            "dates": list(each.dates),
            "fields": {key: _written(said) for key, said in each.fields.items()},
        }
        for name, each in datasets.items()
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def read_evidence(path: Path) -> dict[str, DatasetEvidence]:
    """Read it back; nothing where there is no such file or it is damaged: a proposal is valid without it."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        name: DatasetEvidence(
            each["location"],
            {key: _read(said) for key, said in each["fields"].items()},
            tuple(each["notes"]),
            tuple(each.get("dates", ())),
        )
        for name, each in document.items()
        if name != _PROPOSAL
    }


def _written(said: FieldEvidence) -> dict[str, Any]:
    document: dict[str, Any] = {"verdict": said.verdict, "category": said.category, "because": list(said.because)}
    return document | ({"paths": {key: _written(each) for key, each in said.paths.items()}} if said.paths else {})


def _read(said: Mapping[str, Any]) -> FieldEvidence:
    paths = {key: _read(each) for key, each in said.get("paths", {}).items()}
    return FieldEvidence(said["verdict"], said["category"], tuple(said["because"]), paths)
