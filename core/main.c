/*
 * The program: the command line, or one of the server's own processes.
 */
#include <string.h>

#include "core/cli/cli.h"
#include "core/process/worker_main.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], WORKER_WORD) == 0)
        return worker_main(argc, argv);
    return cli_main(argc, argv);
}
