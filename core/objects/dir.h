/*
 * The driver `dir`, as its files share it. All functions but those of the driver's table block: they run on threads of
 * the blocking pool, touch nothing but their arguments, and return 0 or an errno.
 *
 * An object is one file: its bytes, and behind them a trailer of fixed size with its properties. So one rename makes
 * both appear, and the file can be looked at with ordinary tools.
 */
#ifndef CORE_OBJECTS_DIR_H
#define CORE_OBJECTS_DIR_H

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/objects/driver.h"

enum {
    DIR_TRAILER = 1024,
    DIR_ETAG = 36, /* 32 hexadecimal digits, two quotes, NUL */
    DIR_PATH = 4096,
    DIR_PIECE = 80, /* bytes of a segment in one name on the disk, where each may take three */
    DIR_NAME = 3 * DIR_PIECE + 2,
};

/* The file of a key, relative to the store's folder. No two keys have the same, and none is outside. */
void dir_path(const char *key, char path[DIR_PATH]);

typedef enum dir_kind {
    DIR_NOTHING,  /* not of this driver's making */
    DIR_OBJECT,   /* a key ends here */
    DIR_SEGMENT,  /* a folder: keys go on behind a slash */
    DIR_CONTINUED /* a folder: the segment goes on */
} dir_kind;

/* What a name on the disk stands for: its part of the key, with the slash of a DIR_SEGMENT. */
dir_kind dir_unescape(const char *name, char part[DIR_PIECE + 2]);

/* What is known of an object. */
typedef struct dir_about {
    int64_t size;
    int64_t modified; /* microseconds */
    char etag[DIR_ETAG];
    char content_type[LONGEST_OPTION + 1];
    char cache_control[LONGEST_OPTION + 1];
    bool is_public;
} dir_about;

/* A file that is being written: in the folder of temporaries, locked, so that nobody takes it for a left-over. */
typedef struct dir_draft {
    int fd; /* -1: none */
    char name[32];
    int64_t size;
    crypto_generichash_state hash;
} dir_draft;

/* The store's folder; made when it is not there and `make` is set. -1 with errno. */
int dir_open_root(const char *folder, bool make);

/* All that follow take this folder, open. */

int dir_draft_begin(int root, dir_draft *d);
int dir_draft_write(dir_draft *d, const void *bytes, size_t length);
/* Makes it the object of this key, on the disk when it returns. The draft is gone in any case. */
int dir_draft_finish(int root, dir_draft *d, const char *key, const tl_object_options *options);
/* Removes what was not finished; `root` below 0: the folder cannot be opened, and the file stays for dir_sweep. */
void dir_draft_drop(int root, dir_draft *d);

/* The object's file, for reading; -1 with errno. EBADMSG: it is not as this driver writes them. */
int dir_open_object(int root, const char *key, dir_about *about);
int dir_open_file(int root, const char *path, dir_about *about);
int dir_read(int fd, int64_t offset, void *to, size_t length);
/* 0 also when there was none. */
int dir_remove(int root, const char *key);
/* Of an object that is open. */
int dir_copy(int root, int from, int64_t size, const char *to, const tl_object_options *options);
/* Removes temporaries that no process holds any more; how many. */
size_t dir_sweep(int root);

typedef struct dir_listed {
    char *key; /* malloc */
    dir_about about;
} dir_listed;

typedef struct dir_page {
    const char *prefix, *after; /* `after` may be NULL */
    dir_listed *items;          /* room for `limit` */
    size_t limit, count;
    size_t damaged; /* files that are no objects, left out */
    bool is_more;
} dir_page;

int dir_list(int root, dir_page *page);

#endif
