"""Alembic migrations of the run store; they travel inside the package."""
