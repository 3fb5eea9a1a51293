/*
 * Giving up privileges, and the limits of a process.
 */
#include "core/process/privileges.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void process_limits(const settings *s)
{
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (strcmp(s->mode, "production") == 0)
        prctl(PR_SET_DUMPABLE, 0);
}

static bool becomes_other(const settings *s)
{
    return geteuid() == 0 && s->user && *s->user;
}

static const struct passwd *find_user(const settings *s, problems *found)
{
    errno = 0;
    const struct passwd *user = getpwnam(s->user);
    if (!user)
        problems_add(found, NULL, 0,
                     "[server] user: there is no user '%s': create it (useradd --system %s), or name "
                     "another one",
                     s->user, s->user);
    return user;
}

/* The folders above it are for everybody to walk through: the user to become must get there. `*made` says whether the
 * last one is new. */
static bool make_folders(const char *path, bool *made)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    mode_t before = umask(022);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(folder, 0755);
        *slash = '/';
    }
    umask(before);
    *made = mkdir(path, 0700) == 0;
    return *made || errno == EEXIST;
}

/* Gives away only what is new: a run_dir that is there already may be /run itself, by mistake. */
static bool give_run_dir(const settings *s, const struct passwd *user, bool made, problems *found)
{
    struct stat about;
    if (made ? chown(s->run_dir, user->pw_uid, user->pw_gid) != 0 : stat(s->run_dir, &about) != 0) {
        problems_add(found, NULL, 0, "[server] run_dir: cannot give %s to %s: %s", s->run_dir, s->user,
                     strerror(errno));
        return false;
    }
    if (!made && about.st_uid != user->pw_uid) {
        problems_add(found, NULL, 0,
                     "[server] run_dir: %s belongs to somebody else: name a folder of its own (one that is not there "
                     "is made), or chown %s %s",
                     s->run_dir, s->user, s->run_dir);
        return false;
    }
    return true;
}

bool run_dir_make(const settings *s, problems *found)
{
    const struct passwd *user = becomes_other(s) ? find_user(s, found) : NULL;
    if (becomes_other(s) && !user)
        return false;
    bool made;
    if (!make_folders(s->run_dir, &made)) {
        problems_add(found, NULL, 0, "[server] run_dir: cannot make %s: %s", s->run_dir, strerror(errno));
        return false;
    }
    return !user || give_run_dir(s, user, made, found);
}

bool privileges_give(const settings *s, int fd, problems *found)
{
    if (!becomes_other(s))
        return true;
    const struct passwd *user = find_user(s, found);
    if (!user)
        return false;
    struct stat about;
    /* That user may put a second name of any file into a folder of his own. */
    if (fstat(fd, &about) != 0 || about.st_nlink != 1 || fchown(fd, user->pw_uid, user->pw_gid) != 0) {
        problems_add(found, NULL, 0, "[server] run_dir: cannot give the files in %s to %s", s->run_dir, s->user);
        return false;
    }
    return true;
}

bool privileges_drop(const settings *s, problems *found)
{
    if (!becomes_other(s))
        return true;
    const struct passwd *user = find_user(s, found);
    if (!user)
        return false;
    if (initgroups(s->user, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
        problems_add(found, NULL, 0, "cannot become user '%s': %s", s->user, strerror(errno));
        return false;
    }
    if (user->pw_uid != 0 && setuid(0) == 0) {
        problems_add(found, NULL, 0, "could become root again after becoming '%s'", s->user);
        return false;
    }
    return true;
}
