"""The engine database's tables. Times are ISO 8601 text in UTC, bodies canonical JSON (RFC 8785).

Nothing here holds a personal value: subjects and records appear as keyed digests, in holds and requests alone.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A key that the database counts up; SQLite does so for INTEGER alone."""

identity = sa.Table(
    "identity",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    comment="One row: a fingerprint of the keys that the digests and seals were made with.",
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("sequence", Serial, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("seal", sa.String(64), nullable=False),
)

ledger_head = sa.Table(
    "ledger_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", Serial, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("mac", sa.String(64), nullable=False),
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("sequence", Serial, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("controller", sa.String(64), nullable=False),
    sa.Column("as_of", sa.String(10), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("made_at", sa.String(32), nullable=False),
    sa.Column("made_by", sa.String(64)),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("ix_plans_controller_as_of", "controller", "as_of"),
)

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("case", sa.String(64), nullable=False),
    sa.Column("store", sa.String(64)),
    sa.Column("dataset", sa.String(64)),
    sa.Column("record", sa.String(64)),
    sa.Column("subject", sa.String(64)),
    sa.Column("categories", sa.Text, nullable=False),
    sa.Column("since", sa.String(10), nullable=False),
    sa.Column("until", sa.String(10)),
    sa.Column("opened_by", sa.String(64), nullable=False),
    sa.Column("opened_at", sa.String(32), nullable=False),
    sa.Column("release_asked_by", sa.String(64)),
    sa.Column("release_asked_at", sa.String(32)),
    sa.Column("release_asked_until", sa.String(10)),
    sa.Column("released_by", sa.String(64)),
    sa.Column("released_at", sa.String(32)),
    sa.Column("forms", sa.Integer),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("controller", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("right", sa.String(16), nullable=False),
    sa.Column("events", sa.Text, nullable=False),
    sa.Column("on", sa.String(10), nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    sa.Column("recorded_at", sa.String(32), nullable=False),
    sa.Column("retracted_by", sa.String(64)),
    sa.Column("retracted_at", sa.String(32)),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("plan", sa.String(64), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("started_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32)),
)

run_steps = sa.Table(
    "run_steps",
    metadata,
    sa.Column("run", Serial, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("step", sa.String(128), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("counters", sa.Text, nullable=False),
    sa.Column("started_at", sa.String(32), nullable=False),
    sa.Column("updated_at", sa.String(32), nullable=False),
)

findings = sa.Table(
    "findings",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("plan", sa.String(64), nullable=False, index=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

volumes = sa.Table(
    "volumes",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("store", sa.String(64), nullable=False),
    sa.Column("dataset", sa.String(64), nullable=False),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Index("ix_volumes_store_dataset", "store", "dataset"),
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("store", sa.String(64), nullable=False, index=True),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("category", sa.String(128), nullable=False),
    sa.Column("share", sa.Float),
    sa.Column("because", sa.Text, nullable=False),
)

looks = sa.Table(
    "looks",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("store", sa.String(64), nullable=False, index=True),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)


def instant(at: dt.datetime) -> str:
    """An instant as the engine database writes it.

    Raises:
        ValueError: the time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")
