// What the parts of a gateway's shard share. Who may call whom, beside this:
//
//   GatewayHandler   sorts what arrives to the parts below
//   Deliveries       packets of services: Forwarding (an answer ends a request), Logins, Signouts
//                    (an answer confirms one) and RollCall; FanOuts and HeldPushes are its own
//   Forwarding       packets of clients, and the requests under way: Requests, Logins (a login that
//                    gets no answer), Signouts (a channel that has ended has its last answer)
//   Logins           a client's first packet, and what becomes of it: Requests, Admission
//   Ejector          instances that do not answer: Signouts (one is back)
//   Drain            the end of the process: Signouts (are any left?)
//   Requests, Signouts, Inspector, RollCall, Evacuation, Admission   none of them
//
// Farewells, in the context, is Drain's, Evacuation's and Forwarding's (an answer was the last).
//
// All of it on the shard's thread. A part keeps what only it needs; the context is made before the
// parts and outlives them.
#pragma once

#include "control/routing/catalogue.h"
#include "dataplane/shard.h"
#include "services/gateway/commands.h"
#include "services/gateway/counters.h"
#include "services/gateway/counts/own_commands.h"
#include "services/gateway/log/teller.h"
#include "services/gateway/options.h"
#include "services/gateway/parts/farewells.h"
#include "services/gateway/parts/header_reader.h"
#include "services/gateway/recorder/recorder.h"
#include "services/gateway/routes.h"
#include "services/gateway/service_counters.h"
#include "services/gateway/upstreams/upstream.h"
#include "services/gateway/zone_counters.h"

namespace ringgate {

// Written by the shard, read by any thread. There before the shard is.
struct GatewayCounters {
  explicit GatewayCounters(const GatewayOptions& at_start)
      : services(at_start.routes),
        own_commands(at_start.max_command_series, services.known()),
        instances(at_start.max_instance_series) {}
  CommandCounters commands;
  ServiceCounters services;
  ZoneCounters zones;
  OwnCommands own_commands;
  InstanceCounters instances;
};

struct GatewayContext {
  GatewayContext(Shard& its_shard, const GatewayOptions& at_start, GatewayCounters& counts)
      : shard(its_shard),
        options(at_start),
        counters(counts),
        upstreams(its_shard, options.max_outstanding, options.heartbeat_ms, counts.instances),
        routes(options.routes),
        recorder(its_shard, options),
        farewells(its_shard),
        teller(its_shard, options) {}
  GatewayContext(const GatewayContext&) = delete;
  GatewayContext& operator=(const GatewayContext&) = delete;

  // A link or the catalogue has changed, or whether an instance answers.
  void rebuild_routes() {
    if (catalogue != nullptr) routes.rebuild(*catalogue, upstreams);
  }
  template <NamedBy<CounterName> Enum>
  void count(Enum counter, std::uint64_t by = 1) {
    shard.counters().add(counter, by);
  }

  Shard& shard;
  GatewayOptions options;  // as the last reload has them
  GatewayCounters& counters;
  Upstreams upstreams;
  Routes routes;
  Recorder recorder;
  Farewells farewells;
  const Catalogue* catalogue = nullptr;  // control's, until a newer one is acknowledged
  HeaderReader headers;
  Teller teller;
  bool draining = false;
};

}  // namespace ringgate
