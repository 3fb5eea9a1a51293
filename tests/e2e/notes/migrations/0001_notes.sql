CREATE TABLE notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    text text NOT NULL CONSTRAINT notes_text_is_not_empty CHECK (text <> '')
);
