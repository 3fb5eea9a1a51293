/*
 * The scripts of session_scripts.h.
 */
#include "plugins/auth/session_scripts.h"

#define NOW                                                                                                            \
    "local time = redis.call('TIME')\n"                                                                                \
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"

/*
 * steps_that_pass(chain, grace): of the chain's steps those whose secrets still pass, which are its last ones: the very
 * last, whose successor counts now and has not been used, and those before it whose successors were used within the
 * grace. place_of(hash, now_counts, steps): which step has this hash, one more than there are for the one that counts
 * now, nil for none.
 */
#define JUDGE                                                                                                          \
    NOW "local function steps_that_pass(chain, grace)\n"                                                               \
        "    local steps, pass = cjson.decode(chain), {}\n"                                                            \
        "    local first = #steps\n"                                                                                   \
        "    while first > 1 and now - steps[first].at <= grace do first = first - 1 end\n"                            \
        "    for i = math.max(first, 1), #steps do pass[#pass + 1] = steps[i] end\n"                                   \
        "    return pass\n"                                                                                            \
        "end\n"                                                                                                        \
        "local function place_of(hash, now_counts, steps)\n"                                                           \
        "    if hash == now_counts then return #steps + 1 end\n"                                                       \
        "    for i, step in ipairs(steps) do\n"                                                                        \
        "        if step.hash == hash then return i end\n"                                                             \
        "    end\n"                                                                                                    \
        "end\n"

const char session_script_start[] = NOW "local left = math.min(tonumber(ARGV[3]), tonumber(ARGV[4]))\n"
                                        "redis.call('HSET', KEYS[1], 'user', ARGV[1], 'hash', ARGV[2], 'created', "
                                        "string.format('%d', now), 'chain', '[]')\n"
                                        "redis.call('PEXPIRE', KEYS[1], left)\n"
                                        "return left\n";

const char session_script_renew[] =
    JUDGE "local grace, idle, lifetime = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
          "local best\n"
          "local reused = {}\n"
          "for i, key in ipairs(KEYS) do\n"
          "    local session = redis.call('HMGET', key, 'user', 'hash', 'created', 'chain')\n"
          "    local created = tonumber(session[3] or 0)\n"
          "    local left = math.min(idle, created + lifetime - now)\n"
          "    if session[1] and left <= 0 then\n"
          "        redis.call('DEL', key)\n"
          "    elseif session[1] then\n"
          "        local steps = steps_that_pass(session[4], grace)\n"
          "        local one = {at = i, key = key, user = session[1], created = created, left = left, steps = steps,\n"
          "                     place = place_of(ARGV[3 + 2 * i], session[2], steps)}\n"
          "        if not one.place then\n"
          "            reused[#reused + 1] = one\n"
          "        elseif not best or created > best.created or\n"
          "               created == best.created and one.place > #steps then\n"
          "            best = one\n"
          "        end\n"
          "    end\n"
          "end\n"
          "if not best then\n"
          "    for _, one in ipairs(reused) do redis.call('DEL', one.key) end\n"
          "    if reused[1] then return {'mismatch', reused[1].user} end\n"
          "    return {'none'}\n"
          "end\n"
          "local steps = best.steps\n"
          "if best.place > #steps then\n"
          "    steps[#steps + 1] = {hash = ARGV[3 + 2 * best.at], salt = ARGV[4], at = now}\n"
          "    if #steps > 64 then\n"
          "        table.remove(steps, 1)\n"
          "        best.place = best.place - 1\n"
          "    end\n"
          "    redis.call('HSET', best.key, 'hash', ARGV[4 + 2 * best.at], 'chain', cjson.encode(steps))\n"
          "end\n"
          "redis.call('PEXPIRE', best.key, best.left)\n"
          "local answer = {'open', best.at - 1, best.left, best.user}\n"
          "for i = best.place, #steps do answer[#answer + 1] = steps[i].salt end\n"
          "return answer\n";

const char session_script_end[] =
    JUDGE "local ended = 0\n"
          "for i, key in ipairs(KEYS) do\n"
          "    local session = redis.call('HMGET', key, 'user', 'hash', 'chain')\n"
          "    if session[1] == ARGV[1] and\n"
          "       place_of(ARGV[2 + i], session[2], steps_that_pass(session[3], tonumber(ARGV[2]))) then\n"
          "        ended = ended + redis.call('DEL', key)\n"
          "    end\n"
          "end\n"
          "return ended\n";
