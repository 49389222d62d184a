"""Apply: carry out an approved plan, chunk by chunk, so that it can be killed anywhere and resumed."""

from __future__ import annotations

from pipelines.apply.run import apply
from pipelines.apply.summary import Residue, RunSummary, StepSummary

__all__ = ["Residue", "RunSummary", "StepSummary", "apply"]
