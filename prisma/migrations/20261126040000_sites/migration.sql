-- AlterTable
ALTER TABLE "agents" ADD COLUMN "site_id" UUID;

-- CreateTable
CREATE TABLE "sites" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "owner_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "site_key" TEXT NOT NULL,
    "allowed_origins" TEXT[],
    "phones" BOOLEAN NOT NULL DEFAULT false,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sites_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "embed_consents" (
    "token_hash" CHAR(64) NOT NULL,
    "site_id" UUID NOT NULL,
    "network" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "stopped_at" TIMESTAMPTZ(3),

    CONSTRAINT "embed_consents_pkey" PRIMARY KEY ("token_hash")
);

-- CreateTable
CREATE TABLE "site_days" (
    "site_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "asked" INTEGER NOT NULL DEFAULT 0,
    "consented" INTEGER NOT NULL DEFAULT 0,
    "stopped" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "site_days_pkey" PRIMARY KEY ("site_id","day")
);

-- CreateTable
CREATE TABLE "spent_challenges" (
    "nonce" CHAR(32) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "spent_challenges_pkey" PRIMARY KEY ("nonce")
);

-- CreateIndex
CREATE INDEX "agents_site_id_idx" ON "agents"("site_id");

-- CreateIndex
CREATE UNIQUE INDEX "sites_site_key_key" ON "sites"("site_key");

-- CreateIndex
CREATE INDEX "sites_owner_id_created_at_idx" ON "sites"("owner_id", "created_at");

-- CreateIndex
CREATE INDEX "embed_consents_site_id_created_at_idx" ON "embed_consents"("site_id", "created_at");

-- CreateIndex
CREATE INDEX "spent_challenges_expires_at_idx" ON "spent_challenges"("expires_at");

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_site_id_fkey" FOREIGN KEY ("site_id") REFERENCES "sites"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sites" ADD CONSTRAINT "sites_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "owners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "embed_consents" ADD CONSTRAINT "embed_consents_site_id_fkey" FOREIGN KEY ("site_id") REFERENCES "sites"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "site_days" ADD CONSTRAINT "site_days_site_id_fkey" FOREIGN KEY ("site_id") REFERENCES "sites"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Prisma has no word for what follows and leaves these constraints alone.

ALTER TABLE "sites"
    ADD CONSTRAINT "sites_name_check" CHECK (char_length("name") BETWEEN 1 AND 60),
    ADD CONSTRAINT "sites_key_check" CHECK ("site_key" ~ '^fpsk_[A-Za-z0-9_-]{22}$'),
    ADD CONSTRAINT "sites_origins_check" CHECK (cardinality("allowed_origins") <= 20 AND array_position("allowed_origins", NULL) IS NULL);

ALTER TABLE "embed_consents"
    ADD CONSTRAINT "embed_consents_hash_check" CHECK ("token_hash" ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT "embed_consents_span_check" CHECK ("expires_at" > "created_at" AND "expires_at" <= "created_at" + interval '24 hours');

ALTER TABLE "site_days"
    ADD CONSTRAINT "site_days_counts_check" CHECK ("asked" >= 0 AND "consented" >= 0 AND "stopped" >= 0);

ALTER TABLE "spent_challenges"
    ADD CONSTRAINT "spent_challenges_nonce_check" CHECK ("nonce" ~ '^[0-9a-f]{32}$');
