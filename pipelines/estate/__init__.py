"""The estate: a user's folder with `ardoise.toml`, data maps, proposals, policies and the engine's state."""

from __future__ import annotations

from pipelines.estate.config import ControllerConfig, EstateConfig, Limit, StoreConfig
from pipelines.estate.connections import Resolve
from pipelines.estate.estate import Estate
from pipelines.estate.finding import find_estate

__all__ = ["ControllerConfig", "Estate", "EstateConfig", "Limit", "Resolve", "StoreConfig", "find_estate"]
