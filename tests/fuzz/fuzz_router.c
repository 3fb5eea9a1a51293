/*
 * Paths and queries as clients send them. What has been decoded holds nothing that could be taken for more than a name,
 * and the router answers.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/path.h"
#include "core/http/router.h"
#include "core/log/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int handler(tl_request *req)
{
    (void)req;
    return TL_OK;
}

static router *make_router(void)
{
    static const char *const paths[] = {"/",         "/v1/notes",       "/v1/notes/:id",   "/v1/notes/latest",
                                        "/v1/:a/:b", "/v1/:a/notes/:c", "/:a/:b/:c/:d/:e", "/v1/notes/:id/:x/:y",
                                        "/v1/a/b/c", "/:x/a/:y/c"};
    problems *found = problems_new();
    router *r = router_new();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        router_add(r, &(route){.method = i % 2 ? TL_GET : TL_POST, .path = paths[i], .handler = handler}, found);
    if (problems_count(found) > 0)
        abort();
    problems_free(found);
    return r;
}

static void check_path(const router *r, const char *path, size_t length)
{
    path_segments segments;
    char *scratch = malloc(length + 1);
    if (!scratch)
        abort();
    if (path_split(path, length, scratch, &segments) == PATH_OK) {
        for (size_t i = 0; i < segments.count; i++) {
            const char *text = segments.item[i].text;
            size_t n = segments.item[i].length;
            bool dots = (n == 1 && text[0] == '.') || (n == 2 && text[0] == '.' && text[1] == '.');
            if (n == 0 || dots || memchr(text, '/', n) || memchr(text, '\0', n) || !utf8_is_valid(text, n))
                abort();
        }
        for (tl_method method = TL_GET; method <= TL_DELETE; method++) {
            route_match match;
            router_find(r, &segments, method, &match);
            for (size_t i = 0; match.route && i < match.parameter_count; i++) {
                if (match.parameters[i] >= segments.count)
                    abort();
            }
        }
    }
    free(scratch);
}

static void check_query(const char *query, size_t length)
{
    char *scratch = malloc(length + 1);
    if (!scratch)
        abort();
    bool valid = query_is_valid(query, length, scratch);
    query_pair pair;
    while (query_next(&query, &length, &pair)) {
        long decoded = percent_decode(pair.value, pair.value_length, true, scratch);
        if (decoded > (long)pair.value_length || (valid && decoded < 0))
            abort();
        if (decoded >= 0 && memchr(scratch, '\0', (size_t)decoded))
            abort();
    }
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static router *r;
    if (!r)
        r = make_router();
    char *text = malloc(size > 0 ? size : 1);
    if (!text)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    const char *question = memchr(text, '?', size);
    size_t path_length = question ? (size_t)(question - text) : size;
    check_path(r, text, path_length);
    if (question)
        check_query(question + 1, size - path_length - 1);
    free(text);
    return 0;
}
