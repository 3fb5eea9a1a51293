-- What `talelio import` takes over from the service before this one, and what is made here never looks like.

-- A hash of that service below argon2id, until the next login: "sha3-512,SALT" before the PHC string.
ALTER TABLE accounts
    DROP CONSTRAINT accounts_password_hash_shape,
    ADD CONSTRAINT accounts_password_hash_shape
        CHECK (password_hash ~ '^(sha3-512,[A-Za-z]{1,5})?[$]argon2id[$]' AND length(password_hash) < 128);

-- Slugs there were as long as titles.
ALTER TABLE articles
    DROP CONSTRAINT articles_slug_length,
    ADD CONSTRAINT articles_slug_length CHECK (char_length(slug) BETWEEN 1 AND 300);

-- Extensions there were what had been claimed, in any case, or missing; other files were put into its bucket by hand.
ALTER TABLE images
    DROP CONSTRAINT images_file_shape,
    ADD CONSTRAINT images_file_shape
        CHECK (length(file) <= 317 AND file ~ '^([a-z0-9_-]+[.][A-Za-z0-9]{1,16}|[a-z0-9_-]*_[0-9a-f-]{36})$');
