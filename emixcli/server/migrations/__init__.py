"""Migrations of the exchange's database (Alembic)."""
