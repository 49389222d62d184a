"""The command line: `ardoise`. Its entry loads nothing heavy, so that `--help` is instant."""

from pipelines.cli.main import main

__all__ = ["main"]
