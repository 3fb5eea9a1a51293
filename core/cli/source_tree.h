/*
 * The sources of plugins, a folder each below one root, and what is saved there: in folders of theirs as well, also in
 * those that are made later, but not in hidden ones and in those of builds.
 */
#ifndef CORE_CLI_SOURCE_TREE_H
#define CORE_CLI_SOURCE_TREE_H

#include <event2/event.h>

/* Of one plugin; what lies in others is not noticed, and that is said on stderr. */
enum { SOURCE_TREE_FOLDERS = 256 };

typedef struct source_tree source_tree;

/*
 * `changed(arg, plugin)` is called for each source that is written, moved or removed, so several times for one save; it
 * may not free the tree. NULL when the root cannot be watched (errno).
 */
source_tree *source_tree_new(struct event_base *base, const char *root, void (*changed)(void *arg, const char *plugin),
                             void *arg);
void source_tree_free(source_tree *t);

#endif
