#include "services/store/redis/servers/slots.h"

#include <algorithm>
#include <utility>

#include "control/base/text.h"

namespace ringgate {
namespace {

// CRC-16/XMODEM, as the specification of the cluster has it.
std::uint16_t crc16(std::string_view bytes) noexcept {
  std::uint32_t crc = 0;
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(byte)) << 8U;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
      crc &= 0xffffU;
    }
  }
  return static_cast<std::uint16_t>(crc);
}

bool is_integer(const redisReply& reply, long long least, long long most) {
  return reply.type == REDIS_REPLY_INTEGER && reply.integer >= least && reply.integer <= most;
}

std::optional<RedisSlotRange> read_range(const redisReply& range, const std::string& asked) {
  if (range.type != REDIS_REPLY_ARRAY || range.elements < 3) return std::nullopt;
  const redisReply& server = *range.element[2];
  if (!is_integer(*range.element[0], 0, kRedisSlots - 1) ||
      !is_integer(*range.element[1], range.element[0]->integer, kRedisSlots - 1) ||
      server.type != REDIS_REPLY_ARRAY || server.elements < 2 ||
      !is_integer(*server.element[1], 1, 65'535)) {
    return std::nullopt;
  }
  const redisReply& host = *server.element[0];
  std::string name;
  if (host.type == REDIS_REPLY_STRING) name.assign(host.str, host.len);
  if (name.empty() || name == "?") name = asked;
  return RedisSlotRange{static_cast<std::uint16_t>(range.element[0]->integer),
                        static_cast<std::uint16_t>(range.element[1]->integer),
                        {std::move(name), static_cast<std::uint16_t>(server.element[1]->integer)}};
}

}  // namespace

std::uint16_t redis_slot(std::string_view key) noexcept {
  if (const std::size_t open = key.find('{'); open != key.npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != key.npos && close != open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kRedisSlots;
}

std::optional<std::vector<RedisSlotRange>> read_redis_slots(const redisReply& reply,
                                                            const std::string& asked) {
  if (reply.type != REDIS_REPLY_ARRAY) return std::nullopt;
  std::vector<RedisSlotRange> ranges;
  for (std::size_t i = 0; i < reply.elements; ++i) {
    auto range = read_range(*reply.element[i], asked);
    if (!range) return std::nullopt;
    ranges.push_back(std::move(*range));
  }
  return ranges;
}

std::optional<RedisRedirect> read_redis_redirect(std::string_view error, const std::string& asked) {
  RedisRedirect redirect{};
  redirect.is_moved = error.starts_with("MOVED ");
  if (!redirect.is_moved && !error.starts_with("ASK ")) return std::nullopt;
  error.remove_prefix(error.find(' ') + 1);
  const std::size_t space = error.find(' ');
  if (space == error.npos) return std::nullopt;
  const auto slot = parse_number(error.substr(0, space));
  error.remove_prefix(space + 1);
  const std::size_t colon = error.rfind(':');  // of IPv6 there are no brackets
  if (!slot || *slot >= kRedisSlots || colon == error.npos) return std::nullopt;
  const auto port = parse_number(error.substr(colon + 1));
  if (!port || *port == 0 || *port > 65'535) return std::nullopt;
  redirect.slot = static_cast<std::uint16_t>(*slot);
  redirect.server = {colon == 0 ? asked : std::string(error.substr(0, colon)),
                     static_cast<std::uint16_t>(*port)};
  return redirect;
}

}  // namespace ringgate
