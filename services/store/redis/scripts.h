// What Redis does in one step, in Lua. Keys and arguments stand above each script.
#pragma once

namespace ringgate {

// A command whose time is over when the server comes to it has been answered with an error, and
// must not happen: the first argument of a script that begins with this is the last ms, by the
// server's clock, at which it may. 0: always.
#define RINGGATE_REDIS_IN_TIME                                                   \
  "if ARGV[1] ~= '0' then\n"                                                     \
  "  local t = redis.call('TIME')\n"                                             \
  "  if t[1] * 1000 + t[2] / 1000 > tonumber(ARGV[1]) then\n"                    \
  "    return redis.error_reply('LATE its answer is not waited for any more')\n" \
  "  end\n"                                                                      \
  "end\n"                                                                        \
  "table.remove(ARGV, 1)\n"

// KEYS: session, location. ARGV: last ms, session's value, location's value, seconds to live,
// prefix of session keys. Returns the location before when it named another channel, whose session
// is gone.
inline constexpr const char* kSignInScript = RINGGATE_REDIS_IN_TIME R"lua(
local before = redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
if not before or #before < 2 then return false end
local bytes = string.byte(before, 1) * 256 + string.byte(before, 2)
local older = ARGV[4] .. string.sub(before, 3, 2 + bytes)
if older == KEYS[1] then return false end
redis.call('DEL', older)
return before
)lua";

// KEYS: session, location. ARGV: how the location's value begins if it names this channel.
inline constexpr const char* kSignOutScript = R"lua(
redis.call('DEL', KEYS[1])
local location = redis.call('GET', KEYS[2])
if location and string.sub(location, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1
)lua";

// KEYS: session, location. ARGV: last ms, session's value, location's value, seconds to live, how
// the location's value begins if it names this channel, prefix of boot keys. The channel is there,
// and its account is on it; returns the location instead if that names another one that is alive:
// one of another make, or of a boot that is alive (boot_of_channel says which ids have a boot).
inline constexpr const char* kPresentScript = RINGGATE_REDIS_IN_TIME R"lua(
local at = redis.call('GET', KEYS[2])
if at and #at >= 4 and string.sub(at, 1, #ARGV[4]) ~= ARGV[4] then
  local bytes = string.byte(at, 1) * 256 + string.byte(at, 2)
  local channel = string.sub(at, 3, 2 + bytes)
  local gateway = string.sub(at, 5 + bytes)
  local unique = string.match(channel, '_([0-9a-f][0-9a-v]*)$')
  local boot = unique and #unique == 25 and string.sub(channel, 1, #gateway + 1) == gateway .. '_'
      and string.sub(unique, 1, 10)
  if not boot or redis.call('EXISTS', ARGV[5] .. gateway .. ',' .. boot) == 1 then return at end
end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
if redis.call('EXPIRE', KEYS[1], ARGV[3]) == 0 then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3]) end
return false
)lua";

// KEYS: a boot. ARGV: last ms, ms to live.
inline constexpr const char* kBootScript = RINGGATE_REDIS_IN_TIME R"lua(
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1
)lua";

// KEYS: what tells these data from others. ARGV: a new value. Returns the value.
inline constexpr const char* kSameDataScript = R"lua(
local value = redis.call('GET', KEYS[1])
if not value then
  value = ARGV[1]
  redis.call('SET', KEYS[1], value)
end
return value
)lua";

// What a sign-in and a sign-out need, on keys of ours. KEYS: a session's, a location's. ARGV:
// value, seconds to live. Returns the value, and leaves nothing.
inline constexpr const char* kProbeScript = R"lua(
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
local first = redis.call('GET', KEYS[1])
local second = redis.call('GET', KEYS[2])
redis.call('DEL', KEYS[1])
redis.call('DEL', KEYS[2])
if first ~= second then return false end
return first
)lua";

// ARGV: owner, ms to live, last ms of the ids to be given out, which node to try first, how many
// there are, latest end that an earlier lease may have, number of the lowest node. Returns node and
// the end of its earlier lease, or nothing.
inline constexpr const char* kLeaseScript = R"lua(
for i = 0, ARGV[5] - 1 do
  local node = ARGV[7] + (ARGV[4] + i) % ARGV[5]
  local name = 'ringgate:node:' .. string.format('%d', node)
  local ended = redis.call('GET', name .. ':until')
  if (not ended or tonumber(ended) <= tonumber(ARGV[6]))
      and redis.call('SET', name, ARGV[1], 'NX', 'PX', ARGV[2]) then
    redis.call('SET', name .. ':until', ARGV[3])
    return {node, ended or '0'}
  end
end
return false
)lua";

// KEYS: lease, its end. ARGV: owner, ms to live, last ms of the ids to be given out. 1 or 0.
inline constexpr const char* kRenewScript = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
return 1
)lua";

}  // namespace ringgate
