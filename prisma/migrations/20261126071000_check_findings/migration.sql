-- AlterTable
ALTER TABLE "result_groups" ADD COLUMN     "findings" JSONB NOT NULL DEFAULT '{}';
