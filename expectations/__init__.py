"""Verification with Great Expectations, independent of the plan: over connections of its own, with counts only."""
