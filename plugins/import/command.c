/*
 * `talelio import [--dry-run]`. The report goes to standard output, what stops it to standard error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/import/import.h"

enum { DONE, INCOMPLETE, MISUSED };

static void print_tally(const char *name, const tally *t)
{
    printf("%-10s %" PRId64 " taken over, %" PRId64 " there already, %" PRId64 " left out\n", name, t->taken,
           t->present, t->left);
    fflush(stdout);
}

static int fail(const import_run *run)
{
    fflush(stdout);
    fprintf(stderr, "talelio import: %s\nWhat has been taken over so far stays. Run it again to go on\n", run->error);
    return INCOMPLETE;
}

static int conclude(const import_run *run)
{
    const tally *all[] = {&run->accounts, &run->articles_tally, &run->images_tally, &run->addresses};
    int64_t taken = 0, left = 0;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        taken += all[i]->taken;
        left += all[i]->left;
    }
    if (run->foreign_objects > 0)
        printf("%" PRId64 " objects have keys that are none of an image: left alone\n", run->foreign_objects);
    if (run->unmapped > 0)
        printf("%" PRId64 " addresses of images stay as they are\n", run->unmapped);
    if (run->is_dry)
        puts("Dry run: nothing was changed; the numbers say what would be done");
    else if (taken == 0)
        puts("Nothing was changed");
    if (left > 0)
        puts("What is left out can be put right where it is, in the earlier database or bucket: then run it again");
    return left > 0 ? INCOMPLETE : DONE;
}

static int run_steps(tl_request *req, import_run *run)
{
    if (import_tables(req, run) != TL_OK)
        return fail(run);
    print_tally("accounts", &run->accounts);
    print_tally("articles", &run->articles_tally);
    if (!the_import.store) {
        puts("images     not looked at: [plugin:import] store is empty");
        return conclude(run);
    }
    if (import_images(req, run) != TL_OK)
        return fail(run);
    print_tally("images", &run->images_tally);
    if (import_addresses(req, run) != TL_OK)
        return fail(run);
    print_tally("addresses", &run->addresses);
    return conclude(run);
}

static void end(void *run)
{
    import_free(run);
}

int import_command(tl_request *req, int argc, char **argv)
{
    import_run *run = tl_alloc(req, sizeof *run);

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--dry-run") != 0) {
            fprintf(stderr, "talelio import: unexpected '%s'\nusage: talelio import [--dry-run]\n", argv[i]);
            return MISUSED;
        }
        run->is_dry = true;
    }
    if (!*the_import.database_url) {
        fputs("talelio import: [plugin:import] database_url is empty: it says where the earlier service's data is\n",
              stderr);
        return MISUSED;
    }
    tl_defer(req, end, run);
    return run_steps(req, run);
}
