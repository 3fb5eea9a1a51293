/*
 * From a plugin's table of jobs and the options it points to, to schedules and zones.
 */
#include <string.h>

#include "core/jobs/private.h"

bool job_read(job *j, tl_module *m, const tl_job *spec, arena *memory, const char **problem)
{
    *j = (job){
        .module = m,
        .spec = spec,
        .schedule = *spec->schedule + strspn(*spec->schedule, " \t"),
        .zone_name = spec->zone && *spec->zone ? *spec->zone : "UTC",
        .route = {.path = arena_format(memory, "job %s", spec->name), .module = m},
    };
    if (!*j->schedule)
        return true;
    char error[CRON_ERROR_SIZE];
    if (!cron_parse(j->schedule, &j->cron, error)) {
        *problem = arena_copy(memory, error);
        return false;
    }
    j->zone = zone_load(memory, j->zone_name, problem);
    return j->zone != NULL;
}

/* The option whose value `place` keeps, NULL when it is none. */
static const char *option_at(const tl_plugin *p, const void *place)
{
    for (const tl_option *o = p->options; o && o->name; o++)
        if (o->target == place)
            return o->name;
    return NULL;
}

static void tell(const tl_module *m, const tl_job *spec, const void *place, const char *problem, const config *c,
                 problems *found)
{
    const char *key = option_at(m->plugin, place);
    char section[128];
    snprintf(section, sizeof section, "plugin:%s", m->name);
    if (key)
        config_complain(c, section, key, found, "job %s: %s", spec->name, problem);
    else
        problems_add(found, m->path, 0, "plugin %s: job %s: %s", m->name, spec->name, problem);
}

static const char *name_of_repeated(const tl_plugin *p, const tl_job *spec)
{
    for (const tl_job *other = p->jobs; other != spec; other++)
        if (strcmp(other->name, spec->name) == 0)
            return spec->name;
    return NULL;
}

bool jobs_check(const tl_module *m, const config *c, problems *found)
{
    bool fine = true;
    arena *memory = arena_new(NULL);
    for (const tl_job *spec = m->plugin->jobs; spec && spec->name; spec++) {
        const char *problem = NULL;
        job j;
        if (name_of_repeated(m->plugin, spec)) {
            problems_add(found, m->path, 0, "plugin %s: jobs: expected one '%s', found a second", m->name, spec->name);
            fine = false;
        }
        /* An option that could not be bound has been told of. */
        if (!*spec->schedule || (spec->zone && !*spec->zone))
            continue;
        if (job_read(&j, NULL, spec, memory, &problem))
            continue;
        char error[CRON_ERROR_SIZE];
        cron unused;
        bool schedule = !cron_parse(j.schedule, &unused, error);
        tell(m, spec, schedule ? (const void *)spec->schedule : (const void *)spec->zone, problem, c, found);
        fine = false;
    }
    arena_free(memory);
    return fine;
}
