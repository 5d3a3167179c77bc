-- AlterTable
ALTER TABLE "jobs" ADD COLUMN "shard_price" BIGINT,
ADD COLUMN "hold" BIGINT,
ADD COLUMN "bill" JSONB;

-- AlterTable
ALTER TABLE "result_groups" ADD COLUMN "work" JSONB NOT NULL DEFAULT '[]';

-- CreateTable
CREATE TABLE "credit_accounts" (
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "owner_id" UUID,
    "agent" CHAR(64),
    "debits_pending" BIGINT NOT NULL DEFAULT 0,
    "debits_posted" BIGINT NOT NULL DEFAULT 0,
    "credits_pending" BIGINT NOT NULL DEFAULT 0,
    "credits_posted" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "credit_accounts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "credit_transfers" (
    "id" UUID NOT NULL,
    "seq" BIGSERIAL NOT NULL,
    "flag" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "debit_account" TEXT NOT NULL,
    "credit_account" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "pending_id" UUID,
    "expires_at" TIMESTAMPTZ(3),
    "job_id" UUID,
    "agent" CHAR(64),
    "site_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "credit_transfers_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "credit_accounts_owner_id_key" ON "credit_accounts"("owner_id");

-- CreateIndex
CREATE UNIQUE INDEX "credit_accounts_agent_key" ON "credit_accounts"("agent");

-- CreateIndex
CREATE UNIQUE INDEX "credit_transfers_seq_key" ON "credit_transfers"("seq");

-- CreateIndex
CREATE UNIQUE INDEX "credit_transfers_pending_id_key" ON "credit_transfers"("pending_id");

-- CreateIndex
CREATE INDEX "credit_transfers_debit_account_seq_idx" ON "credit_transfers"("debit_account", "seq");

-- CreateIndex
CREATE INDEX "credit_transfers_credit_account_seq_idx" ON "credit_transfers"("credit_account", "seq");

-- CreateIndex
CREATE INDEX "credit_transfers_job_id_idx" ON "credit_transfers"("job_id");

-- CreateIndex
CREATE INDEX "credit_transfers_flag_expires_at_idx" ON "credit_transfers"("flag", "expires_at");

-- AddForeignKey
ALTER TABLE "credit_accounts" ADD CONSTRAINT "credit_accounts_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "owners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "credit_transfers" ADD CONSTRAINT "credit_transfers_debit_account_fkey" FOREIGN KEY ("debit_account") REFERENCES "credit_accounts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "credit_transfers" ADD CONSTRAINT "credit_transfers_credit_account_fkey" FOREIGN KEY ("credit_account") REFERENCES "credit_accounts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "credit_transfers" ADD CONSTRAINT "credit_transfers_pending_id_fkey" FOREIGN KEY ("pending_id") REFERENCES "credit_transfers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What follows Prisma has no word for and leaves alone: the rules of the ledger (docs/adr/0013).

ALTER TABLE "jobs"
    ADD CONSTRAINT "jobs_price_check" CHECK (("shard_price" IS NULL) = ("hold" IS NULL) AND "shard_price" >= 1 AND "hold" >= "shard_price"),
    ADD CONSTRAINT "jobs_bill_check" CHECK ("bill" IS NULL OR ("hold" IS NOT NULL AND "finished_at" IS NOT NULL));

-- 9007199254740991 = 2^53 - 1: what a JSON number holds exactly.
ALTER TABLE "credit_accounts"
    ADD CONSTRAINT "credit_accounts_id_check" CHECK (CASE "kind"
        WHEN 'owner' THEN "owner_id" IS NOT NULL AND "agent" IS NULL AND "id" = 'owner:' || "owner_id"
        WHEN 'agent' THEN "owner_id" IS NULL AND "agent" ~ '^[0-9a-f]{64}$' AND "id" = 'agent:' || "agent"
        WHEN 'escrow' THEN "owner_id" IS NULL AND "agent" IS NULL AND "id" = 'escrow'
        WHEN 'network' THEN "owner_id" IS NULL AND "agent" IS NULL AND "id" = 'network'
        WHEN 'grants' THEN "owner_id" IS NULL AND "agent" IS NULL AND "id" = 'grants'
        ELSE false END),
    ADD CONSTRAINT "credit_accounts_counters_check" CHECK (
        "debits_pending" BETWEEN 0 AND 9007199254740991 AND "debits_posted" BETWEEN 0 AND 9007199254740991
        AND "credits_pending" BETWEEN 0 AND 9007199254740991 AND "credits_posted" BETWEEN 0 AND 9007199254740991),
    -- Nobody spends what he does not have. Only `grants` may: it is where credits come from.
    ADD CONSTRAINT "credit_accounts_balance_check" CHECK ("kind" = 'grants' OR "debits_pending" + "debits_posted" <= "credits_posted");

ALTER TABLE "credit_transfers"
    ADD CONSTRAINT "credit_transfers_amount_check" CHECK ("amount" BETWEEN 1 AND 9007199254740991),
    ADD CONSTRAINT "credit_transfers_accounts_check" CHECK ("debit_account" <> "credit_account"),
    ADD CONSTRAINT "credit_transfers_pending_check" CHECK (
        ("flag" = 'pending') = ("expires_at" IS NOT NULL)
        AND ("flag" IN ('post_pending', 'void_pending')) = ("pending_id" IS NOT NULL)),
    ADD CONSTRAINT "credit_transfers_agent_check" CHECK ("agent" ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT "credit_transfers_code_check" CHECK (CASE "code"
        WHEN 'hold' THEN "flag" = 'pending' AND "credit_account" = 'escrow' AND "job_id" IS NOT NULL
        WHEN 'charge' THEN "flag" = 'post_pending' AND "credit_account" = 'escrow' AND "job_id" IS NOT NULL
        WHEN 'release' THEN "flag" = 'void_pending' AND "credit_account" = 'escrow' AND "job_id" IS NOT NULL
        WHEN 'contribution' THEN "flag" = 'posted' AND "debit_account" = 'escrow' AND "job_id" IS NOT NULL AND "agent" IS NOT NULL
        WHEN 'site' THEN "flag" = 'posted' AND "debit_account" = 'escrow' AND "job_id" IS NOT NULL AND "site_id" IS NOT NULL
        WHEN 'network_work' THEN "flag" = 'posted' AND "debit_account" = 'escrow' AND "credit_account" = 'network' AND "job_id" IS NOT NULL
        WHEN 'fee' THEN "flag" = 'posted' AND "debit_account" = 'escrow' AND "credit_account" = 'network' AND "job_id" IS NOT NULL
        WHEN 'grant' THEN "flag" = 'posted' AND "debit_account" = 'grants' AND "credit_account" LIKE 'owner:%'
        WHEN 'claim' THEN "flag" = 'posted' AND "debit_account" = 'agent:' || "agent" AND "credit_account" LIKE 'owner:%'
        WHEN 'move' THEN "flag" = 'posted' AND "debit_account" LIKE 'owner:%' AND "credit_account" LIKE 'owner:%'
        ELSE false END);

-- Functions keep their plans for the life of a connection: one made while the tables are small must not scan them when
-- they have grown, hence enable_seqscan below.

-- A resolution fits what it resolves. That there is only one, the unique index on pending_id sees to.
CREATE FUNCTION credit_transfers_resolve() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan TO off AS $$
DECLARE
    held credit_transfers%ROWTYPE;
BEGIN
    SELECT * INTO held FROM credit_transfers WHERE id = NEW.pending_id;
    IF held.flag IS DISTINCT FROM 'pending'
        OR held.debit_account <> NEW.debit_account OR held.credit_account <> NEW.credit_account
        OR held.job_id IS DISTINCT FROM NEW.job_id
        OR NEW.amount > held.amount OR (NEW.flag = 'void_pending' AND NEW.amount <> held.amount) THEN
        RAISE EXCEPTION 'transfer % does not fit the pending transfer %', NEW.id, NEW.pending_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_transfers_resolution_check';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_transfers_resolve BEFORE INSERT ON "credit_transfers"
    FOR EACH ROW WHEN (NEW.pending_id IS NOT NULL) EXECUTE FUNCTION credit_transfers_resolve();

-- The counters: one update of each account for a statement, however many transfers it has. Locks are taken in the order
-- of ids, so that two statements cannot wait for each other.
CREATE FUNCTION credit_transfers_count() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan TO off AS $$
BEGIN
    PERFORM FROM credit_accounts
        WHERE id IN (SELECT debit_account FROM added UNION SELECT credit_account FROM added)
        ORDER BY id FOR NO KEY UPDATE;
    UPDATE credit_accounts SET
        debits_pending = credit_accounts.debits_pending + c.debits_pending,
        debits_posted = credit_accounts.debits_posted + c.debits_posted,
        credits_pending = credit_accounts.credits_pending + c.credits_pending,
        credits_posted = credit_accounts.credits_posted + c.credits_posted
    FROM (
        SELECT side.account,
            sum(CASE WHEN side.debit THEN m.pending ELSE 0 END) AS debits_pending,
            sum(CASE WHEN side.debit THEN m.posted ELSE 0 END) AS debits_posted,
            sum(CASE WHEN side.debit THEN 0 ELSE m.pending END) AS credits_pending,
            sum(CASE WHEN side.debit THEN 0 ELSE m.posted END) AS credits_posted
        FROM (
            SELECT t.debit_account, t.credit_account,
                CASE t.flag WHEN 'pending' THEN t.amount WHEN 'posted' THEN 0 ELSE -held.amount END AS pending,
                CASE WHEN t.flag IN ('posted', 'post_pending') THEN t.amount ELSE 0 END AS posted
            FROM added t LEFT JOIN credit_transfers held ON held.id = t.pending_id
        ) AS m
        CROSS JOIN LATERAL (VALUES (m.debit_account, true), (m.credit_account, false)) AS side (account, debit)
        GROUP BY side.account
    ) AS c
    WHERE credit_accounts.id = c.account;
    RETURN NULL;
END $$;
CREATE TRIGGER credit_transfers_count AFTER INSERT ON "credit_transfers"
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION credit_transfers_count();

-- History stays as it was written.
CREATE FUNCTION credit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
CREATE TRIGGER credit_transfers_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON "credit_transfers"
    FOR EACH STATEMENT EXECUTE FUNCTION credit_refuse();
CREATE TRIGGER credit_accounts_keep BEFORE DELETE OR TRUNCATE ON "credit_accounts"
    FOR EACH STATEMENT EXECUTE FUNCTION credit_refuse();

-- An account begins empty, and only credit_transfers_count changes it (which runs one trigger deep already).
CREATE FUNCTION credit_accounts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.debits_pending + NEW.debits_posted + NEW.credits_pending + NEW.credits_posted <> 0
        OR TG_OP = 'UPDATE' AND (pg_trigger_depth() < 2 OR NEW.id <> OLD.id OR NEW.kind <> OLD.kind) THEN
        RAISE EXCEPTION 'the counters of account % follow from transfers', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_accounts_follow';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_accounts_guard BEFORE INSERT OR UPDATE ON "credit_accounts"
    FOR EACH ROW EXECUTE FUNCTION credit_accounts_guard();

-- At the end of every transaction: what was charged has been paid out.
CREATE FUNCTION credit_escrow_empty() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan TO off AS $$
BEGIN
    IF EXISTS (SELECT FROM credit_accounts WHERE id = 'escrow' AND debits_posted <> credits_posted) THEN
        RAISE EXCEPTION 'what is charged is paid out in the same transaction'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_escrow_empty';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credit_escrow_empty AFTER UPDATE ON "credit_accounts" DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.id = 'escrow') EXECUTE FUNCTION credit_escrow_empty();

-- At the end of every transaction: a job with a price has exactly one open hold, of that amount, until it ends, and
-- none from then on.
CREATE FUNCTION credit_job_holds(job UUID) RETURNS void LANGUAGE plpgsql
    SET enable_seqscan TO off AS $$
DECLARE
    open_count BIGINT;
    open_amount BIGINT;
    price BIGINT;
    ended BOOLEAN;
BEGIN
    SELECT count(*), sum(h.amount) INTO open_count, open_amount FROM credit_transfers h
        WHERE h.job_id = job AND h.flag = 'pending'
        AND NOT EXISTS (SELECT FROM credit_transfers r WHERE r.pending_id = h.id);
    SELECT hold, finished_at IS NOT NULL INTO price, ended FROM jobs WHERE id = job;
    IF NOT FOUND OR ended THEN
        IF open_count = 0 THEN RETURN; END IF;
    ELSIF price IS NULL AND open_count = 0 OR open_count = 1 AND open_amount = price THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'job %: % open holds', job, open_count
        USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_job_holds';
END $$;

CREATE FUNCTION credit_transfers_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM credit_job_holds(NEW.job_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credit_transfers_job AFTER INSERT ON "credit_transfers" DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.code IN ('hold', 'charge', 'release')) EXECUTE FUNCTION credit_transfers_job();

CREATE FUNCTION jobs_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM credit_job_holds(CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER jobs_credit_insert AFTER INSERT ON "jobs" DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.hold IS NOT NULL) EXECUTE FUNCTION jobs_credit();
CREATE CONSTRAINT TRIGGER jobs_credit_update AFTER UPDATE ON "jobs" DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.hold IS DISTINCT FROM NEW.hold OR (OLD.finished_at IS NULL) <> (NEW.finished_at IS NULL))
    EXECUTE FUNCTION jobs_credit();
CREATE CONSTRAINT TRIGGER jobs_credit_delete AFTER DELETE ON "jobs" DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.hold IS NOT NULL) EXECUTE FUNCTION jobs_credit();

INSERT INTO "credit_accounts" ("id", "kind") VALUES ('escrow', 'escrow'), ('network', 'network'), ('grants', 'grants');
