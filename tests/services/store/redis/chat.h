// A chat service over a Redis server, and what asks it until it can answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "services/store/redis/store.h"
#include "tests/services/handlers/test_clients.h"

namespace ringgate {

// A chat service process: shards and the stores' threads.
struct ChatService {
  explicit ChatService(std::uint16_t redis_port, std::uint32_t shards = 1,
                       std::size_t mailbox_bytes = 1 << 20, bool start_store = true,
                       std::uint32_t lease_ms = 30'000, std::size_t max_owed = 64 * 1024) {
    options.target = redis_at({"127.0.0.1", redis_port});
    options.lease_ms = lease_ms;
    options.max_owed = max_owed;
    options.timeout_ms = 300;
    start(shards, mailbox_bytes, start_store);
  }
  // Over any store.
  explicit ChatService(const std::string& url, std::shared_ptr<const RedisTlsContext> tls = nullptr,
                       std::uint32_t lease_ms = 30'000) {
    options.target = parse_redis_urls(std::vector<std::string>{url}, {}).value();
    options.tls = std::move(tls);
    options.probe_ms = 100;
    options.lease_ms = lease_ms;
    options.timeout_ms = 1000;  // several servers on a busy machine: a slow one has not gone
    start(1, 1 << 20, true);
  }
  void start(std::uint32_t shards, std::size_t mailbox_bytes, bool start_store) {
    options.reconnect_max_ms = 100;
    options.boot_check_ms = 20;
    TestServiceOptions group;
    group.shards = shards;
    group.extra_endpoints = 1;
    group.mailbox_bytes = mailbox_bytes;
    store.emplace(options, shards);
    if (start_store) group.sessions = &store->thread();
    service.emplace(with_messages(group), store->sessions(), add_chat);
    service->start();
  }
  [[nodiscard]] std::uint16_t port() const { return service->port(); }

  RedisStoreOptions options;
  std::optional<RedisStore> store;
  std::optional<TestService> service;
};

// Asks again until it succeeds: the first connection, or a new one, takes a moment.
inline bool sign_in(const TestClient& client) {
  for (int i = 0; i < 1000; ++i) {
    if (client.sign_in() == pkt::Status::Success) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

// The answer of a talk to nobody, asked again until there are message ids.
inline bool can_talk(const TestClient& client) {
  for (int i = 0; i < 1000; ++i) {
    client.talk(1, "nobody", "hello");
    if (client.gateway.receive().header.status() == pkt::Status::Success) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace ringgate
