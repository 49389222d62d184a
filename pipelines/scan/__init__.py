"""Looking at the stores: what is there, what is personal, and what the index of items knows."""

from __future__ import annotations

from pipelines.scan.coverage import CoverageFinding, Gap
from pipelines.scan.review import ReviewTable, review
from pipelines.scan.run import ScanResult, StoreScan, scan

__all__ = ["CoverageFinding", "Gap", "ReviewTable", "ScanResult", "StoreScan", "review", "scan"]
