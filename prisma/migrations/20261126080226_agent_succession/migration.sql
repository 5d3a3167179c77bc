-- AlterTable
ALTER TABLE "agents" ADD COLUMN     "successor" CHAR(64);

-- CreateIndex
CREATE UNIQUE INDEX "agents_successor_key" ON "agents"("successor");

-- Prisma has no word for this constraint and leaves it alone. A key that has a successor is revoked.

ALTER TABLE "agents"
    ADD CONSTRAINT "agents_successor_check" CHECK ("successor" IS NULL OR ("revoked_at" IS NOT NULL AND "successor" <> "id"));
