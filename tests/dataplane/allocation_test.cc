// A shard in its steady state allocates nothing: malloc itself is replaced, hence a program of its
// own (and none under a sanitizer, which replaces malloc too).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "tests/dataplane/loopback.h"

namespace {

std::atomic<std::uint64_t> allocations = 0;
thread_local bool counted_thread = false;

void count() {
  if (counted_thread) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t number, std::size_t bytes) {
  count();
  return __libc_calloc(number, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  count();
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
}

namespace ringgate {
namespace {

using test::Client;
using test::RealShards;

class Echo : public Handler {
  void on_start(Shard& shard) override {
    shard_ = &shard;
    counted_thread = true;
    seen_.resize(1);  // one that must be counted
  }
  void on_accept(Connection&) override {}
  void on_adopt(Connection&, const AdoptedFor&) override {}
  void on_packet(Connection& connection, ByteView payload) override {
    const std::size_t bytes = kTcpFrameHeadBytes + payload.size();
    std::uint8_t* const to = shard_->reserve(connection, bytes);
    if (to == nullptr) return;
    write_tcp_frame_head(to, Opcode::kBinary, static_cast<std::uint32_t>(payload.size()));
    std::memcpy(to + kTcpFrameHeadBytes, payload.data(), payload.size());
  }
  void on_close(Connection&, CloseReason) override {}
  void on_deadline(Connection&) override {}
  void on_mail(std::uint32_t, MailKind, ByteView) override {}
  void on_tick() override {}
  Shard* shard_ = nullptr;
  std::vector<int> seen_;
};

std::vector<std::uint8_t> many_pings(int count) {
  std::vector<std::uint8_t> pings;
  for (int i = 0; i < count; ++i) pings.insert(pings.end(), kTcpPing.begin(), kTcpPing.end());
  return pings;
}

// Each round also ends in the middle of a ping, so that the start of a frame is kept.
void exchange(std::vector<Client>& clients, int rounds) {
  static const std::vector<std::uint8_t> pings = many_pings(100);
  const ByteView half = ByteView(kTcpPing).first(6);
  const ByteView rest = ByteView(kTcpPing).subspan(6);
  for (int round = 0; round < rounds; ++round) {
    for (const Client& client : clients) client.send(half);
    for (const Client& client : clients) client.send(rest);
    for (const Client& client : clients) client.send(pings);
    for (Client& client : clients) {
      ASSERT_EQ(client.read(kTcpPong.size() * 101).size(), kTcpPong.size() * 101);
    }
  }
}

TEST(Allocations, AHundredThousandPingsTakeNone) {
  RealShards shards(test::one_shard(), [](std::uint32_t) { return std::make_unique<Echo>(); });
  EXPECT_GT(allocations, 0U) << "nothing is counted";
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(shards.connect());
  exchange(clients, 20);
  const std::uint64_t before = allocations;
  exchange(clients, 100);
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_GE(shards.count(Counter::kPings), 100'000U);
}

}  // namespace
}  // namespace ringgate
