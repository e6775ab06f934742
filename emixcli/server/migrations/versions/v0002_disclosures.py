"""The accounting of disclosures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make its tables."""
    op.create_table(
        "accounting_keys",
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_accounting_keys_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_accounting_keys")),
    )
    op.create_table(
        "package_patients",
        sa.Column("package", sa.String(length=26), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["package"], ["packages.id"], name=op.f("fk_package_patients_package")
        ),
        sa.PrimaryKeyConstraint("package", "ref", name=op.f("pk_package_patients")),
    )
    _disclosures()


def _disclosures() -> None:
    op.create_table(
        "disclosures",
        sa.Column("share_id", sa.String(length=26), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("share_id", "ref", name=op.f("pk_disclosures")),
    )
    op.create_index(op.f("ix_disclosures_at_ms"), "disclosures", ["at_ms"], unique=False)
    op.create_index(
        op.f("ix_disclosures_organisation_id_ref_share_id"),
        "disclosures",
        ["organisation_id", "ref", "share_id"],
        unique=False,
    )
