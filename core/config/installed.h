/*
 * Where an installed server finds its own files by default: from where the program is, so that
 * `cmake --install --prefix` may choose another place than the build was configured for.
 */
#ifndef CORE_CONFIG_INSTALLED_H
#define CORE_CONFIG_INSTALLED_H

#include <limits.h>

/* The folders below the prefix, as the build has them; absolute when the build said so. */
#ifndef TL_BIN_DIR
#define TL_BIN_DIR "bin"
#define TL_PLUGIN_DIR "lib/talelio/plugins"
#define TL_MIGRATIONS_DIR "share/talelio/migrations"
#define TL_ETC_DIR "etc"
#define TL_PREFIX "/usr/local"
#endif

/* `folder` below the prefix. A program that is not installed takes the one that its build was configured for. */
const char *installed_folder(const char *folder, char out[PATH_MAX]);

/* The ini file: PREFIX/etc/talelio/talelio.ini, but in /etc for /usr and in /etc/opt for what is below /opt. */
const char *installed_ini(char out[PATH_MAX]);

/* The same two for a prefix. */
const char *installed_folder_below(const char *prefix, const char *folder, char out[PATH_MAX]);
const char *installed_ini_below(const char *prefix, char out[PATH_MAX]);

#endif
