/*
 * Shared by framing.c and framing_headers.c only.
 */
#ifndef CORE_HTTP_FRAMING_PRIVATE_H
#define CORE_HTTP_FRAMING_PRIVATE_H

#include "core/http/framing.h"

/* Notes the reason; always FRAME_REFUSED. */
frame_status frame_refuse(frame *f, int status, const char *message);

/* One header line without its end. FRAME_MORE when it is fine. */
frame_status frame_header(frame *f, const char *bytes, size_t at, size_t length);

/* "host", "host:port" or "[v6]:port", without user and password. */
bool frame_is_host(const char *text, size_t length);

#endif
