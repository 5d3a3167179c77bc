-- DropForeignKey
ALTER TABLE "owner_tokens" DROP CONSTRAINT "owner_tokens_owner_id_fkey";

-- DropIndex
DROP INDEX "jobs_created_at_id_idx";

-- DropIndex
DROP INDEX "owners_kind_label_key";

-- AlterTable
ALTER TABLE "jobs" ADD COLUMN     "visibility" TEXT NOT NULL DEFAULT 'private';

-- AlterTable
ALTER TABLE "owners" ADD COLUMN     "natural_key" TEXT,
ADD COLUMN     "user_id" TEXT;

-- DropTable
-- Owner tokens named accounts that nobody could sign in to. The house agent gets a new token at the next start.
DROP TABLE "owner_tokens";

-- CreateTable
CREATE TABLE "tokens" (
    "token_hash" CHAR(64) NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "owner_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "tokens_pkey" PRIMARY KEY ("token_hash")
);

-- CreateTable
CREATE TABLE "users" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "email_verified" BOOLEAN NOT NULL DEFAULT false,
    "image" TEXT,
    "is_anonymous" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sessions" (
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "token_hash" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ip_address" TEXT,
    "user_agent" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "credentials" (
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "provider_id" TEXT NOT NULL,
    "access_token" TEXT,
    "refresh_token" TEXT,
    "id_token" TEXT,
    "access_token_expires_at" TIMESTAMPTZ(3),
    "refresh_token_expires_at" TIMESTAMPTZ(3),
    "scope" TEXT,
    "password" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "credentials_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "verifications" (
    "id" TEXT NOT NULL,
    "identifier" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "verifications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "passkeys" (
    "id" TEXT NOT NULL,
    "name" TEXT,
    "public_key" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "credential_id" TEXT NOT NULL,
    "counter" INTEGER NOT NULL,
    "device_type" TEXT NOT NULL,
    "backed_up" BOOLEAN NOT NULL,
    "transports" TEXT,
    "created_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "aaguid" TEXT,

    CONSTRAINT "passkeys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "blob_uploads" (
    "digest" CHAR(64) NOT NULL,
    "owner_id" UUID NOT NULL,
    "bytes" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "blob_uploads_pkey" PRIMARY KEY ("owner_id","digest")
);

-- CreateTable
CREATE TABLE "job_blobs" (
    "job_id" UUID NOT NULL,
    "digest" CHAR(64) NOT NULL,
    "role" TEXT NOT NULL,

    CONSTRAINT "job_blobs_pkey" PRIMARY KEY ("job_id","digest","role")
);

-- CreateIndex
CREATE UNIQUE INDEX "tokens_id_key" ON "tokens"("id");

-- CreateIndex
CREATE INDEX "tokens_owner_id_kind_idx" ON "tokens"("owner_id", "kind");

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_token_hash_key" ON "sessions"("token_hash");

-- CreateIndex
CREATE INDEX "sessions_user_id_idx" ON "sessions"("user_id");

-- CreateIndex
CREATE INDEX "credentials_user_id_idx" ON "credentials"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "credentials_provider_id_account_id_key" ON "credentials"("provider_id", "account_id");

-- CreateIndex
CREATE INDEX "verifications_identifier_idx" ON "verifications"("identifier");

-- CreateIndex
CREATE INDEX "verifications_expires_at_idx" ON "verifications"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "passkeys_credential_id_key" ON "passkeys"("credential_id");

-- CreateIndex
CREATE INDEX "passkeys_user_id_idx" ON "passkeys"("user_id");

-- CreateIndex
CREATE INDEX "job_blobs_digest_idx" ON "job_blobs"("digest");

-- CreateIndex
CREATE INDEX "jobs_visibility_created_at_id_idx" ON "jobs"("visibility", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "jobs_owner_id_created_at_id_idx" ON "jobs"("owner_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "owners_natural_key_key" ON "owners"("natural_key");

-- CreateIndex
CREATE UNIQUE INDEX "owners_user_id_key" ON "owners"("user_id");

-- AddForeignKey
ALTER TABLE "owners" ADD CONSTRAINT "owners_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "owners"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "passkeys" ADD CONSTRAINT "passkeys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "blob_uploads" ADD CONSTRAINT "blob_uploads_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "owners"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_blobs" ADD CONSTRAINT "job_blobs_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Prisma has no word for what follows and leaves these constraints alone.

-- A network and the house are one each, whoever asks first. Old accounts were names without anybody behind them.
UPDATE "owners" SET "natural_key" = "kind" || ':' || "label" WHERE "kind" IN ('network', 'house');
ALTER TABLE "owners"
    DROP CONSTRAINT "owners_kind_check",
    ADD CONSTRAINT "owners_kind_check" CHECK ("kind" IN ('account', 'guest', 'network', 'house')),
    ADD CONSTRAINT "owners_natural_key_check" CHECK (("natural_key" IS NOT NULL) = ("kind" IN ('network', 'house'))),
    ADD CONSTRAINT "owners_user_check" CHECK ("user_id" IS NULL OR "kind" IN ('account', 'guest'));

-- What everybody could see before stays visible to everybody.
UPDATE "jobs" SET "visibility" = 'public';
ALTER TABLE "jobs"
    ADD CONSTRAINT "jobs_visibility_check" CHECK ("visibility" IN ('private', 'public'));

ALTER TABLE "tokens"
    ADD CONSTRAINT "tokens_hash_check" CHECK ("token_hash" ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT "tokens_kind_check" CHECK ("kind" IN ('api_key', 'node_token', 'house')),
    ADD CONSTRAINT "tokens_name_check" CHECK (char_length("name") BETWEEN 1 AND 200),
    ADD CONSTRAINT "tokens_prefix_check" CHECK (char_length("prefix") = 9);

ALTER TABLE "sessions"
    ADD CONSTRAINT "sessions_token_hash_check" CHECK ("token_hash" ~ '^[0-9a-f]{64}$');

ALTER TABLE "blob_uploads"
    ADD CONSTRAINT "blob_uploads_digest_check" CHECK ("digest" ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT "blob_uploads_bytes_check" CHECK ("bytes" >= 0);

ALTER TABLE "job_blobs"
    ADD CONSTRAINT "job_blobs_digest_check" CHECK ("digest" ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT "job_blobs_role_check" CHECK ("role" IN ('input', 'artifact'));
INSERT INTO "job_blobs" ("job_id", "digest", "role")
    SELECT "jobs"."id", "input"."value" ->> 'digest', 'input'
    FROM "jobs", jsonb_each(coalesce("jobs"."contract"::jsonb -> 'inputs', '{}')) AS "input"
    UNION
    SELECT "jobs"."id", "artifact" ->> 'digest', 'artifact'
    FROM "jobs", jsonb_array_elements("jobs"."artifacts") AS "artifact";
