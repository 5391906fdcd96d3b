// What most tests under Prometheus watch: a gateway with TLS, login and chat, and their Redis.
#pragma once

#include <optional>

#include "tests/common/certificates.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {

struct ClusterWish {
  Settings gateway{};
  long certificate_ends_in_s = 90L * 24 * 3600;
  Streams gateway_streams{};
};

struct Cluster {
  explicit Cluster(const ClusterWish& wish = {})
      : certificate(MadeCertificate::make({.common_name = "localhost",
                                           .names = {"localhost"},
                                           .from_s = -90L * 24 * 3600,
                                           .to_s = wish.certificate_ends_in_s},
                                          &authority)),
        gateway(world, "gateway", "g1", gateway_settings(wish.gateway), wish.gateway_streams) {
    wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
  }
  [[nodiscard]] Settings gateway_settings(Settings settings) const {
    settings.insert({{"Listen", R"(["127.0.0.1:0", "tls://127.0.0.1:0"])"},
                     {"TlsCert", world.folder().write("server.pem", certificate.pem()).string()},
                     {"TlsKey", world.folder().write("server.key", certificate.key_pem()).string()},
                     {"Shards", "1"}});
    return settings;
  }

  World world;
  MadeCertificate authority = MadeCertificate::authority();
  MadeCertificate certificate;
  std::optional<Redis> redis{std::in_place, world};
  Server login{world, "login", "login01", {{"RedisAddrs", redis->address()}}};
  Server chat{world, "chat", "chat01", {{"RedisAddrs", redis->address()}}};
  Server gateway;
};

}  // namespace ringgate::test
