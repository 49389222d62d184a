"""Apply: carry out an approved plan, chunk by chunk, so that it can be killed anywhere and resumed."""

from __future__ import annotations
