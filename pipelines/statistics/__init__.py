"""Registered statistics: what they ask of rows, what of their ledger is released, and the answers."""
