/*
 * Versions of rows, for entity tags: SQL for a table (or its alias) with the columns id, created_at and updated_at.
 */
#ifndef PLUGINS_SHARED_VERSION_H
#define PLUGINS_SHARED_VERSION_H

/* Names the row and its state: "12.1732803283123456". Text without a NULL. */
#define ROW_VERSION(table)                                                                                             \
    "concat(" table ".id, '.',"                                                                                        \
    " (extract(epoch FROM coalesce(" table ".updated_at, " table ".created_at)) * 1000000)::bigint)"

/*
 * What a statement that changes the row sets updated_at to: now, but always later than before. Two changes may begin in
 * the same moment, and a clock may be set back: their versions differ all the same.
 */
#define ROW_CHANGED(table)                                                                                             \
    "greatest(now(), coalesce(" table ".updated_at, " table ".created_at) + interval '1 microsecond')"

/* For WHERE: whether the row has the version that `parameter` names; NULL is any. */
#define ROW_IS_VERSION(table, parameter) "(" parameter "::text IS NULL OR " ROW_VERSION(table) " = " parameter ")"

#endif
