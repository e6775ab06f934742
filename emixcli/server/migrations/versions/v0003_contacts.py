"""Contacts of an organisation, and what it allows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXTS = (
    ("domain", 255),
    ("name", 200),
    ("organisation", 200),
    ("identifier_kind", 16),
    ("identifier", 64),
    ("fingerprint", 64),
)
_MOMENTS = ("added_ms", "notified_ms", "blocked_ms")


def upgrade() -> None:
    """Add the columns; the contacts that are there keep their state."""
    for name, length in _TEXTS:
        text = sa.Column(name, sa.String(length=length), nullable=False, server_default="")
        op.add_column("contacts", text)
    for name in _MOMENTS:
        op.add_column("contacts", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in ("added_by", "seconded_by"):
        op.add_column("contacts", sa.Column(name, sa.String(length=26), nullable=True))
    _fill_domains()
    op.create_index(
        op.f("ix_contacts_organisation_id_domain"),
        "contacts",
        ["organisation_id", "domain"],
        unique=False,
    )
    domains = sa.Column("allow_domains", sa.Text(), nullable=False, server_default="")
    op.add_column("organisations", domains)
    free_mail = sa.Column("free_mail", sa.String(length=16), nullable=False, server_default="allow")
    op.add_column("organisations", free_mail)
    second: sa.Column[bool] = sa.Column("second_person", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("organisations", second)


def _fill_domains() -> None:
    connection = op.get_bind()
    names = ("organisation_id", "address", "domain")
    table = sa.table("contacts", *(sa.column(name) for name in names))
    for row in connection.execute(sa.select(table.c.organisation_id, table.c.address)).all():
        mine = sa.and_(
            table.c.organisation_id == row.organisation_id, table.c.address == row.address
        )
        domain = row.address.rpartition("@")[2]
        connection.execute(sa.update(table).where(mine).values(domain=domain))
