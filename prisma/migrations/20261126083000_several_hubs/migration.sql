-- Several hubs on one database (docs/adr/0023). What one hub learns and another has to know stands in hub_news, written by
-- triggers in the transaction of its cause; messages between hubs only make it heard sooner.
CREATE TABLE "hub_news" (
    "id" BIGSERIAL NOT NULL,
    "body" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT "hub_news_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "hub_news_created_at_idx" ON "hub_news"("created_at");

-- Which hubs are there: each says so every few seconds.
CREATE TABLE "hub_beats" (
    "epoch" BIGINT NOT NULL,
    "status" JSONB NOT NULL,
    "beat_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT "hub_beats_pkey" PRIMARY KEY ("epoch")
);

-- Each hub's part in a job that has not ended, for progress alone: nothing is decided or paid by it.
CREATE TABLE "hub_parts" (
    "epoch" BIGINT NOT NULL,
    "job_id" UUID NOT NULL,
    "part" JSONB NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT "hub_parts_pkey" PRIMARY KEY ("epoch", "job_id")
);
CREATE INDEX "hub_parts_job_id_idx" ON "hub_parts"("job_id");
CREATE INDEX "hub_parts_updated_at_idx" ON "hub_parts"("updated_at");
ALTER TABLE "hub_parts" ADD CONSTRAINT "hub_parts_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The order of epochs and row numbers says nothing about who replaced whom when several hubs write: a row says it itself.
ALTER TABLE "result_groups" ADD COLUMN "is_replacement" BOOLEAN NOT NULL DEFAULT false;

CREATE FUNCTION "tell_agent_revoked"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "hub_news" ("body") VALUES (jsonb_build_object('t', 'agent.revoked', 'agent', NEW."id"));
    RETURN NULL;
END $$;
CREATE TRIGGER "agents_tell_revoked" AFTER UPDATE OF "revoked_at" ON "agents" FOR EACH ROW
    WHEN (OLD."revoked_at" IS NULL AND NEW."revoked_at" IS NOT NULL) EXECUTE FUNCTION "tell_agent_revoked"();

CREATE FUNCTION "tell_token_revoked"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "hub_news" ("body") VALUES (jsonb_build_object('t', 'token.revoked', 'token', NEW."id"));
    RETURN NULL;
END $$;
CREATE TRIGGER "tokens_tell_revoked" AFTER UPDATE OF "revoked_at" ON "tokens" FOR EACH ROW
    WHEN (OLD."revoked_at" IS NULL AND NEW."revoked_at" IS NOT NULL) EXECUTE FUNCTION "tell_token_revoked"();

CREATE FUNCTION "tell_owner_erased"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "hub_news" ("body") VALUES (jsonb_build_object('t', 'owner.erased', 'owner', NEW."id"));
    RETURN NULL;
END $$;
CREATE TRIGGER "owners_tell_erased" AFTER UPDATE OF "label" ON "owners" FOR EACH ROW
    WHEN (NEW."label" = 'erased' AND OLD."label" <> 'erased' AND NEW."user_id" IS NULL) EXECUTE FUNCTION "tell_owner_erased"();

CREATE FUNCTION "tell_owner_moved"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "hub_news" ("body")
        VALUES (jsonb_build_object('t', 'owner.moved', 'from', OLD."owner_id", 'to', NEW."owner_id"));
    RETURN NULL;
END $$;
CREATE TRIGGER "jobs_tell_moved" AFTER UPDATE OF "owner_id" ON "jobs" FOR EACH ROW
    WHEN (OLD."owner_id" <> NEW."owner_id" AND NEW."state" IN ('submitted', 'planned', 'running', 'verifying'))
    EXECUTE FUNCTION "tell_owner_moved"();

CREATE FUNCTION "tell_job_changed"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "hub_news" ("body") VALUES (jsonb_build_object(
        't', 'job.changed', 'job_id', NEW."id", 'paused', NEW."paused_at" IS NOT NULL, 'priority', NEW."priority"));
    RETURN NULL;
END $$;
CREATE TRIGGER "jobs_tell_changed" AFTER UPDATE OF "paused_at", "priority" ON "jobs" FOR EACH ROW
    WHEN ((OLD."paused_at" IS NULL) <> (NEW."paused_at" IS NULL) OR OLD."priority" <> NEW."priority")
    EXECUTE FUNCTION "tell_job_changed"();

CREATE FUNCTION "tell_agent_failed"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "hub_news" ("body") VALUES (jsonb_build_object(
        't', 'agent.failed', 'agent', NEW."agent_id", 'executor', NEW."executor", 'reason', NEW."reason"));
    RETURN NULL;
END $$;
CREATE TRIGGER "agent_incidents_tell_failed" AFTER INSERT ON "agent_incidents" FOR EACH ROW
    EXECUTE FUNCTION "tell_agent_failed"();
