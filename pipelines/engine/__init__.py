"""The engine's own database: ledger, plans, approvals, holds, requests, runs, findings and volumes."""

from __future__ import annotations

from pipelines.engine.approvals import Authorisation
from pipelines.engine.chain import Defect, Flaw, Head
from pipelines.engine.database import EngineDatabase
from pipelines.engine.holds import HoldRecord, HoldScope
from pipelines.engine.keys import EngineKeys
from pipelines.engine.ledger import Entry, Ledger
from pipelines.engine.plans import PlanRecord, PlanStatus
from pipelines.engine.requests import RequestRecord
from pipelines.engine.runs import RunRecord, RunState

__all__ = [
    "Authorisation",
    "Defect",
    "EngineDatabase",
    "EngineKeys",
    "Entry",
    "Flaw",
    "Head",
    "HoldRecord",
    "HoldScope",
    "Ledger",
    "PlanRecord",
    "PlanStatus",
    "RequestRecord",
    "RunRecord",
    "RunState",
]
