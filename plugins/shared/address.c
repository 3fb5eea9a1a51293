#include "plugins/shared/address.h"

#include <stddef.h>
#include <string.h>

#define ADDRESS_MAX 1024

int address_length(const char *address)
{
    size_t scheme = strncmp(address, "https://", 8) == 0 ? 8 : strncmp(address, "http://", 7) == 0 ? 7 : 0;
    size_t length = strlen(address);

    while (length > 0 && address[length - 1] == '/')
        length--;
    if (scheme == 0 || length <= scheme || length > ADDRESS_MAX || strchr("/:@", address[scheme]) ||
        strcspn(address, " \t\r\n\"<>\\^`{|}?#") < length)
        return 0;
    return (int)length;
}
