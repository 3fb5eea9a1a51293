/*
 * The state of a run, and what its steps share.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/import/import.h"

int import_fail(import_run *run, int result, const char *error)
{
    snprintf(run->error, sizeof run->error, "%s", error);
    return result == TL_OK || result == TL_NOT_FOUND ? TL_ERROR : result;
}

int import_fail_query(tl_request *req, import_run *run)
{
    return import_fail(run, TL_ERROR,
                       tl_db_error_of(req) == TL_DB_UNAVAILABLE ? "the database cannot be reached; see the log"
                                                                : "the database failed; see the log");
}

int import_walk(tl_request *req, int (*page)(tl_request *req, void *arg), void *arg)
{
    int result;

    do
        result = tl_scoped(req, page, arg);
    while (result == TL_OK);
    return result == TL_NOT_FOUND ? TL_OK : result;
}

typedef struct row_walk {
    import_run *run;
    const char *sql;
    import_take_row *take;
    int64_t after; /* the last id seen */
} row_walk;

static int take_rows(tl_request *req, void *arg)
{
    row_walk *w = arg;
    PGresult *rows = source_page(req, &w->run->source, w->sql, w->after);

    if (!rows)
        return import_fail(w->run, TL_ERROR, w->run->source.error);
    for (int row = 0; row < PQntuples(rows); row++) {
        int result = w->take(req, w->run, rows, row);
        if (result != TL_OK)
            return result;
        w->after = source_int(rows, row, "id");
    }
    return PQntuples(rows) == SOURCE_PAGE ? TL_OK : TL_NOT_FOUND;
}

int import_walk_rows(tl_request *req, import_run *run, const char *sql, import_take_row *take)
{
    return import_walk(req, take_rows, &(row_walk){.run = run, .sql = sql, .take = take});
}

void import_leave(tally *t, const char *what, const char *format, ...)
{
    va_list args;

    t->left++;
    printf("%s: left out: ", what);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* Room for one more item. Out of memory ends the command, as everywhere. */
static void *grown(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room ? 2 * *room : 64;
    items = reallocarray(items, *room, size);
    if (!items)
        abort();
    return items;
}

void import_remember_user(import_run *run, int64_t id, const char *username)
{
    run->users = grown(run->users, run->user_count, &run->user_room, sizeof *run->users);
    import_user *user = &run->users[run->user_count++];
    user->id = id;
    snprintf(user->username, sizeof user->username, "%s", username);
}

void import_remember_article(import_run *run, int64_t id)
{
    run->articles = grown(run->articles, run->article_count, &run->article_room, sizeof *run->articles);
    run->articles[run->article_count++] = id;
}

void import_remember_image(import_run *run, const char *key)
{
    run->images = grown(run->images, run->image_count, &run->image_room, sizeof *run->images);
    run->images[run->image_count] = strdup(key);
    if (!run->images[run->image_count++])
        abort();
}

static int by_id(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int by_user_id(const void *a, const void *b)
{
    const import_user *x = a, *y = b;

    return by_id(&x->id, &y->id);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const import_user *import_user_of(const import_run *run, int64_t id)
{
    const import_user wanted = {.id = id};

    return run->user_count ? bsearch(&wanted, run->users, run->user_count, sizeof wanted, by_user_id) : NULL;
}

const import_user *import_user_named(const import_run *run, const char *name, size_t length)
{
    for (size_t i = 0; i < run->user_count; i++)
        if (strlen(run->users[i].username) == length && memcmp(run->users[i].username, name, length) == 0)
            return &run->users[i];
    return NULL;
}

bool import_has_article(const import_run *run, int64_t id)
{
    return run->article_count && bsearch(&id, run->articles, run->article_count, sizeof id, by_id);
}

bool import_has_image(const import_run *run, const char *key)
{
    return run->image_count && bsearch(&key, run->images, run->image_count, sizeof key, by_key);
}

void import_free(import_run *run)
{
    source_close(&run->source);
    for (size_t i = 0; i < run->image_count; i++)
        free(run->images[i]);
    free(run->images);
    free(run->articles);
    free(run->users);
}

/* What a constraint of the tables means. */
static const char *rule_of(const char *constraint)
{
    static const struct {
        const char *constraint, *rule;
    } rules[] = {
        {"users_location_length", "the location has more than 100 characters"},
        {"users_avatar_url_length", "the avatar's address has more than 2000 characters"},
        {"articles_title_length", "the title has no character, or more than 255"},
        {"articles_slug_length", "the slug has no character, or more than 300"},
        {"articles_body_length", "the body has more than 524288 characters"},
        {"articles_meta_description_length", "the meta description has more than 500 characters"},
        {"articles_featured_image_length", "the featured image's address has more than 2048 characters"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].constraint, constraint) == 0)
            return rules[i].rule;
    return NULL;
}

int import_row(tl_request *req, import_run *run, int (*insert)(tl_request *req, void *row), void *row,
               const char **problem)
{
    if (!tl_query(req, "SAVEPOINT row"))
        return import_fail_query(req, run);
    if (insert(req, row) == TL_OK)
        return tl_query(req, "RELEASE SAVEPOINT row") ? TL_OK : import_fail_query(req, run);
    tl_db_error error = tl_db_error_of(req);
    if (error == TL_DB_UNAVAILABLE || error == TL_DB_CANCELLED)
        return import_fail_query(req, run);
    const char *constraint = tl_copy(req, tl_db_constraint(req));
    const char *rule = rule_of(constraint);
    *problem = rule          ? rule
               : *constraint ? tl_format(req, "it violates the rule %s of the tables", constraint)
                             : "the database refuses it; the log says why";
    if (!tl_query(req, "ROLLBACK TO SAVEPOINT row"))
        return import_fail_query(req, run);
    return TL_ERROR;
}
