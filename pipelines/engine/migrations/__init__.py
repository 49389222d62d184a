"""Alembic's migrations of the engine database."""
