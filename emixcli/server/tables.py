"""The tables of the exchange; `migrations/` makes them.

Times are whole milliseconds since 1970 (`_ms`). Nothing here is secret without DATA/secrets,
and nothing says anything about a patient.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _moment(name: str, *, null: bool = True, index: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null, index=index)


about = Table(
    "about",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("quota_bytes", BigInteger),
    _moment("created_ms", null=False),
    #: What it allows: the only domains that it sends to, one in a line; all where empty.
    Column("allow_domains", Text, nullable=False, server_default=""),
    Column("free_mail", String(16), nullable=False, server_default="allow"),
    Column("second_person", Boolean, nullable=False, server_default=false()),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(16), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("disabled", Boolean, nullable=False),
    _moment("created_ms", null=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    _moment("created_ms", null=False),
    _moment("expires_ms", null=False, index=True),
)

#: Failed logins and other things that are counted within a window; keys are HMACs.
counters = Table(
    "counters",
    metadata,
    Column("key", String(64), primary_key=True),
    _moment("until_ms", null=False, index=True),
    Column("n", Integer, nullable=False),
)

packages = Table(
    "packages",
    metadata,
    #: Also the name under which the store keeps the bytes.
    Column("id", String(26), primary_key=True),
    Column("package_id", String(26), nullable=False),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("part_size", BigInteger, nullable=False),
    #: Bytes that count against the quota: the announced bound, the true size once sealed, then 0.
    Column("reserved", BigInteger, nullable=False),
    Column("size_bound", BigInteger, nullable=False),
    Column("size", BigInteger),
    Column("sha256", String(64)),
    Column("slots_offset", BigInteger),
    Column("slots_length", BigInteger),
    _moment("created_ms", null=False),
    _moment("touched_ms", null=False),
    _moment("expires_ms", null=False),
    _moment("sealed_ms"),
    _moment("ended_ms"),
    _moment("purged_ms"),
    UniqueConstraint("organisation_id", "package_id"),
    Index(None, "account_id", "created_ms", "id"),
    Index(None, "state", "expires_ms"),
)

parts = Table(
    "parts",
    metadata,
    Column("package", ForeignKey("packages.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("md5", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("address", String(320), primary_key=True),
    Column("state", String(16), nullable=False),
    _moment("created_ms", null=False),
    _moment("verified_ms"),
    *(
        Column(name, String(length), nullable=False, server_default="")
        for name, length in (
            ("domain", 255),
            ("name", 200),
            ("organisation", 200),
            ("identifier_kind", 16),
            ("identifier", 64),
            ("fingerprint", 64),
        )
    ),
    _moment("added_ms"),
    _moment("notified_ms"),
    _moment("blocked_ms"),
    #: Accounts: who entered it on purpose, and the second one who did. Use enters nothing.
    Column("added_by", String(26)),
    Column("seconded_by", String(26)),
    Index(None, "organisation_id", "domain"),
)

#: Keys of accounts that others may seal packages for, so that no access code is needed.
published_keys = Table(
    "published_keys",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("fingerprint", String(40), nullable=False),
    Column("public_key", Text, nullable=False),
    _moment("created_ms", null=False),
)

shares = Table(
    "shares",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("package", ForeignKey("packages.id"), nullable=False, index=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("mail", String(16), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    #: Argon2id parameters and salt: what the recipient's browser needs to make the proof.
    Column("kdf", Text),
    #: The wrapped package key, encrypted under the server's key; gone when the share ends.
    Column("slot", LargeBinary),
    #: HMAC(pepper, proof of the access code); gone when the share ends.
    Column("proof", LargeBinary),
    Column("tries", Integer, nullable=False),
    Column("request_key", String(64)),
    Column("request_digest", String(64)),
    _moment("created_ms", null=False),
    _moment("hold_until_ms", null=False),
    _moment("expires_ms", null=False),
    _moment("notified_ms"),
    _moment("verified_ms"),
    _moment("opened_ms"),
    _moment("downloaded_ms"),
    _moment("ended_ms"),
    #: The account whose published key the slot is sealed for; None where there is an access code.
    Column("to_account", String(26), index=True),
    #: How often it may be opened, None for any number, and how often it was.
    Column("max_opens", Integer),
    Column("opens", Integer, nullable=False, server_default=text("0")),
    Column("urgent", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("account_id", "request_key"),
    Index(None, "organisation_id", "created_ms"),
)

#: Those of an organisation who may open requests for images, and the keys to seal them for.
request_readers = Table(
    "request_readers",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("fingerprint", String(40), nullable=False),
    Column("public_key", Text, nullable=False),
    _moment("created_ms", null=False),
)

#: Links by which somebody without an account may ask for images, once.
request_invitations = Table(
    "request_invitations",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("address", String(320), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    #: What became of the mail with the link.
    Column("mail", String(16), nullable=False, server_default="sent"),
    Column("session_hash", String(64)),
    _moment("session_expires_ms"),
    _moment("created_ms", null=False),
    _moment("expires_ms", null=False, index=True),
    _moment("used_ms"),
    Index(None, "organisation_id", "created_ms"),
)

#: Codes that prove the mailbox of an invitation; as `one_time_codes`.
invitation_codes = Table(
    "invitation_codes",
    metadata,
    Column("invitation_id", ForeignKey("request_invitations.id"), primary_key=True),
    Column("salt", LargeBinary),
    Column("tries", Integer, nullable=False),
    _moment("expires_ms", null=False),
    _moment("sent_ms", null=False),
    _moment("hour_ms", null=False),
    Column("n_hour", Integer, nullable=False),
    Column("n_sent", Integer, nullable=False),
)

#: Requests for images; whose and which images is in `sealed` alone, which the exchange cannot open.
requests = Table(
    "requests",
    metadata,
    Column("id", String(26), primary_key=True),
    #: Who is asked.
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    #: Who asks: an account, or the mailbox of an invitation.
    Column("account_id", ForeignKey("accounts.id"), index=True),
    Column("requester", String(320), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    #: Chosen by whoever asks, so that asking again makes no second one.
    Column("binding", String(26), nullable=False),
    Column("sealed", LargeBinary),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("decided_by", ForeignKey("accounts.id")),
    Column("identity_checked", String(32)),
    Column("authorisation_checked", String(32)),
    Column("declined_for", String(32)),
    Column("share_id", ForeignKey("shares.id")),
    _moment("created_ms", null=False),
    _moment("expires_ms", null=False),
    _moment("decided_ms"),
    _moment("ended_ms"),
    UniqueConstraint("requester", "binding"),
    Index(None, "organisation_id", "created_ms"),
    Index(None, "state", "expires_ms"),
)

one_time_codes = Table(
    "one_time_codes",
    metadata,
    Column("share_id", ForeignKey("shares.id"), primary_key=True),
    #: None once used; the code is HMAC(server key, share, salt), so it is not stored itself.
    Column("salt", LargeBinary),
    Column("tries", Integer, nullable=False),
    _moment("expires_ms", null=False),
    _moment("sent_ms", null=False),
    _moment("hour_ms", null=False),
    Column("n_hour", Integer, nullable=False),
    Column("n_sent", Integer, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("share_id", ForeignKey("shares.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    _moment("expires_ms", null=False, index=True),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(64), nullable=False, index=True),
    Column("payload", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    _moment("created_ms", null=False),
    _moment("due_ms", null=False),
    _moment("leased_until_ms", null=False),
    Column("urgent", Boolean, nullable=False, server_default=false()),
    Index(None, "due_ms", "leased_until_ms"),
    # A number is never used twice: it names a mail.
    sqlite_autoincrement=True,
)

#: With which key an organisation keeps its accounting of disclosures; the key itself is not here.
accounting_keys = Table(
    "accounting_keys",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    _moment("created_ms", null=False),
)

#: Whose images a package holds, as keyed hashes that the exchange cannot make; gone at the purge.
package_patients = Table(
    "package_patients",
    metadata,
    Column("package", ForeignKey("packages.id"), primary_key=True),
    Column("ref", String(64), primary_key=True),
    #: The description, under a key that the exchange does not have.
    Column("sealed", Text, nullable=False),
)

#: What the accounting needs and nothing else, for six years; no foreign keys: it outlives all else.
disclosures = Table(
    "disclosures",
    metadata,
    Column("share_id", String(26), primary_key=True),
    Column("ref", String(64), primary_key=True),
    Column("organisation_id", String(26), nullable=False),
    _moment("at_ms", null=False, index=True),
    Column("recipient", String(320), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("sealed", Text, nullable=False),
    Index(None, "organisation_id", "ref", "share_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _moment("at_ms", null=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)

#: The last link of each chain, sealed by a key outside the database.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
)
