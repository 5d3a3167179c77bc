-- Several hubs share one store: the fence is no longer the newest hub but the claim of each chunk. A hub of before fails
-- at its next commit, because its fence is gone, and writes nothing.
CREATE SEQUENCE hub_epochs_epoch_seq;
ALTER TABLE "hub_epochs" ALTER COLUMN "epoch" SET DEFAULT nextval('hub_epochs_epoch_seq');
ALTER SEQUENCE hub_epochs_epoch_seq OWNED BY "hub_epochs"."epoch";
SELECT setval('hub_epochs_epoch_seq', (SELECT "epoch" + 1 FROM "hub_fence"), false);
DROP TABLE "hub_fence";

-- CreateTable
CREATE TABLE "chunk_queues" (
    "job_id" UUID NOT NULL,
    "shard_count" INTEGER NOT NULL,
    "chunk_shards" INTEGER NOT NULL,
    "done_chunks" INTEGER NOT NULL,

    CONSTRAINT "chunk_queues_pkey" PRIMARY KEY ("job_id")
);

-- CreateTable
CREATE TABLE "job_chunks" (
    "job_id" UUID NOT NULL,
    "chunk" INTEGER NOT NULL,
    "epoch" BIGSERIAL NOT NULL,
    "holder" BIGINT,
    "expires_at" TIMESTAMPTZ(3),
    "done" BOOLEAN NOT NULL DEFAULT false,
    "accepted" JSONB,

    CONSTRAINT "job_chunks_pkey" PRIMARY KEY ("job_id","chunk")
);

-- CreateTable
CREATE TABLE "shard_corrections" (
    "job_id" UUID NOT NULL,
    "shard" INTEGER NOT NULL,

    CONSTRAINT "shard_corrections_pkey" PRIMARY KEY ("job_id","shard")
);

-- AddForeignKey
ALTER TABLE "chunk_queues" ADD CONSTRAINT "chunk_queues_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_chunks" ADD CONSTRAINT "job_chunks_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "shard_corrections" ADD CONSTRAINT "shard_corrections_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "chunk_queues"
    ADD CONSTRAINT "chunk_queues_sizes_check" CHECK ("shard_count" >= 1 AND "chunk_shards" >= 1),
    ADD CONSTRAINT "chunk_queues_done_check" CHECK ("done_chunks" >= 0 AND "done_chunks" <= ("shard_count" - 1) / "chunk_shards" + 1);
ALTER TABLE "job_chunks"
    ADD CONSTRAINT "job_chunks_chunk_check" CHECK ("chunk" >= 0),
    ADD CONSTRAINT "job_chunks_held_check" CHECK (("holder" IS NULL) = ("expires_at" IS NULL) AND NOT ("done" AND "holder" IS NOT NULL));
ALTER TABLE "shard_corrections" ADD CONSTRAINT "shard_corrections_shard_check" CHECK ("shard" >= 0);
