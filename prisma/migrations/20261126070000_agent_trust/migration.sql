-- CreateTable
CREATE TABLE "agent_trust" (
    "agent_id" CHAR(64) NOT NULL,
    "executor" TEXT NOT NULL,
    "checks" BIGINT NOT NULL DEFAULT 0,
    "valid" BIGINT NOT NULL DEFAULT 0,
    "invalid" INTEGER NOT NULL DEFAULT 0,
    "checked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "probation" INTEGER NOT NULL DEFAULT 0,
    "quarantined_until" TIMESTAMPTZ(3),
    "appealed_at" TIMESTAMPTZ(3),

    CONSTRAINT "agent_trust_pkey" PRIMARY KEY ("agent_id","executor")
);

-- CreateTable
CREATE TABLE "agent_incidents" (
    "id" BIGSERIAL NOT NULL,
    "agent_id" CHAR(64) NOT NULL,
    "executor" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "job_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "agent_incidents_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "agent_incidents_agent_id_id_idx" ON "agent_incidents"("agent_id", "id");

-- AddForeignKey
ALTER TABLE "agent_trust" ADD CONSTRAINT "agent_trust_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agent_incidents" ADD CONSTRAINT "agent_incidents_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Prisma has no word for what follows and leaves these constraints alone.

ALTER TABLE "agent_trust"
    ADD CONSTRAINT "agent_trust_executor_check" CHECK ("executor" IN ('webgpu', 'wasm', 'cpu')),
    ADD CONSTRAINT "agent_trust_counts_check" CHECK ("checks" >= 0 AND "valid" >= 0 AND "invalid" >= 0 AND "probation" >= 0);

ALTER TABLE "agent_incidents"
    ADD CONSTRAINT "agent_incidents_executor_check" CHECK ("executor" IN ('webgpu', 'wasm', 'cpu')),
    ADD CONSTRAINT "agent_incidents_reason_check" CHECK (char_length("reason") BETWEEN 1 AND 200);
