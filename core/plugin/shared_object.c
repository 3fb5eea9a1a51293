/*
 * Reads the head of an ELF file and how far the parts reach that are to be mapped.
 */
#include "core/plugin/shared_object.h"

#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_PARTS = 256 /* far more than any linker makes */ };

/* Where the last part that is to be mapped ends, or the table of these parts when the file ends before; 0 when the
 * table is none that is understood here. */
static uint64_t mapped_end(int fd, const ElfW(Ehdr) * head)
{
    ElfW(Phdr) parts[MOST_PARTS];
    size_t size = head->e_phnum * sizeof parts[0];
    if (head->e_phnum > MOST_PARTS || head->e_phentsize != sizeof parts[0])
        return 0;
    uint64_t end = head->e_phoff + size;
    if (pread(fd, parts, size, (off_t)head->e_phoff) != (ssize_t)size)
        return end;
    for (size_t i = 0; i < head->e_phnum; i++)
        if (parts[i].p_type == PT_LOAD && parts[i].p_offset + parts[i].p_filesz > end)
            end = parts[i].p_offset + parts[i].p_filesz;
    return end;
}

static const char *defect(int fd, uint64_t size, arena *memory)
{
    ElfW(Ehdr) head;
    ssize_t length = pread(fd, &head, sizeof head, 0);
    if (length <= 0)
        return "expected a shared object (ELF), found an empty file";
    if (length < SELFMAG || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return "expected a shared object (ELF), found a file of another kind";
    if (length < (ssize_t)sizeof head)
        return arena_format(memory, "expected a shared object (ELF), found the first %zd bytes of one", length);
    uint64_t end = mapped_end(fd, &head);
    if (end <= size)
        return NULL;
    return arena_format(memory,
                        "expected at least %llu bytes, found %llu: the file is cut off, or not yet written whole",
                        (unsigned long long)end, (unsigned long long)size);
}

const char *shared_object_defect(const char *path, arena *memory)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    if (fd < 0)
        return NULL;
    const char *found = NULL;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        found = defect(fd, (uint64_t)about.st_size, memory);
    close(fd);
    return found;
}
