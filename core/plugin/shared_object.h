/*
 * A look at a plugin's file before the dynamic loader takes it. The loader trusts the file's own word about its size:
 * one that is cut off, because it is still being written for example, would end the process instead of being refused.
 */
#ifndef CORE_PLUGIN_SHARED_OBJECT_H
#define CORE_PLUGIN_SHARED_OBJECT_H

#include "core/memory/arena.h"

/* What is wrong with the file, as part of a sentence; NULL when nothing is seen that dlopen would not tell itself. */
const char *shared_object_defect(const char *path, arena *memory);

#endif
