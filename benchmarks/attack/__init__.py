"""The attack: what somebody who has the anonymised stores, and everything that a run leaves behind, finds out."""
