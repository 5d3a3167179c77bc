-- CreateTable
CREATE TABLE "owners" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "kind" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "owners_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "owner_tokens" (
    "token_hash" CHAR(64) NOT NULL,
    "owner_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "owner_tokens_pkey" PRIMARY KEY ("token_hash")
);

-- CreateTable
CREATE TABLE "agents" (
    "id" CHAR(64) NOT NULL,
    "owner_id" UUID NOT NULL,
    "executor" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "software" TEXT NOT NULL,
    "first_seen" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "shards" BIGINT NOT NULL DEFAULT 0,
    "leases" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "agents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "jobs" (
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "idempotency_key" TEXT,
    "state" TEXT NOT NULL DEFAULT 'submitted',
    "op" TEXT NOT NULL,
    "contract" TEXT NOT NULL,
    "contract_hash" CHAR(64) NOT NULL,
    "replay_key" CHAR(64) NOT NULL,
    "plan_digest" CHAR(64) NOT NULL,
    "shard_count" BIGINT NOT NULL,
    "work_units" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "progress" JSONB,
    "result" TEXT,
    "result_digest" CHAR(64),
    "headline" TEXT,
    "artifacts" JSONB NOT NULL DEFAULT '[]',
    "failure" JSONB,

    CONSTRAINT "jobs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "result_groups" (
    "job_id" UUID NOT NULL,
    "epoch" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "shard_count" INTEGER NOT NULL,
    "agents" TEXT[],
    "packed" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "result_groups_pkey" PRIMARY KEY ("job_id","epoch","seq")
);

-- CreateTable
CREATE TABLE "receipts" (
    "epoch" BIGINT NOT NULL,
    "lease_id" TEXT NOT NULL,
    "job_id" UUID NOT NULL,
    "agent" CHAR(64) NOT NULL,
    "receipt" JSONB NOT NULL,
    "signature" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "receipts_pkey" PRIMARY KEY ("epoch","lease_id")
);

-- CreateTable
CREATE TABLE "hub_epochs" (
    "epoch" BIGINT NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "hub_epochs_pkey" PRIMARY KEY ("epoch")
);

-- CreateTable
CREATE TABLE "hub_fence" (
    "id" SMALLINT NOT NULL DEFAULT 1,
    "epoch" BIGINT NOT NULL,

    CONSTRAINT "hub_fence_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "owners_kind_label_key" ON "owners"("kind", "label");

-- CreateIndex
CREATE INDEX "owner_tokens_owner_id_idx" ON "owner_tokens"("owner_id");

-- CreateIndex
CREATE INDEX "agents_owner_id_last_seen_idx" ON "agents"("owner_id", "last_seen");

-- CreateIndex
CREATE INDEX "jobs_created_at_id_idx" ON "jobs"("created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "jobs_state_created_at_idx" ON "jobs"("state", "created_at");

-- CreateIndex
CREATE INDEX "jobs_replay_key_idx" ON "jobs"("replay_key");

-- CreateIndex
CREATE UNIQUE INDEX "jobs_owner_id_idempotency_key_key" ON "jobs"("owner_id", "idempotency_key");

-- CreateIndex
CREATE INDEX "receipts_job_id_idx" ON "receipts"("job_id");

-- AddForeignKey
ALTER TABLE "owner_tokens" ADD CONSTRAINT "owner_tokens_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "owners"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "owners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "owners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "result_groups" ADD CONSTRAINT "result_groups_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "receipts" ADD CONSTRAINT "receipts_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Prisma has no word for what follows and leaves these constraints alone. (Its engine cuts this file at every
-- semicolon, also inside a comment.)

-- The states of docs/ARCHITECTURE.md, section "Job lifecycle", all of them from the first day.
ALTER TABLE "jobs"
    ADD CONSTRAINT "jobs_state_check" CHECK ("state" IN ('submitted', 'quoted', 'held', 'planned', 'running', 'verifying', 'settled', 'failed', 'cancelled', 'expired')),
    ADD CONSTRAINT "jobs_finished_check" CHECK (("state" IN ('settled', 'failed', 'cancelled', 'expired')) = ("finished_at" IS NOT NULL)),
    ADD CONSTRAINT "jobs_settled_check" CHECK (("state" = 'settled') = ("result" IS NOT NULL) AND ("state" = 'settled') = ("result_digest" IS NOT NULL)),
    ADD CONSTRAINT "jobs_shard_count_check" CHECK ("shard_count" >= 1),
    ADD CONSTRAINT "jobs_work_units_check" CHECK ("work_units" >= 0),
    ADD CONSTRAINT "jobs_digests_check" CHECK ("contract_hash" ~ '^[0-9a-f]{64}$' AND "replay_key" ~ '^[0-9a-f]{64}$' AND "plan_digest" ~ '^[0-9a-f]{64}$' AND "result_digest" ~ '^[0-9a-f]{64}$');

ALTER TABLE "owners"
    ADD CONSTRAINT "owners_kind_check" CHECK ("kind" IN ('account', 'network', 'house')),
    ADD CONSTRAINT "owners_label_check" CHECK (char_length("label") BETWEEN 1 AND 200);

ALTER TABLE "owner_tokens"
    ADD CONSTRAINT "owner_tokens_hash_check" CHECK ("token_hash" ~ '^[0-9a-f]{64}$');

ALTER TABLE "agents"
    ADD CONSTRAINT "agents_id_check" CHECK ("id" ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT "agents_executor_check" CHECK ("executor" IN ('webgpu', 'wasm', 'cpu')),
    ADD CONSTRAINT "agents_shards_check" CHECK ("shards" >= 0),
    ADD CONSTRAINT "agents_leases_check" CHECK ("leases" >= 0);

ALTER TABLE "result_groups"
    ADD CONSTRAINT "result_groups_epoch_check" CHECK ("epoch" >= 1),
    ADD CONSTRAINT "result_groups_seq_check" CHECK ("seq" >= 0),
    ADD CONSTRAINT "result_groups_shard_count_check" CHECK ("shard_count" >= 1);
-- Digests do not compress: spend no time on trying.
ALTER TABLE "result_groups" ALTER COLUMN "packed" SET STORAGE EXTERNAL;

ALTER TABLE "receipts"
    ADD CONSTRAINT "receipts_epoch_check" CHECK ("epoch" >= 1),
    ADD CONSTRAINT "receipts_agent_check" CHECK ("agent" ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT "receipts_signature_check" CHECK (octet_length("signature") = 64);

ALTER TABLE "hub_epochs"
    ADD CONSTRAINT "hub_epochs_epoch_check" CHECK ("epoch" >= 1);

ALTER TABLE "hub_fence"
    ADD CONSTRAINT "hub_fence_one_row_check" CHECK ("id" = 1),
    ADD CONSTRAINT "hub_fence_epoch_check" CHECK ("epoch" >= 0);
INSERT INTO "hub_fence" ("id", "epoch") VALUES (1, 0);
