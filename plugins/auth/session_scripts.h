/*
 * The steps on sessions that must not be mixed with another server's: Lua, run by Redis, which does one at a time.
 *
 * A session is a hash: `user` (its id), `hash` (of the secret that counts now), `created` (milliseconds), and `chain`:
 * JSON, [{"hash", "salt", "at"}, …], the secrets that were rotated, oldest first, each with the salt that leads to the
 * next, and the time. Time is that of Redis, so that the clocks of several servers need not agree.
 *
 * A rotated secret passes until its successor has been used, and for the grace after that. The use of a secret is what
 * rotates it, so `at` of the next step tells when that was; the last step's successor is the one that counts now, and
 * it has not been used. A chain keeps 64 steps: a secret from before them counts as rotated long ago.
 */
#ifndef PLUGINS_AUTH_SESSION_SCRIPTS_H
#define PLUGINS_AUTH_SESSION_SCRIPTS_H

/*
 * KEYS: the session. ARGV: user, hash, idle, lifetime (milliseconds). Returns the milliseconds until the session ends
 * by itself.
 */
extern const char session_script_start[];

/*
 * Renews one session: the one of the latest login among those that a presented secret opens.
 *
 * KEYS: the session of each presented secret. ARGV: grace, idle, lifetime, a new salt; and for each key the hash of the
 * secret and the hash of its successor by that salt.
 *
 *   {'open', which, left, user, salt, …}  which of the keys, from 0; the salts lead from its secret to the one that
 * counts now: the new salt alone if the secret was the one that counted
 *   {'mismatch', user}                    none opens its session, and one has a session whose secrets are others or
 * were rotated long ago: all such sessions have been ended
 *   {'none'}                              there is no such session
 */
extern const char session_script_renew[];

/*
 * KEYS: the session of each presented secret. ARGV: user, grace, and for each key the hash of the secret. Ends those
 * that are the user's and whose secret passes, and returns how many.
 */
extern const char session_script_end[];

#endif
