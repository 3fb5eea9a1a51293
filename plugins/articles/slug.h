/*
 * Slugs: the readable part of an address, made from a title. Pure: no host call, no allocation.
 */
#ifndef PLUGINS_ARTICLES_SLUG_H
#define PLUGINS_ARTICLES_SLUG_H

#include <stdbool.h>
#include <stddef.h>

#define SLUG_MAX 100                   /* code points that slug_make gives at most */
#define SLUG_SIZE (4 * SLUG_MAX + 1)   /* bytes for them, with the NUL */
#define SLUG_STORED_SIZE (4 * 300 + 1) /* bytes for any slug in the table, as its constraint has it */

/*
 * Writes the slug of `text` (UTF-8; bytes that are none separate words) and returns its length, which is 0 when there
 * is no letter and no digit in it.
 *
 *   - Letters are lower case, ß is ss, and the result is in NFC.
 *   - Letters of Latin, Greek and Cyrillic lose their accents, so é is e and й is и. All others keep their marks, at
 *     most ten on a letter. Compatibility forms (full width, ligatures, ²) are letters and digits like any other.
 *   - Everything that is no letter, mark or digit separates words, which single hyphens join. Invisible characters
 *     (soft hyphen, joiners, variation selectors) are left out without separating.
 *   - At most SLUG_MAX code points, cut between two words where there are two.
 */
size_t slug_make(const char *text, size_t length, char out[SLUG_SIZE]);

/* SQL: of `a`, the articles, the one whose slug is $1, as it was typed, or else $2, which slug_from_path makes of it.
 * Slugs of other rules than today's are found as they are. */
#define SLUG_IS_ASKED_FOR "a.slug IN ($1, $2) ORDER BY a.slug = $1 DESC LIMIT 1"

/*
 * The slug that `text`, a part of a path, asks for: in NFC, without invisible characters. False when no slug can
 * be that (it may be no text to the database).
 */
bool slug_from_path(const char *text, char out[SLUG_STORED_SIZE]);

#endif
