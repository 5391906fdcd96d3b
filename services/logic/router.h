// Which handler a command goes to. Filled once per shard before its first packet; used on the
// shard's thread.
//
//   router.handle("chat.user.talk", talk);                          // Task talk(Context& context)
//   router.handle_prefix("echo.", [](Request& request) { … });      // answers within the call
//
// A plain handler (void) costs nothing but its call. A coroutine handler (Task) gets a copy of the
// request and may await; requests of one channel are handled one at a time, in order. Every
// request is answered: one that its handler leaves without an answer gets 300.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "codec/text_hash.h"
#include "services/logic/request.h"

namespace ringgate {

// One of the two is set.
struct Route {
  std::function<void(Request&)> plain;
  std::function<Task(Context&)> coroutine;
};

class Router {
 public:
  // The last handler for a command stays.
  template <class Handle>
  void handle(std::string command, Handle handler) {
    routes_.insert_or_assign(std::move(command), make_route(std::move(handler)));
  }
  // For every command that begins with `prefix` and has no handler of its own. The first one fits.
  template <class Handle>
  void handle_prefix(std::string prefix, Handle handler) {
    prefixes_.emplace_back(std::move(prefix), make_route(std::move(handler)));
  }

  // Null: nobody handles it.
  [[nodiscard]] const Route* find(std::string_view command) const {
    if (const auto found = routes_.find(command); found != routes_.end()) return &found->second;
    for (const auto& [prefix, route] : prefixes_) {
      if (command.starts_with(prefix)) return &route;
    }
    return nullptr;
  }

 private:
  template <class Handle>
  static Route make_route(Handle handler) {
    Route route;
    if constexpr (std::same_as<std::invoke_result_t<Handle&, Context&>, Task>) {
      route.coroutine = std::move(handler);
    } else {
      static_assert(std::same_as<std::invoke_result_t<Handle&, Request&>, void>,
                    "a handler is void(Request&) or Task(Context&)");
      route.plain = std::move(handler);
    }
    return route;
  }

  std::unordered_map<std::string, Route, TextHash, std::equal_to<>> routes_;
  std::vector<std::pair<std::string, Route>> prefixes_;
};

}  // namespace ringgate
