"""The environment variables that the command line knows, beside those of the estate."""

from __future__ import annotations

DEBUG = "ARDOISE_DEBUG"
"""Adds where an unexpected error was raised (files and lines, no message, no values), and the libraries' warnings."""
