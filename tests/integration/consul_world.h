// Processes that find each other at a real Consul agent, with a real Redis behind them. Used by the
// test's main thread, which the processes die with.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/control/discovery/consul/agent.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {

// --- HTTP
// -----------------------------------------------------------------------------------------

struct HttpAnswer {
  int status = 0;  // 0: none
  std::string body;
};
using HttpFields = std::map<std::string, std::string>;
[[nodiscard]] HttpAnswer http_get(std::uint16_t port, const std::string& path,
                                  const HttpFields& fields = {});
[[nodiscard]] HttpAnswer http_post(std::uint16_t port, const std::string& path,
                                   const HttpFields& fields = {});

// --- What a gateway knows
// -------------------------------------------------------------------------

// As GET /services has it.
struct KnownInstance {
  struct Lane {
    std::string state;
    std::string last_error;
    std::string last_error_at;  // empty: null
  };
  std::string service;
  std::string address;
  std::string zone;
  std::string state;
  std::uint64_t outstanding = 0;
  std::vector<Lane> links;

  [[nodiscard]] bool is_up() const;  // every link
};
// By id.
using KnownInstances = std::map<std::string, KnownInstance>;
[[nodiscard]] KnownInstances known_instances(const Server& gateway);
// Until the gateway has every link to each of these.
void wait_until_up(const Server& gateway, const std::vector<std::string>& ids);

// --- The world
// ------------------------------------------------------------------------------------

class ConsulWorld {
 public:
  ConsulWorld() : ConsulWorld(ConsulAgent::Options{}) {}
  explicit ConsulWorld(ConsulAgent::Options options) : agent(std::move(options)), redis(files) {}

  // What a process there is told, with the admin port where its monitor is.
  [[nodiscard]] Settings settings(const std::string& role, const Settings& more = {}) const;
  [[nodiscard]] std::unique_ptr<Server> start(const std::string& role, const std::string& id,
                                              const Settings& more = {}) const;
  // The ids that Consul would have others use, joined by blanks.
  [[nodiscard]] std::string passing(const std::string& name) const;

  World files;
  ConsulAgent agent;
  Redis redis;
};

// login01, so many chats (chat01, …) and gateway01 with links to all of them, in that order.
struct ConsulBench {
  explicit ConsulBench(std::size_t chat_count, const Settings& gateway_settings = {});
  [[nodiscard]] Server& chat(std::size_t number) { return *chats.at(number - 1); }  // from 1

  ConsulWorld world;
  std::unique_ptr<Server> login;
  std::vector<std::unique_ptr<Server>> chats;
  std::unique_ptr<Server> gateway;
};

// --- Messages
// -------------------------------------------------------------------------------------

// Which process made the message: its number in the id, leased from Redis.
[[nodiscard]] std::int64_t node_of(std::int64_t message_id);
// Talks to somebody who is not there, and says which chat answered.
std::int64_t node_that_answers(Client& client);

}  // namespace ringgate::test
