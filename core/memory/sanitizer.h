/*
 * Whether AddressSanitizer is on, and how own memory management tells it what may be touched. Nothing in other builds.
 */
#ifndef CORE_MEMORY_SANITIZER_H
#define CORE_MEMORY_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define TL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TL_ASAN 1
#endif
#endif

#ifdef TL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define POISON(address, size) __asan_poison_memory_region(address, size)
#define UNPOISON(address, size) __asan_unpoison_memory_region(address, size)
#define NO_ASAN __attribute__((no_sanitize_address))
#else
#define POISON(address, size) ((void)(address), (void)(size))
#define UNPOISON(address, size) ((void)(address), (void)(size))
#define NO_ASAN
#endif

#endif
