-- The public ledger of job records (docs/adr/0020). Entries are numbered without gaps under one advisory lock, and are never
-- changed: triggers refuse it. Evidence needs agents' keys, not only their digests.
ALTER TABLE "agents"
    ADD COLUMN "public_key" BYTEA,
    ADD CONSTRAINT "agents_public_key_check" CHECK (octet_length("public_key") = 32 AND encode(sha256("public_key"), 'hex') = "id");

-- Digests of a lease that were not accepted with it: without them its signed root could not be computed again.
CREATE TABLE "withheld_digests" (
    "epoch" BIGINT NOT NULL,
    "lease_id" TEXT NOT NULL,
    "first_shard" INTEGER NOT NULL,
    "job_id" UUID NOT NULL,
    "digests" BYTEA NOT NULL,
    CONSTRAINT "withheld_digests_pkey" PRIMARY KEY ("epoch", "lease_id", "first_shard"),
    CONSTRAINT "withheld_digests_check" CHECK ("first_shard" >= 0 AND octet_length("digests") > 0 AND octet_length("digests") % 32 = 0)
);
CREATE INDEX "withheld_digests_job_id_idx" ON "withheld_digests"("job_id");
ALTER TABLE "withheld_digests" ADD CONSTRAINT "withheld_digests_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "log_identity" (
    "id" SMALLINT NOT NULL DEFAULT 1,
    "origin" TEXT NOT NULL,
    "vkey" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "log_identity_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "log_identity_one_check" CHECK ("id" = 1)
);

CREATE TABLE "hub_keys" (
    "public_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "retired_at" TIMESTAMPTZ(3),
    CONSTRAINT "hub_keys_pkey" PRIMARY KEY ("public_key"),
    CONSTRAINT "hub_keys_length_check" CHECK (octet_length("public_key") = 32)
);

CREATE TABLE "log_entries" (
    "index" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "job_id" UUID NOT NULL,
    "corrects" BIGINT,
    "leaf" BYTEA NOT NULL,
    "leaf_hash" BYTEA NOT NULL,
    "envelope" TEXT NOT NULL,
    "trace" CHAR(64) NOT NULL,
    "receipts" CHAR(64) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT "log_entries_pkey" PRIMARY KEY ("index"),
    CONSTRAINT "log_entries_index_check" CHECK ("index" >= 0),
    CONSTRAINT "log_entries_kind_check" CHECK ("kind" IN ('record', 'correction') AND ("kind" = 'correction') = ("corrects" IS NOT NULL)),
    CONSTRAINT "log_entries_corrects_check" CHECK ("corrects" < "index"),
    CONSTRAINT "log_entries_leaf_check" CHECK (octet_length("leaf") BETWEEN 1 AND 65535 AND "leaf_hash" = sha256('\x00'::bytea || "leaf"))
);
CREATE UNIQUE INDEX "log_entries_record_key" ON "log_entries"("job_id") WHERE "kind" = 'record';
CREATE INDEX "log_entries_job_id_idx" ON "log_entries"("job_id");

CREATE TABLE "log_checkpoints" (
    "size" BIGINT NOT NULL,
    "note" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "log_checkpoints_pkey" PRIMARY KEY ("size"),
    CONSTRAINT "log_checkpoints_size_check" CHECK ("size" >= 1)
);

CREATE FUNCTION log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger of records is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER log_entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON "log_entries"
    FOR EACH STATEMENT EXECUTE FUNCTION log_refuse();
CREATE TRIGGER log_identity_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON "log_identity"
    FOR EACH STATEMENT EXECUTE FUNCTION log_refuse();
CREATE TRIGGER log_checkpoints_keep BEFORE DELETE OR TRUNCATE ON "log_checkpoints"
    FOR EACH STATEMENT EXECUTE FUNCTION log_refuse();

-- Settled jobs are looked through for those that have no record yet.
CREATE INDEX "jobs_settled_idx" ON "jobs"("finished_at", "id") WHERE "state" = 'settled';
