"""The ledger's tables and columns as they are now; `migrations` has a module for each change."""

import sqlalchemy as sa

metadata = sa.MetaData()

# One row is one attempt to buy one fingerprint. Rows are never deleted: they are the audit trail.
purchases = sa.Table(
    "purchases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("key", sa.String(400), nullable=False),
    sa.Column("scope", sa.String(200), nullable=False),
    sa.Column("run_id", sa.String(100), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    # Millionths of a US dollar: whole numbers add up exactly.
    sa.Column("price_micros", sa.BigInteger, nullable=False),
    sa.Column("billed", sa.Boolean, nullable=False),
    sa.Column("generation_id", sa.String(100), nullable=True),
    # Stamps are seconds since the epoch.
    sa.Column("intended_at", sa.Float, nullable=False),
    sa.Column("enqueued_at", sa.Float, nullable=True),
    sa.Column("started_at", sa.Float, nullable=True),
    sa.Column("completed_at", sa.Float, nullable=True),
    sa.Column("settled_at", sa.Float, nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    # Without `none_as_null`, None would be written as the JSON text "null".
    sa.Column("image", sa.JSON(none_as_null=True), nullable=True),
    # Owner (uuid4 as hex) that works on the row; "" is none, as in rows of old ledgers.
    sa.Column("owner", sa.String(32), nullable=False, server_default=""),
    # Whether it is bought again on purpose although it was made already.
    sa.Column("fresh", sa.Boolean, nullable=False, server_default=sa.false()),
    # The fingerprint whose refused request this one softens, or whose picture it corrects.
    sa.Column("parent", sa.String(64), nullable=True),
    # "oxen" or "simulator": simulated prices are not money.
    sa.Column("provider", sa.String(20), nullable=False, server_default="oxen"),
    sa.Column("shot", sa.String(200), nullable=False, server_default=""),
    # The account that pays, see `accounts`, and the origin of its service; "" in rows of older
    # ledgers, which every account takes for its own, and in those of the simulator.
    sa.Column("account", sa.String(100), nullable=False, server_default=""),
    sa.Column("origin", sa.String(200), nullable=False, server_default=""),
    # Two attempts of one number, or two owners of one job, can't both be written.
    sa.UniqueConstraint("fingerprint", "attempt", name="one_row_an_attempt"),
    sa.UniqueConstraint("generation_id", name="one_owner_a_generation"),
    sa.Index("purchases_by_scope", "scope"),
    sa.Index("purchases_by_key", "key"),
    sa.Index("purchases_by_state", "state"),
    sa.Index("purchases_by_intent", "intended_at"),
    # All columns that a cap needs: the sum never reads the rows, which hold prompts.
    sa.Index(
        "purchases_by_cost",
        *("provider", "scope", "run_id", "intended_at"),
        *("state", "billed", "price_micros", "account"),
    ),
)

# One row is one decision which sheet a character has. Rows are never changed or deleted.
sheet_pins = sa.Table(
    "sheet_pins",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # The fingerprint of the first candidate's request: other traits are another sheet.
    sa.Column("made_for", sa.String(64), nullable=False),
    # The account whose candidates were chosen from; "" in rows of older ledgers.
    sa.Column("account", sa.String(100), nullable=False, server_default=""),
    # From 1, over all accounts; two machines can't both write a decision as the same one.
    sa.Column("number", sa.Integer, nullable=False),
    # `brand/character` at that time, for people.
    sa.Column("key", sa.String(400), nullable=False),
    # SHA-256 of the image, as hex.
    sa.Column("digest", sa.String(64), nullable=False),
    # "pinned", "automatic", "rolled_back" or "migrated".
    sa.Column("action", sa.String(20), nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    # Seconds since the epoch.
    sa.Column("pinned_at", sa.Float, nullable=False),
    sa.UniqueConstraint("made_for", "number", name="one_row_a_decision"),
)

# One row is one picture that is regenerated because it failed a check. It is inserted before the
# purchase and completed once, when it is known which of the two pictures is kept.
corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # The fingerprint whose picture failed, and the SHA-256 of that picture.
    sa.Column("parent", sa.String(64), nullable=False),
    sa.Column("original", sa.String(64), nullable=False),
    # From 1; two machines can't both insert the same one.
    sa.Column("number", sa.Integer, nullable=False),
    # The new request: its fingerprint, and the prompt, which determines it.
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    # Names of the checks that it must pass.
    sa.Column("checks", sa.JSON, nullable=False),
    # The prompt's key at that time, for people.
    sa.Column("key", sa.String(400), nullable=False),
    # Seconds since the epoch.
    sa.Column("asked_at", sa.Float, nullable=False),
    # "first" or "correction"; null while it is not known.
    sa.Column("kept", sa.String(20), nullable=True),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    # Of an edit: the SHA-256 of the picture that is edited, what is changed, and which part of it
    # as four shares of its sides; null where all of it may change.
    sa.Column("base", sa.String(64), nullable=False, server_default=""),
    sa.Column("instruction", sa.Text, nullable=False, server_default=""),
    sa.Column("region", sa.JSON, nullable=True),
    sa.UniqueConstraint("parent", "original", "number", name="one_row_a_correction"),
    sa.Index("corrections_by_fingerprint", "fingerprint"),
)

# One row is one file that was made for a prompt. Rows are never deleted: any file may come back.
pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("prompt_key", sa.String(400), nullable=False),
    sa.Column("brand", sa.String(200), nullable=False),
    sa.Column("campaign", sa.String(200), nullable=False),
    # "" for the original, as the service sent it.
    sa.Column("channel", sa.String(200), nullable=False),
    sa.Column("locale", sa.String(40), nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("provider", sa.String(20), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("generation_id", sa.String(100), nullable=False),
    # Seconds since the epoch.
    sa.Column("made_at", sa.Float, nullable=True),
    # The descriptor (1,152 bytes) by which a copy is found; see `provenance.descriptors`.
    sa.Column("sketch", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("sha256", "prompt_key", name="one_row_a_file"),
    sa.Index("pictures_by_prompt", "prompt_key"),
)

# One row is one decision of a person about one file. Rows are never changed or deleted, and hold
# for these bytes alone: another file of the same prompt and channel has none.
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("prompt_key", sa.String(400), nullable=False),
    sa.Column("brand", sa.String(200), nullable=False),
    sa.Column("campaign", sa.String(200), nullable=False),
    sa.Column("channel", sa.String(200), nullable=False),
    sa.Column("locale", sa.String(40), nullable=False),
    # SHA-256 of the rendition, as hex.
    sa.Column("sha256", sa.String(64), nullable=False),
    # From 1 for each such file; two people can't both write a decision as the same one.
    sa.Column("number", sa.Integer, nullable=False),
    # "approved", "rejected", "passed_over" or "withdrawn".
    sa.Column("verdict", sa.String(20), nullable=False),
    # Name of the check whose fault it was rejected for; "" for a reason in free words.
    sa.Column("fault", sa.String(100), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    # What stood beside the picture then: the set's digest and its failed checks.
    sa.Column("seen", sa.JSON, nullable=False),
    # Seconds since the epoch.
    sa.Column("decided_at", sa.Float, nullable=False),
    sa.UniqueConstraint(
        *("prompt_key", "channel", "locale", "sha256", "number"), name="one_row_a_verdict"
    ),
    sa.Index("decisions_by_campaign", "campaign"),
)

# One row is one key of an account. A key is known by a keyed hash, which says nothing about it.
accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("key_hash", sa.String(32), nullable=False),
    sa.Column("origin", sa.String(200), nullable=False),
    # Seconds since the epoch.
    sa.Column("added_at", sa.Float, nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.UniqueConstraint("key_hash", name="one_account_a_key"),
)

# One row: which ledger this is, wherever its database is copied to.
identity = sa.Table(
    "identity",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # uuid4 as hex.
    sa.Column("ledger_id", sa.String(32), nullable=False),
)

# One row is one small document that the machines of a shared ledger have in common: a prompt's
# record, a calibration. A ledger of one home has none: there they are files of the home.
shared_documents = sa.Table(
    "shared_documents",
    metadata,
    # What it is, such as "records"; see `shared_state`.
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(400), primary_key=True),
    # The name up to its first slash: those of a campaign are looked up together.
    sa.Column("folder", sa.String(200), nullable=False),
    # SHA-256 of the body, as hex.
    sa.Column("digest", sa.String(64), nullable=False),
    # Of a record: whether a check failed.
    sa.Column("flagged", sa.Boolean, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    # Seconds since the epoch.
    sa.Column("written_at", sa.Float, nullable=False),
    # All that a listing needs: it never reads the bodies.
    sa.Index("documents_by_folder", "kind", "folder", "name", "digest"),
    sa.Index("documents_by_flag", "kind", "flagged", "name"),
)

# One row is the rate limiter's state of one key, on PostgreSQL.
rate_states = sa.Table(
    "rate_states",
    metadata,
    # A keyed hash of the key, and the service's origin, which say nothing about the key.
    sa.Column("payer", sa.String(64), primary_key=True),
    # One more with each change: of two machines that change the same one, one begins again.
    sa.Column("version", sa.BigInteger, nullable=False),
    # JSON of a `RateState`.
    sa.Column("state", sa.Text, nullable=False),
)

# One row is one home folder whose runs use a ledger that is not its own.
homes = sa.Table(
    "homes",
    metadata,
    # uuid4 as hex, as the home's own file says.
    sa.Column("home_id", sa.String(32), primary_key=True),
    # Where it was last, for people.
    sa.Column("host", sa.String(200), nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    # The store that it shares, without user and password; "" for one of its own.
    sa.Column("store", sa.Text, nullable=False),
    # Seconds since the epoch.
    sa.Column("opened_at", sa.Float, nullable=False),
)

# One row is one store that machines share and that was seen with the mark of this ledger.
marked_stores = sa.Table(
    "marked_stores",
    metadata,
    # Its URL without user and password.
    sa.Column("name", sa.Text, primary_key=True),
    # uuid4 as hex: another one once the store was said to be new, so that every home notices.
    sa.Column("epoch", sa.String(32), nullable=False),
)

# One row is one process that works on a run; a run that is started twice has two. Stamps are the
# database's own clock, which is one for all machines. Not `runs`: Dagster has a table of that name,
# and may share the database.
run_signs = sa.Table(
    "run_signs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # Dagster's id of the run.
    sa.Column("run_id", sa.String(100), nullable=False),
    # Where it works, for people.
    sa.Column("host", sa.String(200), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    # Seconds since the epoch.
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("beat_at", sa.Float, nullable=False),
    # When it was done; null while it works, and for good where it died.
    sa.Column("ended_at", sa.Float, nullable=True),
    # When others stopped waiting for it.
    sa.Column("given_up_at", sa.Float, nullable=True),
    # When it had dealt with all of its prompts, and the campaigns of those without a picture.
    sa.Column("prompts_done_at", sa.Float, nullable=True),
    sa.Column("lacking", sa.JSON, nullable=True),
    sa.Index("run_signs_by_run", "run_id"),
    sa.Index("run_signs_by_beat", "beat_at"),
)
