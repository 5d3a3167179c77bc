-- A hub's key hands over to the next one under both signatures, so that agents who know the old one follow by themselves.
CREATE TABLE "hub_successions" (
    "from_key" BYTEA NOT NULL,
    "to_key" BYTEA NOT NULL,
    "from_signature" BYTEA NOT NULL,
    "to_signature" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "hub_successions_pkey" PRIMARY KEY ("from_key", "to_key"),
    CONSTRAINT "hub_successions_lengths_check" CHECK (
        octet_length("from_key") = 32 AND octet_length("to_key") = 32
        AND octet_length("from_signature") = 64 AND octet_length("to_signature") = 64)
);
