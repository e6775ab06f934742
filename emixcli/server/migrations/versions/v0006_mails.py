"""What became of the mail with the link of an invitation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; mails that wait are known, all others have gone as far as anybody knows."""
    mail = sa.Column("mail", sa.String(length=16), nullable=False, server_default="sent")
    op.add_column("request_invitations", mail)
    op.execute(
        "UPDATE request_invitations SET mail = 'queued' WHERE id IN"
        " (SELECT subject FROM outbox WHERE kind = 'request-invite')"
    )
