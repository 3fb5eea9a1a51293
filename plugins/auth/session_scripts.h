/*
 * The steps on a session that must not be mixed with another server's: Lua, run by Redis, which does one at a time.
 *
 * A session is a hash: `user` (its id), `hash` (of the secret that counts now), `created` (milliseconds), and `chain`:
 * JSON, [{"hash", "salt", "at"}, …], the secrets that were rotated within the grace, oldest first, each with the salt
 * that leads to the next. Time is that of Redis, so that the clocks of several servers need not agree. Every script
 * takes the session's key as KEYS[1].
 */
#ifndef PLUGINS_AUTH_SESSION_SCRIPTS_H
#define PLUGINS_AUTH_SESSION_SCRIPTS_H

/* ARGV: user, hash, idle, lifetime (milliseconds). Returns the milliseconds until the session ends by itself. */
extern const char session_script_start[];

/*
 * ARGV: hash of the presented secret, salt and hash of its successor, grace, idle, lifetime.
 *
 *   {'rotated', left}         it was the one that counts; its successor has taken its place
 *   {'grace', left, salt, …}  it was rotated a moment ago; the salts lead from it to the one that counts now
 *   {'mismatch'}              any other secret: the session has been ended
 *   {'none'}                  there is no session
 *
 * A chain keeps 64 steps; a token that is older than that counts as rotated long ago.
 */
extern const char session_script_rotate[];

/* ARGV: hash, user, grace. Returns 1 when the session was that user's and the secret right: it has been ended. */
extern const char session_script_end[];

#endif
