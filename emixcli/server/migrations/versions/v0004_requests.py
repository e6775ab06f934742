"""Requests for images: who can open them, invitations to make one, and the requests themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, each after those that it names."""
    for make in (_readers, _invitations, _codes, _requests):
        make()


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def _readers() -> None:
    op.create_table(
        "request_readers",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("fingerprint", sa.String(length=40), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        _reference("request_readers", "account_id", "accounts"),
        _reference("request_readers", "organisation_id", "organisations"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_request_readers")),
    )
    name = op.f("ix_request_readers_organisation_id")
    op.create_index(name, "request_readers", ["organisation_id"])


def _invitations() -> None:
    op.create_table(
        "request_invitations",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("session_hash", sa.String(length=64), nullable=True),
        sa.Column("session_expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        _reference("request_invitations", "organisation_id", "organisations"),
        _reference("request_invitations", "account_id", "accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_request_invitations_token_hash")),
    )
    name = op.f("ix_request_invitations_expires_ms")
    op.create_index(name, "request_invitations", ["expires_ms"])
    name = op.f("ix_request_invitations_organisation_id_created_ms")
    op.create_index(name, "request_invitations", ["organisation_id", "created_ms"])


def _codes() -> None:
    op.create_table(
        "invitation_codes",
        sa.Column("invitation_id", sa.String(length=26), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("hour_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_hour", sa.Integer(), nullable=False),
        sa.Column("n_sent", sa.Integer(), nullable=False),
        _reference("invitation_codes", "invitation_id", "request_invitations"),
        sa.PrimaryKeyConstraint("invitation_id", name=op.f("pk_invitation_codes")),
    )


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=True),
        sa.Column("requester", sa.String(length=320), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("binding", sa.String(length=26), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("decided_by", sa.String(length=26), nullable=True),
        sa.Column("identity_checked", sa.String(length=32), nullable=True),
        sa.Column("authorisation_checked", sa.String(length=32), nullable=True),
        sa.Column("declined_for", sa.String(length=32), nullable=True),
        sa.Column("share_id", sa.String(length=26), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        _reference("requests", "organisation_id", "organisations"),
        _reference("requests", "account_id", "accounts"),
        _reference("requests", "decided_by", "accounts"),
        _reference("requests", "share_id", "shares"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        sa.UniqueConstraint("requester", "binding", name=op.f("uq_requests_requester_binding")),
    )
    op.create_index(op.f("ix_requests_account_id"), "requests", ["account_id"])
    for columns in (["organisation_id", "created_ms"], ["state", "expires_ms"]):
        op.create_index(op.f(f"ix_requests_{'_'.join(columns)}"), "requests", columns)
