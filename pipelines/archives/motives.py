"""Why somebody may look into an archive."""

from __future__ import annotations

import enum


class Motive(enum.StrEnum):
    """The motives that the ledger knows: free text could name a person. The case's reference says the rest."""

    LITIGATION = "litigation"
    ACCOUNTING = "accounting"
    AUTHORITY = "authority"
    SUBJECT_REQUEST = "subject_request"
