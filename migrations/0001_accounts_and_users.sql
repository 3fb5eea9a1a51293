-- Accounts (who may log in) and users (what the public sees of them).
--
-- Constraint names are part of the contract: the code tells by them what was wrong with a value.
-- The columns with a rule on letters have collation "C", so that lower() means A-Z only, whatever the database's locale.

CREATE TABLE accounts (
    id            bigint GENERATED ALWAYS AS IDENTITY,
    email         text COLLATE "C" NOT NULL,
    password_hash text NOT NULL,
    verified      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_email_shape CHECK (length(email) <= 254 AND email ~ '^[!-?A-~]{1,64}@[A-Za-z0-9.-]+$'),
    CONSTRAINT accounts_password_hash_shape CHECK (password_hash LIKE '$argon2id$%' AND length(password_hash) < 128)
);

CREATE UNIQUE INDEX accounts_email_unique ON accounts (lower(email));

COMMENT ON COLUMN accounts.updated_at IS 'null until the first change';

CREATE TABLE users (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    account_id bigint NOT NULL,
    username   text COLLATE "C" NOT NULL,
    location   text NOT NULL DEFAULT '',
    avatar_url text NOT NULL DEFAULT 'default.jpg',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_account_unique UNIQUE (account_id),
    CONSTRAINT users_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT users_username_shape CHECK (username ~ '^[A-Za-z0-9_-]{1,20}$'),
    CONSTRAINT users_location_length CHECK (char_length(location) <= 100),
    CONSTRAINT users_avatar_url_length CHECK (char_length(avatar_url) BETWEEN 1 AND 2000)
);

CREATE UNIQUE INDEX users_username_unique ON users (lower(username));

COMMENT ON COLUMN users.updated_at IS 'null until the first change';
