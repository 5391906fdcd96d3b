// How a logic service is assembled. It is a ShardGroup whose peers are gateways; each shard has a
// router with the service's handlers and a session store. A process that is a service needs none of
// this: serve.h does it, and services/examples/hello is one. Inside another program:
//
//   Task hello(Context& context) {                        // answers "hello <account>"
//     auto call = context.sessions().get(context.channel_id());
//     const auto session = co_await call;                 // the shard does other things meanwhile
//     if (!session) co_return context.fail(session.error());
//     if (!*session) co_return context.fail(Status::kSessionNotFound, "log in first");
//     const std::string text = "hello " + (*session)->account();
//     context.respond(Status::kSuccess, as_bytes(text));
//   }
//
//   ShardGroupOptions group;
//   group.accept = AcceptMode::kHandOut;
//   group.extra_endpoints = 1;                            // the store's thread
//   RedisStore store(RedisStoreOptions{}, group.shards);  // outlives the group
//   auto shards = ShardGroup::create(group, [&](std::uint32_t) {
//     return make_logic_handler(LogicOptions{}, store.sessions(),
//                               [](Router& router) { router.handle("my.hello", hello); });
//   });
//   auto started = store.start((*shards)->switchboard());
//   (*shards)->start(listeners);
//   ...
//   (*shards)->stop();
//   store.stop();                                         // before the group is destroyed
//
// Without a thread for the store: memory_sessions(), one shard, no extra endpoint. In a process
// that serves several service names on one listener, gateways have to map the names to one service
// (routes): a second link of the same gateway and lane replaces the first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "dataplane/handler.h"
#include "services/logic/channel_queues.h"
#include "services/logic/router.h"
#include "services/store/factory.h"

namespace ringgate {

struct LogicOptions {
  std::uint32_t handshake_wait_ms = 10'000;
  std::uint32_t login_answer_delay_ms = 0;  // on links of gateways of other makes
  std::size_t max_header_bytes = 1024 * 1024;
  std::uint32_t max_metas = 256;  // of a gateway's clients, and its own
  ChannelBounds channels;
};

// Called once per shard, on its thread.
using FillRouter = std::function<void(Router&)>;
// Without `make_sessions`, Context::sessions() is not for its handlers; without `make_messages`,
// Context::messages() is not.
[[nodiscard]] std::unique_ptr<Handler> make_logic_handler(const LogicOptions& options,
                                                          MakeSessions make_sessions,
                                                          FillRouter fill,
                                                          MakeMessages make_messages = {});

}  // namespace ringgate
