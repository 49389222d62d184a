"""The secrets of an engine database: the digest key of subjects and the key that seals the ledger.

They live in one file of the state folder, readable by its owner alone. Who has the file can test a guessed address
against a digest, and can forge ledger entries; who loses it loses the meaning of every digest.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from connectors.digests import DigestKey
from pipelines.errors import SecretMissing

_BYTES = 32
_PARTS = ("digest_inner", "digest_outer", "ledger")


@dataclass(frozen=True, slots=True)
class EngineKeys:
    """The digest key and the ledger's seal key."""

    digest: DigestKey
    seal: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> EngineKeys:
        """New random keys."""
        inner, outer, seal = (secrets.token_bytes(_BYTES) for _ in _PARTS)
        return cls(DigestKey(inner, outer), seal)

    @classmethod
    def load_or_create(cls, path: Path) -> EngineKeys:
        """Read the keys, or make them on first use; several processes may do so at once.

        Raises:
            SecretMissing: the file is readable by others, cannot be read, or is no key file.
        """
        if not path.exists():
            _create(path, cls.generate())
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> EngineKeys:
        """Read the keys.

        Raises:
            SecretMissing: the file is not there, is readable by others, or is no key file.
        """
        try:
            mode = path.stat().st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise SecretMissing(
                    "the key file can be read by others", str(path), f"If nobody else has: chmod 600 {path}"
                )
            document = json.loads(path.read_text(encoding="ascii"))
            inner, outer, seal = (bytes.fromhex(document[part]) for part in _PARTS)
        except OSError:
            raise SecretMissing(
                "the key file cannot be read", str(path), "Restore it from where the estate's secrets are kept."
            ) from None
        except (ValueError, KeyError, TypeError):
            raise SecretMissing("this is no key file", str(path), "Restore it from a copy.") from None
        if {len(inner), len(outer), len(seal)} != {_BYTES}:
            raise SecretMissing("the keys are not of the right length", str(path), "Restore the file from a copy.")
        return cls(DigestKey(inner, outer), seal)

    @property
    def fingerprint(self) -> str:
        """What an engine database keeps to notice other keys than its own; it tells nothing about them."""
        material = b"ardoise keys" + self.digest.inner + self.digest.outer
        return hmac.new(self.seal, material, hashlib.sha256).hexdigest()

    def mac(self, purpose: str, text: str) -> str:
        """The keyed seal over a text, apart for each purpose."""
        return hmac.new(self.seal, f"{purpose}\x1f{text}".encode(), hashlib.sha256).hexdigest()


def _create(path: Path, keys: EngineKeys) -> None:
    """Write whole or not at all: a file of our own is linked into place, and loses against one that came first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    text = json.dumps(
        dict(zip(_PARTS, (keys.digest.inner.hex(), keys.digest.outer.hex(), keys.seal.hex()), strict=True))
    )
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
