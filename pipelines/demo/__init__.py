"""The demonstration: an invented company, its four real stores, and what must become of every record."""

from __future__ import annotations
