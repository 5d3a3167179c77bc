-- AlterTable
ALTER TABLE "agents" ADD COLUMN     "name" TEXT,
ADD COLUMN     "revoked_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "agent_executors" (
    "agent_id" CHAR(64) NOT NULL,
    "executor" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "shards" BIGINT NOT NULL DEFAULT 0,
    "leases" BIGINT NOT NULL DEFAULT 0,
    "last_seen" TIMESTAMPTZ(3),
    "probe" JSONB,

    CONSTRAINT "agent_executors_pkey" PRIMARY KEY ("agent_id","executor")
);

-- CreateTable
CREATE TABLE "agent_ops" (
    "agent_id" CHAR(64) NOT NULL,
    "op" TEXT NOT NULL,
    "shards" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "agent_ops_pkey" PRIMARY KEY ("agent_id","op")
);

-- AddForeignKey
ALTER TABLE "agent_executors" ADD CONSTRAINT "agent_executors_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agent_ops" ADD CONSTRAINT "agent_ops_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Prisma has no word for what follows and leaves these constraints alone. (Its engine cuts this file at every
-- semicolon, also inside a comment.)

ALTER TABLE "agents"
    ADD CONSTRAINT "agents_name_check" CHECK (char_length("name") BETWEEN 1 AND 60);

ALTER TABLE "agent_executors"
    ADD CONSTRAINT "agent_executors_executor_check" CHECK ("executor" IN ('webgpu', 'wasm', 'cpu')),
    ADD CONSTRAINT "agent_executors_shards_check" CHECK ("shards" >= 0),
    ADD CONSTRAINT "agent_executors_leases_check" CHECK ("leases" >= 0),
    ADD CONSTRAINT "agent_executors_probe_check" CHECK (octet_length("probe"::text) <= 65536);

ALTER TABLE "agent_ops"
    ADD CONSTRAINT "agent_ops_shards_check" CHECK ("shards" >= 0);

-- Agents that are known already keep their totals, under the executor of their last enrolment.
INSERT INTO "agent_executors" ("agent_id", "executor", "label", "shards", "leases", "last_seen")
SELECT "id", "executor", "label", "shards", "leases", "last_seen" FROM "agents";
