/*
 * Addresses that other addresses begin with: of the site, of the API. Pure.
 */
#ifndef PLUGINS_SHARED_ADDRESS_H
#define PLUGINS_SHARED_ADDRESS_H

/* For the error message about any other value. */
#define ADDRESS_EXPECTED "expected an address like https://www.example.org"

/*
 * How much of http://host or https://host, with a port and a path if there are any, comes before a path that is put
 * behind it: without slashes at its end. 0 when it is no such address.
 */
int address_length(const char *address);

#endif
