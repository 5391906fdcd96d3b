// What Redis does in one step, in Lua. Keys and arguments stand above each script.
#pragma once

namespace ringgate {

// KEYS: session, location. ARGV: session's value, location's value, seconds to live, prefix of
// session keys. Returns the location before when it named another channel, whose session is gone.
inline constexpr const char* kSignInScript = R"lua(
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
