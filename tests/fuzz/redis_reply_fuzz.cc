// What a Redis answers, or whatever else is at that address: through the bounds of its reader, and
// then as the slots of a cluster, as the primary that a sentinel names, and as an error that sends
// elsewhere. The first byte of an input says in which pieces the rest comes; what is read does not
// depend on it.
#include <hiredis/hiredis.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "codec/bytes.h"
#include "services/store/health.h"
#include "services/store/redis/bounds.h"
#include "services/store/redis/servers/single.h"
#include "services/store/redis/servers/slots.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

const std::string kAsked = "asked.test";

void check_server(const Endpoint& server, const char* what) {
  fuzz_check(server.port != 0, std::string(what) + " without a port");
}

std::size_t elements_of(const redisReply& reply) {
  std::size_t elements = 1;
  if (reply.type != REDIS_REPLY_ARRAY) return elements;
  for (std::size_t i = 0; i < reply.elements; ++i) elements += elements_of(*reply.element[i]);
  return elements;
}

// What was made of it, as text.
std::string read_reply(const redisReply& reply) {
  std::string made = std::to_string(reply.type) + ";";
  fuzz_check(elements_of(reply) <= RedisAnswerBounds::kMaxElements + 1, "more than there may be");
  if (const auto slots = read_redis_slots(reply, kAsked)) {
    for (const RedisSlotRange& range : *slots) {
      fuzz_check(range.first <= range.last && range.last < kRedisSlots, "slots that there are not");
      fuzz_check(!range.server.host.empty(), "slots of nobody");
      check_server(range.server, "a server of slots");
      made += range.server.host + "," + std::to_string(range.first) + ";";
    }
  }
  if (const auto primary = read_redis_primary(reply)) {
    check_server(*primary, "a primary");
    made += primary->host + ":" + std::to_string(primary->port) + ";";
  }
  if (reply.type == REDIS_REPLY_ERROR) {
    const std::string_view error(reply.str, reply.len);
    static_cast<void>(trouble_of(error));
    if (const auto redirect = read_redis_redirect(error, kAsked)) {
      fuzz_check(redirect->slot < kRedisSlots, "a slot that there is not");
      check_server(redirect->server, "where to go");
      made += redirect->server.host + ";";
    }
  }
  return made;
}

std::string read_all(ByteView bytes, std::size_t piece) {
  std::string made;
  RedisAnswerBounds bounds([] { return true; });
  const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(),
                                                                    &redisReaderFree);
  bounds.watch(*reader);
  while (!bytes.empty()) {
    const std::size_t now = std::min(piece, bytes.size());
    if (redisReaderFeed(reader.get(), reinterpret_cast<const char*>(bytes.data()), now) !=
        REDIS_OK) {
      return made;
    }
    bytes = bytes.subspan(now);
    void* reply = nullptr;
    while (redisReaderGetReply(reader.get(), &reply) == REDIS_OK && reply != nullptr) {
      const std::unique_ptr<void, void (*)(void*)> owned(reply, freeReplyObject);
      made += read_reply(*static_cast<const redisReply*>(reply));
    }
    if (reader->err != 0) return made + "refused";
    if (bounds.is_over(*reader)) return made + "over";
  }
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 16 * 1024) return 0;
  const ByteView bytes(data + 1, size - 1);
  const std::string whole = read_all(bytes, bytes.size());
  fuzz_check(read_all(bytes, data[0] + std::size_t{1}) == whole, "in pieces it is another answer");
  return 0;
}
