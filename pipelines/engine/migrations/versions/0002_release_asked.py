"""A hold's release is asked for by one person and confirmed by another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ASKED = {"release_asked_by": 64, "release_asked_at": 32, "release_asked_until": 10}


def upgrade() -> None:
    """Apply."""
    for name, length in ASKED.items():
        op.add_column("holds", sa.Column(name, sa.String(length=length), nullable=True))


def downgrade() -> None:
    """Take back."""
    for name in ASKED:
        op.drop_column("holds", name)
