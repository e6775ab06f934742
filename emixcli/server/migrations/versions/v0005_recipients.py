"""Recipients with keys of their own; shares that open so often and no more, and urgent ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of keys, and add the columns."""
    op.create_table(
        "published_keys",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("fingerprint", sa.String(length=40), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_published_keys_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_published_keys")),
    )
    op.add_column("shares", sa.Column("to_account", sa.String(length=26), nullable=True))
    op.create_index(op.f("ix_shares_to_account"), "shares", ["to_account"], unique=False)
    op.add_column("shares", sa.Column("max_opens", sa.Integer(), nullable=True))
    op.add_column(
        "shares", sa.Column("opens", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    for table in ("shares", "outbox"):
        op.add_column(
            table, sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false())
        )
