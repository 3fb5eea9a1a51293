/*
 * What a new password hash costs: argon2id with 19 MiB and 2 passes; libsodium always takes 1 lane.
 */
#ifndef PLUGINS_SHARED_PASSWORD_COST_H
#define PLUGINS_SHARED_PASSWORD_COST_H

#include <stddef.h>

#define PASSWORD_PASSES 2
#define PASSWORD_KIBIBYTES 19456
#define PASSWORD_BYTES (PASSWORD_KIBIBYTES * (size_t)1024)

#endif
