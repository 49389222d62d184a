"""Of which canonical forms the digest of a hold's person was made; those of before are unknown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("holds", sa.Column("forms", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("holds", "forms")
