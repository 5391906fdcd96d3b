// What operators see of the flight recorder on the admin port of a gateway, beside admin.h:
//
//   GET  /channels/<id>          one channel, also one that ended in the last minute: its state,
//   its
//                                queue, its TCP connection and its last events
//   GET  /channels?sort=queued|age|sent|idle|outstanding[&limit=][&after=]
//                                all channels, in pages
//   GET  /closes[?account=][&limit=][&after=]
//                                the connections that ended last, the newest first
//   GET  /trace?account=[&cursor=]
//                                what has happened to the channels of an account since the cursor;
//                                it is followed for as long as somebody asks, and 15 s more;
//                                with &follow=0 only what is recorded is told
//
// On the monitor's threads: shards give rows, and words are made of them here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/http/monitor.h"
#include "services/gateway/admin.h"
#include "services/gateway/options.h"
#include "services/gateway/recorder/tcp_info.h"
#include "services/gateway/recorder/words.h"
#include "services/gateway/service_counters.h"

namespace ringgate {

class RecorderPages {
 public:
  static constexpr std::size_t kMostRows = 100;

  using OwnNames = std::function<std::map<std::uint16_t, std::string>()>;

  // Of `options` what does not change while running is read. Both outlive this. `listeners`: where
  // those of the shards are, by their numbers. `own_names`: of commands, from any thread.
  RecorderPages(GatewayAdmin& admin, const GatewayOptions& options,
                std::vector<LocalPlace> listeners, OwnNames own_names)
      : admin_(admin),
        own_names_(std::move(own_names)),
        gateway_id_(options.gateway_id),
        services_(options.routes),
        listeners_(std::move(listeners)) {}

  // Whether a request for /channels wants all of them.
  [[nodiscard]] static bool is_list(const http::Request& request);

  [[nodiscard]] http::Reply channel(const http::Request& request) const;
  [[nodiscard]] http::Reply list(const http::Request& request) const;
  [[nodiscard]] http::Reply closes(const http::Request& request) const;
  [[nodiscard]] http::Reply trace(const http::Request& request) const;

 private:
  [[nodiscard]] EventWords words(ShardAnswers& answers) const;
  [[nodiscard]] http::Reply rows(const ShardAnswers& answers, const EventWords& words,
                                 std::string_view name, std::size_t limit) const;
  void write_tcp(JsonWriter& json, const ChannelRow& row) const;

  GatewayAdmin& admin_;
  OwnNames own_names_;
  std::string gateway_id_;
  ServiceCounters services_;  // for their names
  std::vector<LocalPlace> listeners_;
};

}  // namespace ringgate
