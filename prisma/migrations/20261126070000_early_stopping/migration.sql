-- A job with a target may end before its maximum: it is charged for the shards that its result covers. Null for a job
-- without a target, and for one that ended before its looks had said where it stops: that one is charged for all that is
-- durable.
ALTER TABLE "jobs"
    ADD COLUMN "covered_shards" BIGINT,
    ADD CONSTRAINT "jobs_covered_shards_check" CHECK ("covered_shards" IS NULL OR ("covered_shards" BETWEEN 1 AND "shard_count" AND "finished_at" IS NOT NULL));

-- Shards accepted beyond the stopping point are paid from what the network has earned.
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
        WHEN 'grant' THEN "flag" = 'posted' AND "debit_account" = 'grants' AND "credit_account" LIKE 'owner:%'
        WHEN 'claim' THEN "flag" = 'posted' AND "debit_account" = 'agent:' || "agent" AND "credit_account" LIKE 'owner:%'
        WHEN 'move' THEN "flag" = 'posted' AND "debit_account" LIKE 'owner:%' AND "credit_account" LIKE 'owner:%'
        ELSE false END);
