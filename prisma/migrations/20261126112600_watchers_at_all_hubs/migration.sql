-- Who may watch a live room changes at all hubs (docs/adr/0023): they hear which job is shown to others than before, and which
-- person's session has ended.
CREATE FUNCTION "tell_job_shown"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "hub_news" ("body") VALUES (jsonb_build_object('t', 'job.shown', 'job_id', NEW."id"));
    RETURN NULL;
END $$;
CREATE TRIGGER "jobs_tell_shown" AFTER UPDATE OF "visibility" ON "jobs" FOR EACH ROW
    WHEN (OLD."visibility" <> NEW."visibility") EXECUTE FUNCTION "tell_job_shown"();

CREATE FUNCTION "tell_person_left"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "hub_news" ("body") VALUES (jsonb_build_object('t', 'person.left', 'session', OLD."id"));
    RETURN NULL;
END $$;
CREATE TRIGGER "sessions_tell_left" AFTER DELETE ON "sessions" FOR EACH ROW EXECUTE FUNCTION "tell_person_left"();
