/* Reading folders of migrations: names, numbers and checksums. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/utf8.h"
#include "core/memory/whole.h"
#include "core/migrate/parts.h"

enum { LARGEST_FILE = 16 << 20, DIGITS = 4 };

static bool is_sql(const char *name)
{
    size_t length = strlen(name);
    return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".sql") == 0;
}

/* NNNN_name.sql: the number, or 0. */
static int number_of(const char *name)
{
    size_t rest = strlen(name) - strlen(".sql");
    if (strspn(name, "0123456789") != DIGITS || name[DIGITS] != '_' || rest < DIGITS + 2)
        return 0;
    size_t word = strspn(name + DIGITS + 1, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return DIGITS + 1 + word == rest ? atoi(name) : 0;
}

static char *read_sql(arena *memory, const char *path, size_t *length, problems *found)
{
    char *sql = NULL;
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        problems_add(found, path, 0, "cannot be read: %s", strerror(errno));
        goto out;
    }
    if (!S_ISREG(info.st_mode) || info.st_size > LARGEST_FILE) {
        problems_add(found, path, 0, "expected a regular file of at most 16 MiB");
        goto out;
    }
    *length = (size_t)info.st_size;
    sql = arena_alloc(memory, *length + 1);
    if (!read_whole(fd, sql, *length)) {
        problems_add(found, path, 0, "cannot be read to its end");
        sql = NULL;
    } else if (memchr(sql, 0, *length) || !utf8_is_valid(sql, *length)) {
        problems_add(found, path, 0, "expected text in UTF-8");
        sql = NULL;
    }
out:
    if (fd >= 0)
        close(fd);
    return sql;
}

static void add_migration(migration_list *list, owner *o, const char *folder, const char *name, problems *found)
{
    arena *memory = list->memory;
    const char *path = arena_format(memory, "%s/%s", folder, name);
    int number = number_of(name);
    if (number == 0) {
        problems_add(found, path, 0,
                     "expected a name like 0001_accounts.sql: four digits from 0001 on, '_', a word in "
                     "a-z, 0-9 and _");
        return;
    }
    if (number == o->latest) {
        problems_add(found, path, 0, "the number %04d is there twice", number);
        return;
    }
    if (number != o->latest + 1)
        problems_add(found, path, 0, "there is no migration %04d before it", o->latest + 1);
    o->latest = number;
    size_t length = 0;
    const char *sql = read_sql(memory, path, &length, found);
    if (!sql)
        return;
    migration *m = arena_alloc(memory, sizeof *m);
    *m = (migration){.owner = o->name, .number = number, .name = arena_copy(memory, name), .path = path, .sql = sql};
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)sql, length);
    sodium_bin2hex(m->checksum, sizeof m->checksum, hash, sizeof hash);
    STAILQ_INSERT_TAIL(&list->migrations, m, next);
}

static int is_wanted(const struct dirent *found)
{
    return is_sql(found->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_folder(migration_list *list, const char *owner_name, const char *folder, const char *key,
                        problems *found)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, is_wanted, by_name);
    if (count < 0) {
        problems_add(found, folder, 0, "the migrations of %s cannot be read: %s: correct %s", owner_name,
                     strerror(errno), key);
        return;
    }
    if (count == 0)
        problems_add(found, folder, 0, "there are no migrations of %s here: expected files like 0001_accounts.sql",
                     owner_name);
    owner *o = arena_alloc(list->memory, sizeof *o);
    o->name = arena_copy(list->memory, owner_name);
    STAILQ_INSERT_TAIL(&list->owners, o, next);
    for (int i = 0; i < count; i++) {
        add_migration(list, o, folder, files[i]->d_name, found);
        free(files[i]);
    }
    free(files);
}

migration_list *migration_list_load(config *c, const settings *s, problems *found)
{
    arena *memory = arena_new(NULL);
    migration_list *list = arena_alloc(memory, sizeof *list);
    list->memory = memory;
    STAILQ_INIT(&list->migrations);
    STAILQ_INIT(&list->owners);
    load_folder(list, SERVER_OWNER, s->migrations_dir, "[server] migrations_dir", found);
    const char *plugin;
    for (size_t i = 0; (plugin = config_plugin_name(c, i)); i++) {
        const char *folder = config_plugin_migrations(c, plugin);
        if (!folder || !config_plugin_enabled(c, plugin, found))
            continue;
        if (strcmp(plugin, SERVER_OWNER) == 0)
            problems_add(found, config_ini_path(c), 0, "[plugin:%s] migrations: the name %s is the server's own",
                         plugin, plugin);
        else
            load_folder(list, plugin, folder, arena_format(memory, "[plugin:%s] migrations", plugin), found);
    }
    list->check_sql = check_sql_make(list);
    return list;
}

void migration_list_free(migration_list *list)
{
    if (list)
        arena_free(list->memory);
}

const char *migration_check_sql(const migration_list *list)
{
    return list->check_sql;
}
