-- The span of a row's shards: a proof reads the rows that may hold its ten shards, not the whole job. Rows that exist
-- keep NULL and are always read.
ALTER TABLE "result_groups"
    ADD COLUMN "first_shard" INTEGER,
    ADD COLUMN "last_shard" INTEGER,
    ADD CONSTRAINT "result_groups_span_check" CHECK (("first_shard" IS NULL) = ("last_shard" IS NULL) AND "first_shard" >= 0 AND "first_shard" <= "last_shard");
