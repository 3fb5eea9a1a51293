/*
 * The log. Lines carry time, level, plugin, route and request id by themselves. Never log a secret.
 */
#ifndef TALELIO_LOG_H
#define TALELIO_LOG_H

#include <stdarg.h>

#include "base.h"

typedef enum tl_level { TL_DEBUG, TL_INFO, TL_WARNING, TL_LOG_ERROR } tl_level;

typedef struct tl_log_api {
    size_t struct_size;
    void (*vwrite)(tl_module *module, tl_request *req, tl_level level, const char *format, va_list args);
} tl_log_api;

/* Writes one line; control characters in it are escaped. `req` may be NULL outside a request. Does not wait. */
TL_PRINTF(3, 4) static inline void tl_log(tl_request *req, tl_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tl_the_host->log->vwrite(tl_self, req, level, format, args);
    va_end(args);
}

#endif
