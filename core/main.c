/*
 * The program: the command line, or one of the server's own processes.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cli/cli.h"
#include "core/process/worker_main.h"

/* `talelio … >FILE 2>&1`: the log opens the file anew, so without appending the two would write over each other. */
static void append_to_file(int fd)
{
    struct stat about;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        fcntl(fd, F_SETFL, flags | O_APPEND);
}

int main(int argc, char **argv)
{
    append_to_file(STDOUT_FILENO);
    append_to_file(STDERR_FILENO);
    if (argc > 1 && strcmp(argv[1], WORKER_WORD) == 0)
        return worker_main(argc, argv);
    return cli_main(argc, argv);
}
