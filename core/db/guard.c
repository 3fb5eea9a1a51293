/*
 * Statements that would change a connection for whoever uses it next. A BEGIN among single statements would put other
 * requests' statements into a transaction that nobody commits. Not a defence against a hostile plugin: it catches
 * mistakes.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/db/private.h"

/* White space and comments, which nest in PostgreSQL. */
static const char *skip_blank(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\n\r\f\v");
        if (at[0] == '-' && at[1] == '-') {
            at += strcspn(at, "\n");
        } else if (at[0] == '/' && at[1] == '*') {
            int depth = 0;
            do {
                int step = (at[0] == '/' && at[1] == '*') || (at[0] == '*' && at[1] == '/') ? 2 : 1;
                if (step == 2)
                    depth += at[0] == '/' ? 1 : -1;
                at += step;
            } while (depth > 0 && *at);
        } else {
            return at;
        }
    }
}

static size_t word_length(const char *at)
{
    size_t length = 0;
    while (isalpha((unsigned char)at[length]))
        length++;
    return length;
}

static bool is_word(const char *at, const char *word)
{
    size_t length = strlen(word);
    return word_length(at) == length && strncasecmp(at, word, length) == 0;
}

static bool is_any(const char *at, const char *const *words)
{
    for (; *words; words++) {
        if (is_word(at, *words))
            return true;
    }
    return false;
}

const char *statement_refusal(const char *sql, bool in_transaction)
{
    static const char *const transactions[] = {"begin", "start", "commit", "end", "rollback", "abort", "prepare", NULL};
    static const char *const sessions[] = {"set", "reset", "discard", "listen", "unlisten", NULL};
    static const char *const locals[] = {"local", "transaction", "constraints", NULL};

    const char *first = skip_blank(sql);
    /* Most statements are told by one letter: SELECT, INSERT, UPDATE, WITH … */
    if (!*first || !strchr("abcdelprsuABCDELPRSU", *first))
        return NULL;
    const char *second = skip_blank(first + word_length(first));
    if (is_any(first, transactions)) {
        if (in_transaction && is_word(first, "rollback") && is_word(second, "to"))
            return NULL;
        return "transactions are opened by tl_begin and ended by tl_commit or tl_rollback";
    }
    if (is_any(first, sessions)) {
        if (in_transaction && is_word(first, "set") && is_any(second, locals))
            return NULL;
        return "it changes a connection that others use too; in a transaction, SET LOCAL does not";
    }
    if (is_word(first, "copy"))
        return "COPY cannot be used here";
    return NULL;
}

bool statement_only_reads(const char *sql)
{
    return is_word(skip_blank(sql), "select");
}
