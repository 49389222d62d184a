"""Which items a batch under way concerns, on disk until its receipt is written.

The ledger holds no keys; so a batch that was begun is written here, readable by its owner alone, before its intent, and
removed after its receipt. Item keys are the store's own numbers and file names. With them goes the token by which a
store finds what an interrupted batch did: whoever had it could tell which copy was made of which item.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.base import Ref
from pipelines.errors import Refused


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch concerns; ``operation`` is its token, drawn at random, and forgotten with it."""

    refs: tuple[Ref, ...]
    operation: str


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches under way of one plan, in a folder of its own."""

    folder: Path

    def write(self, step: str, chunk: int, refs: Sequence[Ref]) -> Batch:
        """Keep a batch, durably, before its intent is written."""
        batch = Batch(tuple(refs), secrets.token_hex(16))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(step, chunk)
        draft = path.with_suffix(".draft")
        rows = [[ref.key, ref.version, ref.container] for ref in refs]
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"operation": batch.operation, "items": rows}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        return batch

    def read(self, step: str, chunk: int) -> Batch | None:
        """The batch, or None if there is none: then its act was never begun.

        Raises:
            Refused: another version of Ardoise has written it.
        """
        path = self._path(step, chunk)
        if not path.exists():
            return None
        kept = json.loads(path.read_text("utf-8"))
        if not isinstance(kept, dict):
            remedy = "Resume the run with that version, or remove the file once you have looked what the batch did."
            raise Refused("a batch that another version has begun cannot be resumed", path.name, remedy)
        return Batch(
            tuple(Ref(key, version, container) for key, version, container in kept["items"]), kept["operation"]
        )

    def forget(self, step: str, chunk: int) -> None:
        """Remove a batch after its receipt."""
        self._path(step, chunk).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove everything, when the plan has run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, step: str, chunk: int) -> Path:
        return self.folder / f"{step.replace('/', '_')}-{chunk}.json"
