/*
 * The service "backup.v1": whether the site could be restored from a recent backup. A provider may be missing; then
 * nobody knows.
 */
#ifndef TALELIO_BACKUP_V1_H
#define TALELIO_BACKUP_V1_H

#include "base.h"

#define TL_BACKUP_V1 "backup.v1"

typedef struct tl_backup_v1 {
    size_t struct_size;
    /*
     * TL_OK; TL_ERROR when the newest verified backup is too old, missing or not known: the site serves, but somebody
     * should look; or TL_CANCELLED. Cheap, as the answer is some minutes old at most. May wait.
     */
    int (*condition)(tl_request *req);
} tl_backup_v1;

#endif
