-- Mail that waits for its delivery. A row is deleted when its mail has been sent; one that was given up keeps no body,
-- because bodies hold tokens, and goes after thirty days.

CREATE TABLE mail_outbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recipient       text NOT NULL
                    CONSTRAINT mail_outbox_recipient_check
                    CHECK (octet_length(recipient) BETWEEN 3 AND 254 AND recipient !~ '[[:cntrl:][:space:]]'),
    subject         text NOT NULL
                    CONSTRAINT mail_outbox_subject_check
                    CHECK (octet_length(subject) BETWEEN 1 AND 500 AND subject !~ '[[:cntrl:]]'),
    body            text
                    CONSTRAINT mail_outbox_body_check CHECK (octet_length(body) <= 1048576),
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- While a server is at work on the row this lies ahead, so that no other takes it (a lease).
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0
                    CONSTRAINT mail_outbox_attempts_check CHECK (attempts >= 0),
    last_error      text,
    given_up_at     timestamptz,
    CONSTRAINT mail_outbox_given_up_check CHECK ((given_up_at IS NULL) = (body IS NOT NULL))
);

CREATE INDEX mail_outbox_due ON mail_outbox (next_attempt_at, id) WHERE given_up_at IS NULL;
CREATE INDEX mail_outbox_given_up ON mail_outbox (given_up_at) WHERE given_up_at IS NOT NULL;
