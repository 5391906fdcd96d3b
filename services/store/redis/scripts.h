// What Redis does in one step, in Lua: each touches one key, KEYS[1], or two of one slot, so that a
// cluster takes it, too. Arguments stand above each script.
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

// A session. ARGV: last ms, value, seconds to live.
inline constexpr const char* kPutScript = RINGGATE_REDIS_IN_TIME R"lua(
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
)lua";

// The same, but one that is there stays as it is, and lives on.
inline constexpr const char* kKeepScript = RINGGATE_REDIS_IN_TIME R"lua(
if redis.call('EXPIRE', KEYS[1], ARGV[2]) == 0 then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return 1
)lua";

// A location. ARGV: last ms, value, seconds to live, how the value begins if it names this channel.
// Returns the value before, if it named another one.
inline constexpr const char* kMoveScript = RINGGATE_REDIS_IN_TIME R"lua(
local before = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
if not before or string.sub(before, 1, #ARGV[3]) == ARGV[3] then return false end
return before
)lua";

// The same, if it names this channel, or none, or is as the last argument has it: nobody is there.
// Else it stays, and is returned.
inline constexpr const char* kPresentScript = RINGGATE_REDIS_IN_TIME R"lua(
local at = redis.call('GET', KEYS[1])
if at and at ~= ARGV[4] and string.sub(at, 1, #ARGV[3]) ~= ARGV[3] then return at end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return false
)lua";

// A location. ARGV: how its value begins if it names this channel.
inline constexpr const char* kLeaveScript = R"lua(
local location = redis.call('GET', KEYS[1])
if location and string.sub(location, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
)lua";

// A boot. ARGV: last ms, ms to live.
inline constexpr const char* kBootScript = RINGGATE_REDIS_IN_TIME R"lua(
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1
)lua";

// What tells these data from others, and KEYS[2], which is there while they are new. ARGV: a new
// value, ms for which they are new then. Returns the value, and 1 while they are new.
inline constexpr const char* kSameDataScript = R"lua(
local value = redis.call('GET', KEYS[1])
if not value then
  value = ARGV[1]
  redis.call('SET', KEYS[1], value)
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
end
return {value, redis.call('GET', KEYS[2]) and 1 or 0}
)lua";

// Every command that is used with keys, on one of ours: rights may be for some of them alone. ARGV:
// value, seconds to live, and a third where leases are renewed. Returns the value, and leaves
// nothing; an error names the command that is not allowed, which those of scripts do not.
inline constexpr const char* kProbeScript = R"lua(
local all = {{'time'}, {'set', KEYS[1], ARGV[1], 'EX', ARGV[2]}, {'expire', KEYS[1], ARGV[2]},
             {'mget', KEYS[1]}, {'get', KEYS[1]}, {'del', KEYS[1]}}
if ARGV[3] then table.insert(all, 3, {'pexpire', KEYS[1], ARGV[2] * 1000}) end
local value
for _, words in ipairs(all) do
  local reply = redis.pcall(unpack(words))
  if type(reply) == 'table' and reply.err then
    local denied = string.find(reply.err, 'executing the script', 1, true) or
                   string.find(reply.err, 'ACL failure', 1, true)
    if not denied then return reply end
    return redis.error_reply("NOPERM this user may not run '" .. words[1] .. "'")
  end
  if words[1] == 'get' then value = reply end
end
return value
)lua";

// The lease of a node number. ARGV: last ms, owner, ms to live. Returns 1: it is the owner's.
inline constexpr const char* kLeaseScript = RINGGATE_REDIS_IN_TIME R"lua(
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
)lua";

// The same for one that is the owner's already.
inline constexpr const char* kRenewScript = RINGGATE_REDIS_IN_TIME R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
)lua";

// ARGV: owner. Whoever has a lease gives it back.
inline constexpr const char* kGiveBackScript = R"lua(
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
)lua";

// Until when ids of a node may have been given out. ARGV: last ms, ms. It only grows.
inline constexpr const char* kUntilScript = RINGGATE_REDIS_IN_TIME R"lua(
local until_ms = tonumber(redis.call('GET', KEYS[1]) or '0')
if until_ms < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 1
)lua";

}  // namespace ringgate
