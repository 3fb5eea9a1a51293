/*
 * Slugs: the readable part of an address, made from a title. Pure: no host call, no allocation.
 */
#ifndef PLUGINS_ARTICLES_SLUG_H
#define PLUGINS_ARTICLES_SLUG_H

#include <stdbool.h>
#include <stddef.h>

#define SLUG_MAX 100                 /* code points that slug_make gives at most */
#define SLUG_SIZE (4 * SLUG_MAX + 1) /* bytes for them, with the NUL */
#define SLUG_STORED_MAX (4 * 300)    /* bytes of any slug in the table, as its constraint has it */

/*
 * Writes the slug of `text` (UTF-8; bytes that are none separate words) and returns its length, which is 0 when there
 * is no letter and no digit in it.
 *
 *   - Compatibility forms become plain ones (NFKD: full width, ligatures, ² …), letters lower case, ß is ss.
 *   - Accents go: the combining marks that scripts share, so é is e and й is и. Marks that belong to a script and carry
 *     its vowels stay (Devanagari, Thai, Arabic, Hebrew, kana …), at most four on a letter. The result is in NFC.
 *   - Letters and digits of any script stay; everything else separates words, which single hyphens join. Characters
 *     that nobody sees (soft hyphen, joiners, variation selectors) are left out without separating.
 *   - At most SLUG_MAX code points, cut between two words where there are two.
 */
size_t slug_make(const char *text, size_t length, char out[SLUG_SIZE]);

/* Whether `text` can be a slug at all. What cannot need not be looked for (it may be no text to the database). */
bool slug_is_possible(const char *text);

#endif
