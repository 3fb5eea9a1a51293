#include "core/config/installed.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Takes `end` off `text` when that is how it ends. */
static bool cut(char *text, const char *end)
{
    size_t length = strlen(text);
    size_t cut_off = strlen(end);
    if (length <= cut_off || strcmp(text + length - cut_off, end) != 0)
        return false;
    text[length - cut_off] = '\0';
    return true;
}

/* What is before /bin/talelio in the program's path; also when another program has been installed over this one. */
static void find_prefix(char prefix[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", prefix, PATH_MAX - 1);
    prefix[length > 0 ? length : 0] = '\0';
    cut(prefix, " (deleted)");
    if (!cut(prefix, "/" TL_BIN_DIR "/talelio"))
        snprintf(prefix, PATH_MAX, "%s", TL_PREFIX);
}

const char *installed_folder_below(const char *prefix, const char *folder, char out[PATH_MAX])
{
    bool is_absolute = *folder == '/';
    if (snprintf(out, PATH_MAX, "%s%s%s", is_absolute ? "" : prefix, is_absolute ? "" : "/", folder) >= PATH_MAX)
        *out = '\0';
    return out;
}

/* As GNUInstallDirs of CMake has it. */
const char *installed_ini_below(const char *prefix, char out[PATH_MAX])
{
    bool is_opt = strncmp(prefix, "/opt/", 5) == 0;
    const char *before = *TL_ETC_DIR == '/' ? "" : strcmp(prefix, "/usr") == 0 || is_opt ? "/" : prefix;
    const char *slash = *TL_ETC_DIR == '/' || strcmp(before, "/") == 0 ? "" : "/";
    const char *after = *TL_ETC_DIR != '/' && is_opt ? prefix : "";
    if (snprintf(out, PATH_MAX, "%s%s%s%s/talelio/talelio.ini", before, slash, TL_ETC_DIR, after) >= PATH_MAX)
        *out = '\0';
    return out;
}

const char *installed_folder(const char *folder, char out[PATH_MAX])
{
    char prefix[PATH_MAX];
    find_prefix(prefix);
    return installed_folder_below(prefix, folder, out);
}

const char *installed_ini(char out[PATH_MAX])
{
    char prefix[PATH_MAX];
    find_prefix(prefix);
    return installed_ini_below(prefix, out);
}
