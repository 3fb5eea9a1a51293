/*
 * The scripts of session_scripts.h.
 */
#include "plugins/auth/session_scripts.h"

#define NOW                                                                                                            \
    "local time = redis.call('TIME')\n"                                                                                \
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"

/* `recent`: the steps of the chain within the grace. */
#define RECENT(chain, grace)                                                                                           \
    "local recent = {}\n"                                                                                              \
    "for _, step in ipairs(cjson.decode(" chain ")) do\n"                                                              \
    "    if now - step.at <= tonumber(" grace ") then recent[#recent + 1] = step end\n"                                \
    "end\n"

const char session_script_start[] = NOW "local left = math.min(tonumber(ARGV[3]), tonumber(ARGV[4]))\n"
                                        "redis.call('HSET', KEYS[1], 'user', ARGV[1], 'hash', ARGV[2], 'created', "
                                        "string.format('%d', now), 'chain', '[]')\n"
                                        "redis.call('PEXPIRE', KEYS[1], left)\n"
                                        "return left\n";

const char session_script_rotate[] =
    "local session = redis.call('HMGET', KEYS[1], 'hash', 'created', 'chain')\n"
    "if not session[1] then return {'none'} end\n" NOW RECENT(
        "session[3]", "ARGV[4]") "if session[1] == ARGV[1] then\n"
                                 "    local left = math.min(tonumber(ARGV[5]), session[2] + tonumber(ARGV[6]) - now)\n"
                                 "    if left <= 0 then\n"
                                 "        redis.call('DEL', KEYS[1])\n"
                                 "        return {'none'}\n"
                                 "    end\n"
                                 "    recent[#recent + 1] = {hash = ARGV[1], salt = ARGV[2], at = now}\n"
                                 "    if #recent > 64 then table.remove(recent, 1) end\n"
                                 "    redis.call('HSET', KEYS[1], 'hash', ARGV[3], 'chain', cjson.encode(recent))\n"
                                 "    redis.call('PEXPIRE', KEYS[1], left)\n"
                                 "    return {'rotated', left}\n"
                                 "end\n"
                                 "for first, step in ipairs(recent) do\n"
                                 "    if step.hash == ARGV[1] then\n"
                                 "        local answer = {'grace', redis.call('PTTL', KEYS[1])}\n"
                                 "        for i = first, #recent do answer[#answer + 1] = recent[i].salt end\n"
                                 "        return answer\n"
                                 "    end\n"
                                 "end\n"
                                 "redis.call('DEL', KEYS[1])\n"
                                 "return {'mismatch'}\n";

const char session_script_end[] =
    "local session = redis.call('HMGET', KEYS[1], 'user', 'hash', 'chain')\n"
    "if not session[1] or session[1] ~= ARGV[2] then return 0 end\n" NOW RECENT(
        "session[3]", "ARGV[3]") "local right = session[2] == ARGV[1]\n"
                                 "for _, step in ipairs(recent) do right = right or step.hash == ARGV[1] end\n"
                                 "if right then redis.call('DEL', KEYS[1]) end\n"
                                 "return right and 1 or 0\n";
