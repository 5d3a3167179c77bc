-- job_blobs says which jobs a blob belongs to, and with that who may read it. It only repeats what a job's contract and
-- artifacts say, so the database keeps it itself: whoever writes a job cannot forget it.
CREATE FUNCTION job_blobs_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO job_blobs (job_id, digest, role)
            SELECT NEW.id, input.value ->> 'digest', 'input'
            FROM jsonb_each(coalesce(NEW.contract::jsonb -> 'inputs', '{}')) AS input
            ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO job_blobs (job_id, digest, role)
        SELECT NEW.id, artifact ->> 'digest', 'artifact'
        FROM jsonb_array_elements(NEW.artifacts) AS artifact
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER job_blobs_keep AFTER INSERT OR UPDATE OF artifacts ON jobs
    FOR EACH ROW EXECUTE FUNCTION job_blobs_keep();
