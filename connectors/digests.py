"""Keyed digests of subject keys: pseudonymous, still personal data, and useless without the key.

The digest is HMAC-like: SHA-256 over the outer key and the SHA-256 over the inner key and the text, so that every
SQL engine that has SHA-256 computes the same one in place (`connectors.sql.functions`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

LENGTH = 32
"""Hexadecimal digits that are kept: 128 bits."""


@dataclass(frozen=True, slots=True)
class DigestKey:
    """The two halves of an engine database's digest key, 32 bytes each; never printed."""

    inner: bytes = field(repr=False)
    outer: bytes = field(repr=False)

    def digest(self, text: str) -> str:
        """The keyed digest of a text, as `LENGTH` hexadecimal digits."""
        first = hashlib.sha256(self.inner + text.encode()).digest()
        return hashlib.sha256(self.outer + first).hexdigest()[:LENGTH]
