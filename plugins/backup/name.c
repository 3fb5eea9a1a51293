/* The names of backups. What is not one exactly is none of ours, and is left alone wherever it lies. */
#include "plugins/backup/name.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void name_make(int64_t seconds, uint32_t random, char name[BACKUP_NAME])
{
    struct tm at;
    time_t moment = (time_t)seconds;

    gmtime_r(&moment, &at);
    /* The masks tell the compiler that it fits. */
    snprintf(name, BACKUP_NAME, "%04u%02u%02uT%02u%02u%02uZ-%08x", (unsigned)(at.tm_year + 1900) % 10000U,
             (unsigned)(at.tm_mon + 1) % 100U, (unsigned)at.tm_mday % 100U, (unsigned)at.tm_hour % 100U,
             (unsigned)at.tm_min % 100U, (unsigned)at.tm_sec % 100U, random);
}

static int number(const char *digits, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

bool name_read(const char *name, int64_t *seconds)
{
    static const char shape[] = "ddddddddTddddddZ-hhhhhhhh";
    char again[BACKUP_NAME];

    if (strlen(name) != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        const char *allowed = shape[i] == 'd' ? "0123456789" : shape[i] == 'h' ? "0123456789abcdef" : NULL;
        if (allowed ? !strchr(allowed, name[i]) : name[i] != shape[i])
            return false;
    }
    struct tm at = {
        .tm_year = number(name, 4) - 1900,
        .tm_mon = number(name + 4, 2) - 1,
        .tm_mday = number(name + 6, 2),
        .tm_hour = number(name + 9, 2),
        .tm_min = number(name + 11, 2),
        .tm_sec = number(name + 13, 2),
    };
    int64_t moment = timegm(&at);
    if (moment < 0)
        return false;
    /* timegm makes 1 March of 29 February where there is none. */
    name_make(moment, 0, again);
    if (strncmp(again, name, 17) != 0)
        return false;
    if (seconds)
        *seconds = moment;
    return true;
}
