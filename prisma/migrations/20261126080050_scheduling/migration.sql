-- What an owner says of a running job: a pause, and how much of his part of the network it gets.
ALTER TABLE "jobs"
    ADD COLUMN "paused_at" TIMESTAMPTZ(3),
    ADD COLUMN "priority" TEXT NOT NULL DEFAULT 'normal',
    ADD CONSTRAINT "jobs_priority_check" CHECK ("priority" IN ('low', 'normal', 'high'));

-- Answers to leases whose result was known (docs/adr/0020). They are no copies of the job's; the network pays those that are right.
CREATE TABLE "canary_answers" (
    "epoch" BIGINT NOT NULL,
    "lease_id" TEXT NOT NULL,
    "job_id" UUID NOT NULL,
    "agent" CHAR(64) NOT NULL,
    "owner" TEXT NOT NULL,
    "shards" INTEGER NOT NULL,
    "is_right" BOOLEAN NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "canary_answers_pkey" PRIMARY KEY ("epoch", "lease_id"),
    CONSTRAINT "canary_answers_shards_check" CHECK ("shards" >= 1)
);
CREATE INDEX "canary_answers_job_id_idx" ON "canary_answers"("job_id");
ALTER TABLE "canary_answers" ADD CONSTRAINT "canary_answers_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;
