/*
 * The command line: `talelio WORD …`. Exit codes: 0 done, 1 failed, 2 used wrongly.
 */
#ifndef CORE_CLI_CLI_H
#define CORE_CLI_CLI_H

#include <stdbool.h>

int cli_main(int argc, char **argv);

/* Is this word a command of talelio's own? Plugins cannot have it then. */
bool cli_is_builtin(const char *word);

#endif
