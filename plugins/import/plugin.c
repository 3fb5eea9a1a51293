/*
 * import: takes over what the service before this one has kept. The tables that say what it consists of.
 */
#include <sodium.h>
#include <string.h>

#include "plugins/import/import.h"

import_options the_import;
const tl_media_v1 *import_media;

static const tl_option options[] = {
    {"database_url", TL_OPTION_SECRET, &the_import.database_url, .fallback = "",
     .help = "the earlier service's PostgreSQL, which is only read"},
    {"store", TL_OPTION_STRING, &the_import.store_name, .fallback = "",
     .help = "the [store:NAME] that is the earlier service's bucket; empty: images are not taken over"},
    {"image_addresses", TL_OPTION_LIST, &the_import.image_addresses, .fallback = "",
     .help = "what addresses of its images began with: that of its API, and those of its bucket"},
    {0},
};

static const tl_need needs[] = {
    {TL_MEDIA_V1, (const void **)&import_media, .optional = true},
    {0},
};

static const tl_command commands[] = {
    {"import", "[--dry-run]", "Take over accounts, articles and images of the earlier service", import_command},
    {0},
};

static int init(void)
{
    if (sodium_init() < 0)
        return tl_refuse("libsodium cannot start: no source of random numbers");
    for (size_t i = 0; i < the_import.image_addresses.count; i++) {
        const char *address = the_import.image_addresses.items[i];
        if (strncmp(address, "https://", 8) != 0 && strncmp(address, "http://", 7) != 0)
            return tl_refuse("image_addresses: expected addresses like https://api.example.org, found '%s'", address);
    }
    if (!*the_import.store_name)
        return TL_OK;
    the_import.store = tl_store_named(the_import.store_name);
    if (!the_import.store)
        return tl_refuse("store = %s: expected the name of a store, found no section [store:%s]", the_import.store_name,
                         the_import.store_name);
    if (!import_media)
        return tl_refuse("store = %s: expected the plugin media, which keeps images, to be enabled",
                         the_import.store_name);
    return TL_OK;
}

TL_PLUGIN(.name = "import", .version = "1.0.0", .summary = "Moving from the earlier service", .options = options,
          .needs = needs, .commands = commands, .init = init);
