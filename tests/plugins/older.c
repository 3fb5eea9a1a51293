/*
 * Built with shorter structs, as an older minor of the interface would have had them: a descriptor without `provides`
 * and what follows, routes without `auth` and `max_body`, options without limits and texts.
 */
#include <talelio/talelio.h>

typedef struct short_route {
    tl_method method;
    const char *path;
    tl_handler *handler;
} short_route;

typedef struct short_option {
    const char *name;
    tl_option_type type;
    void *target;
    const char *fallback;
} short_option;

typedef struct short_plugin {
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    size_t struct_size;
    size_t route_size;
    size_t option_size;
    size_t command_size;
    size_t job_size;
    size_t metric_size;
    const char *name;
    const char *version;
    const char *summary;
    const short_route *routes;
    const short_option *options;
} short_plugin;

static const char *first;
static const char *second;

static int one(tl_request *req)
{
    (void)req;
    return 1;
}

static int two(tl_request *req)
{
    (void)req;
    return 2;
}

TL_EXPORT tl_plugin_entry talelio_plugin;

const tl_plugin *talelio_plugin(const tl_host *host, tl_module *self)
{
    (void)host;
    (void)self;
    static const short_route routes[] = {{TL_GET, "/one", one}, {TL_PUT, "/two", two}, {0}};
    static const short_option options[] = {
        {"first", TL_OPTION_STRING, &first, "1"},
        {"second", TL_OPTION_STRING, &second, "2"},
        {0},
    };
    /* What follows in memory must never be taken for the rest of the descriptor. */
    static const struct {
        short_plugin plugin;
        void *beyond[16];
    } older = {
        .plugin = {.magic = TL_PLUGIN_MAGIC,
                   .abi_major = TL_ABI_MAJOR,
                   .abi_minor = 0,
                   .struct_size = sizeof(short_plugin),
                   .route_size = sizeof(short_route),
                   .option_size = sizeof(short_option),
                   .command_size = sizeof(tl_command),
                   .job_size = sizeof(tl_job),
                   .metric_size = sizeof(tl_metric),
                   .name = "older",
                   .version = "0.9",
                   .routes = routes,
                   .options = options},
        .beyond = {(void *)1, (void *)1, (void *)1, (void *)1, (void *)1, (void *)1, (void *)1, (void *)1},
    };
    return (const tl_plugin *)&older.plugin;
}
