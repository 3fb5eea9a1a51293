/* What production asks of the files themselves. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config/parts.h"

/* The group may read: root's file, read by the server's own group, is how such files are kept. */
enum { TOO_OPEN = S_IRWXO | S_IWGRP };

static const bound *literal_secret(const config *c)
{
    const bound *b;
    STAILQ_FOREACH(b, &c->bound, next)
    {
        if (b->is_literal_secret)
            return b;
    }
    return NULL;
}

void config_check_production(const config *c, const settings *s, problems *found)
{
    if (!s->mode || strcmp(s->mode, "production") != 0)
        return;
    const bound *secret = literal_secret(c);
    if (secret && (c->ini_mode & TOO_OPEN))
        problems_add(found, c->ini, 0,
                     "holds a secret ([%s] %s), and others than its owner and group may use the file (mode %03o): run "
                     "chmod 640 %s, or put the secret into a variable",
                     secret->section, secret->key, c->ini_mode, c->ini);
    if (c->env && (c->env_mode & TOO_OPEN))
        problems_add(found, c->env, 0,
                     "is for secrets, and others than its owner and group may use it (mode %03o): run chmod 640 %s",
                     c->env_mode, c->env);
    if (geteuid() == 0 && s->user && !*s->user)
        problems_add(found, c->ini, 0, "[server] user is empty: name whom to become, a server does not run as root");
}
