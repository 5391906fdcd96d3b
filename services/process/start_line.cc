#include <fmt/format.h>

#include <string>

#include "control/observe/log_event.h"
#include "services/flags/version.h"
#include "services/process/shards.h"

namespace ringgate {

void tell_start(const Config& config, std::span<const Listener> listeners, std::uint32_t shards,
                std::uint64_t room) {
  std::string places;
  for (const Listener& listener : listeners) {
    if (!places.empty()) places += ", ";
    places += fmt::format("{} {}", scheme_of(listener.transport, bool{listener.tls}),
                          listener.sockets.printed());
  }
  log_event(LogEvent::kStarted,
            {{"version", version_text()},
             {"service", config.service_name},
             {"shards", shards},
             {"room", room},
             {"listeners", places},
             {"log_level", log_level_name(config.log_level)}},
            fmt::format("ringgate {} serves as {} ({}): {} {}, room for {} connections, "
                        "listeners: {}",
                        version_text(), config.service_id, config.service_name, shards,
                        shards == 1 ? "shard" : "shards", room, places));
}

}  // namespace ringgate
