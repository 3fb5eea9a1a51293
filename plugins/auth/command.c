/*
 * `talelio user add EMAIL USERNAME [--verified]`: an account made by an operator.
 *
 * The password comes from the terminal, without echo, or else from the first line of standard input; never from the
 * arguments, which others can read. Reading waits without the loop, which has nothing else to do in a command.
 */
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "plugins/auth/auth.h"

/* 128 characters of UTF-8, and room to notice one too many. */
enum { LINE = 128 * 4 + 8 };

typedef struct secret_line {
    char text[LINE];
} secret_line;

static void wipe(void *line)
{
    sodium_memzero(line, sizeof(secret_line));
}

/* Byte by byte, so that no copy stays in a buffer of stdio. False: nothing there, or longer than any password. */
static bool read_line(char *text, size_t size)
{
    size_t length = 0;

    for (;;) {
        char c;
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 || (got == 0 && length == 0) || length == size - 1)
            return false;
        if (got == 0 || c == '\n')
            break;
        if (c == '\0')
            return false;
        text[length++] = c;
    }
    if (length > 0 && text[length - 1] == '\r')
        length--;
    text[length] = '\0';
    return true;
}

static bool read_hidden(const char *prompt, secret_line *line)
{
    struct termios before, hidden;
    sigset_t held, mask;

    /* Whoever interrupts gets the echo back first. */
    sigfillset(&held);
    sigprocmask(SIG_BLOCK, &held, &mask);
    fputs(prompt, stderr);
    tcgetattr(STDIN_FILENO, &before);
    hidden = before;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool result = read_line(line->text, sizeof line->text);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return result;
}

/* NULL, and a line on stderr, when there is none. */
static const char *read_password(tl_request *req)
{
    secret_line *first = tl_alloc(req, sizeof *first), *second = tl_alloc(req, sizeof *second);
    tl_defer(req, wipe, first);
    tl_defer(req, wipe, second);

    bool terminal = isatty(STDIN_FILENO);
    if (terminal ? !read_hidden("Password: ", first) || !read_hidden("The same again: ", second)
                 : !read_line(first->text, sizeof first->text)) {
        fputs("talelio user: expected a password of 8 to 128 characters on standard input\n", stderr);
        return NULL;
    }
    if (terminal && strcmp(first->text, second->text) != 0) {
        fputs("talelio user: the two passwords differ\n", stderr);
        return NULL;
    }
    return first->text;
}

static int report(tl_request *req, account_result result, const new_account *account)
{
    switch (result) {
    case ACCOUNT_MADE:
        printf("Added user '%s' with id %" PRId64 ", %s\n", account->username,
               tl_json_int(tl_json_get(account->user, "id")),
               account->verified ? "verified" : "not verified; the mail with the link is on its way");
        return 0;
    case ACCOUNT_REFUSED:
        fprintf(stderr, "talelio user: %s\n", account->refusal);
        return 1;
    case ACCOUNT_NOT_HASHED:
        fputs("talelio user: the password could not be hashed; is there enough memory?\n", stderr);
        return 1;
    case ACCOUNT_NOT_STORED:
        break;
    }
    fprintf(stderr, "talelio user: the database %s; see the log\n",
            tl_db_error_of(req) == TL_DB_UNAVAILABLE ? "cannot be reached" : "refused the account");
    return 1;
}

static int usage(const char *problem)
{
    fprintf(stderr, "talelio user: %s\nusage: talelio user add EMAIL USERNAME [--verified]\n", problem);
    return 1;
}

int auth_command_user(tl_request *req, int argc, char **argv)
{
    new_account account = {0};

    if (argc < 2 || strcmp(argv[1], "add") != 0)
        return usage("expected 'add'");
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--verified") == 0)
            account.verified = true;
        else if (argv[i][0] == '-')
            return usage(tl_format(req, "unknown option '%s'", argv[i]));
        else if (!account.email)
            account.email = argv[i];
        else if (!account.username)
            account.username = argv[i];
        else
            return usage(tl_format(req, "unexpected '%s'", argv[i]));
    }
    if (!account.username)
        return usage("expected an email and a username");
    account.password = read_password(req);
    if (!account.password)
        return 1;
    return report(req, account_make(req, &account), &account);
}
