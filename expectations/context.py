"""An ephemeral Great Expectations context: nothing on disk, nothing sent, nothing on the terminal."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext


def ephemeral_context() -> EphemeralDataContext:
    """A fresh context with analytics and progress bars off.

    Importing Great Expectations takes seconds, so it happens here and not at the top of any module.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context
