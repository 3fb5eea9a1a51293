/*
 * Walking a cmark tree without recursion: its depth is the author's to choose.
 */
#ifndef PLUGINS_ARTICLES_TREE_H
#define PLUGINS_ARTICLES_TREE_H

#include <cmark-gfm.h>

/* The node after `node` in the order of the text, within `root`; NULL at the end. */
static inline cmark_node *tree_next(cmark_node *node, cmark_node *root)
{
    cmark_node *next = cmark_node_first_child(node);

    if (next)
        return next;
    for (; node != root; node = cmark_node_parent(node)) {
        next = cmark_node_next(node);
        if (next)
            return next;
    }
    return NULL;
}

#endif
