/*
 * What the files of this plugin share: its options, the state of one run, and its report.
 */
#ifndef PLUGINS_IMPORT_IMPORT_H
#define PLUGINS_IMPORT_IMPORT_H

#include <talelio/talelio.h>

#include "plugins/import/source.h"

typedef struct import_options {
    const char *database_url;
    const char *store_name;
    tl_list image_addresses;
    tl_store *store; /* NULL: no images are taken over */
} import_options;

extern import_options the_import;
extern const tl_media_v1 *import_media; /* NULL: no images are taken over */

/* Rows, objects or addresses of one kind. */
typedef struct tally {
    int64_t taken, present, left;
} tally;

/* A user of the earlier service who is one here, too, with the same id. */
typedef struct import_user {
    int64_t id;
    char username[24];
} import_user;

/* Memory for the whole run, which does not grow with the texts. */
typedef struct import_run {
    bool is_dry;
    source source;
    char error[512]; /* why it cannot go on */

    import_user *users; /* by id */
    size_t user_count, user_room;
    int64_t *articles; /* the ids of those that are here, by id */
    size_t article_count, article_room;
    char **images; /* the keys of those that are here, by their bytes */
    size_t image_count, image_room;

    char after_key[1025];
    int64_t foreign_objects; /* whose keys are none of an image */
    int64_t unmapped;        /* addresses that look like images' and stay */
    tally accounts, articles_tally, images_tally, addresses;
} import_run;

/*
 * The steps, in their order. TL_OK, or below zero when the run cannot go on: `error` says why. May wait.
 *
 * tables.c: accounts with their users, and articles, in one transaction.
 * images.c: objects, one by one.
 * rewrite.c: addresses within what the first step has made.
 */
int import_tables(tl_request *req, import_run *run);
int import_images(tl_request *req, import_run *run);
int import_addresses(tl_request *req, import_run *run);

/* accounts.c, articles.c: all their rows, within the transaction */
int import_accounts(tl_request *req, import_run *run);
int import_articles(tl_request *req, import_run *run);

/* run.c */
int import_fail(import_run *run, int result, const char *error);
/* For the database here. */
int import_fail_query(tl_request *req, import_run *run);
/* Calls `page(req, arg)` in a scope each until it says TL_NOT_FOUND. */
int import_walk(tl_request *req, int (*page)(tl_request *req, void *arg), void *arg);
/* Calls `take` for every row of a statement of source_page. */
typedef int import_take_row(tl_request *req, import_run *run, const PGresult *rows, int row);
int import_walk_rows(tl_request *req, import_run *run, const char *sql, import_take_row *take);
/* A line for what is left out, and its count. `what` is "account 3". */
TL_PRINTF(3, 4) void import_leave(tally *t, const char *what, const char *format, ...);
void import_remember_user(import_run *run, int64_t id, const char *username);
void import_remember_article(import_run *run, int64_t id);
void import_remember_image(import_run *run, const char *key);
const import_user *import_user_of(const import_run *run, int64_t id);
const import_user *import_user_named(const import_run *run, const char *name, size_t length);
bool import_has_article(const import_run *run, int64_t id);
bool import_has_image(const import_run *run, const char *key);
void import_free(import_run *run);

/*
 * One row within the transaction: `insert` is run between savepoints. TL_OK; TL_ERROR with `*problem` when the rules of
 * the tables do not allow the row, which is undone; another error when the run cannot go on.
 */
int import_row(tl_request *req, import_run *run, int (*insert)(tl_request *req, void *row), void *row,
               const char **problem);

int import_command(tl_request *req, int argc, char **argv);

#endif
