-- Applied once, by `talelio migrate`. A change is a file with the next number; one that was applied is never edited.
CREATE TABLE plugin_sketch (
    name text PRIMARY KEY,
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO plugin_sketch (name, text) VALUES ('world', 'The first row');
