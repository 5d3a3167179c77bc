-- A contract may be answered by the record of an earlier job with the same replay key. Such a job is born settled, holds
-- nothing and has no record of its own.
ALTER TABLE "jobs"
    ADD COLUMN "replay_of" UUID,
    ADD COLUMN "replay_ended_at" TIMESTAMPTZ(3),
    DROP CONSTRAINT "jobs_price_check",
    ADD CONSTRAINT "jobs_price_check" CHECK (("shard_price" IS NULL) = ("hold" IS NULL) AND "shard_price" >= 1
        AND ("hold" >= "shard_price" OR "hold" = 0 AND "replay_of" IS NOT NULL)),
    ADD CONSTRAINT "jobs_replay_check" CHECK ("replay_of" IS NULL OR "replay_of" <> "id" AND "state" = 'settled');

-- Two records with one replay key and different shards: both answer no contract until the referee has decided.
CREATE TABLE "record_incidents" (
    "id" BIGSERIAL NOT NULL,
    "job_id" UUID NOT NULL,
    "other_job_id" UUID NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_at" TIMESTAMPTZ(3),
    CONSTRAINT "record_incidents_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "record_incidents_jobs_check" CHECK ("job_id" <> "other_job_id")
);
CREATE UNIQUE INDEX "record_incidents_job_id_other_job_id_key" ON "record_incidents"("job_id", "other_job_id");
CREATE INDEX "record_incidents_closed_at_idx" ON "record_incidents"("closed_at");

-- Shards of records that were found wrong since, each once: the ledger has the signed correction.
CREATE TABLE "corrected_shards" (
    "job_id" UUID NOT NULL,
    "shard" BIGINT NOT NULL,
    "entry" BIGINT NOT NULL,
    CONSTRAINT "corrected_shards_pkey" PRIMARY KEY ("job_id", "shard"),
    CONSTRAINT "corrected_shards_shard_check" CHECK ("shard" >= 0)
);

-- What the network gives back for them.
ALTER TABLE "credit_transfers"
    DROP CONSTRAINT "credit_transfers_code_check",
    ADD CONSTRAINT "credit_transfers_code_check" CHECK (CASE "code"
        WHEN 'hold' THEN "flag" = 'pending' AND "credit_account" = 'escrow' AND "job_id" IS NOT NULL
        WHEN 'charge' THEN "flag" = 'post_pending' AND "credit_account" = 'escrow' AND "job_id" IS NOT NULL
        WHEN 'release' THEN "flag" = 'void_pending' AND "credit_account" = 'escrow' AND "job_id" IS NOT NULL
        WHEN 'contribution' THEN "flag" = 'posted' AND "debit_account" IN ('escrow', 'network') AND "job_id" IS NOT NULL AND "agent" IS NOT NULL
        WHEN 'site' THEN "flag" = 'posted' AND "debit_account" IN ('escrow', 'network') AND "job_id" IS NOT NULL AND "site_id" IS NOT NULL
        WHEN 'network_work' THEN "flag" = 'posted' AND "debit_account" = 'escrow' AND "credit_account" = 'network' AND "job_id" IS NOT NULL
        WHEN 'fee' THEN "flag" = 'posted' AND "debit_account" = 'escrow' AND "credit_account" = 'network' AND "job_id" IS NOT NULL
        WHEN 'refund' THEN "flag" = 'posted' AND "debit_account" = 'network' AND "credit_account" LIKE 'owner:%' AND "job_id" IS NOT NULL
        WHEN 'grant' THEN "flag" = 'posted' AND "debit_account" = 'grants' AND "credit_account" LIKE 'owner:%'
        WHEN 'claim' THEN "flag" = 'posted' AND "debit_account" = 'agent:' || "agent" AND "credit_account" LIKE 'owner:%'
        WHEN 'move' THEN "flag" = 'posted' AND "debit_account" LIKE 'owner:%' AND "credit_account" LIKE 'owner:%'
        ELSE false END);
