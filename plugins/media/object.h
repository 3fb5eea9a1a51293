/*
 * How an image's object is kept.
 */
#ifndef PLUGINS_MEDIA_OBJECT_H
#define PLUGINS_MEDIA_OBJECT_H

#include "plugins/media/media.h"

static inline tl_object_options image_object(const char *content_type)
{
    return (tl_object_options){.content_type = content_type, .cache_control = MEDIA_CACHE_CONTROL, .is_public = true};
}

#endif
