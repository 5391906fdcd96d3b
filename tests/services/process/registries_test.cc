// From a configuration to a registry.
#include "services/process/registries.h"

#include <gtest/gtest.h>

#include "tests/common/temp_dir.h"
#include "tests/control/config/parse.h"

namespace ringgate::test {
namespace {

using namespace std::chrono_literals;

TEST(Registries, ConsulAsConfigured) {
  const TempDir dir;
  const std::string ca = dir.write("ca.pem", "-----BEGIN CERTIFICATE-----\n").string();
  const auto config = parse("ServiceID: g\n" + kAppSecret +
                            "ConsulURL: https://localhost:8501\nConsulToken: t\nConsulCA: " + ca +
                            "\n"
                            "ConsulDatacenter: dc2\nConsulStale: true\nConsulTag: blue\n"
                            "ConsulWait: 5m\nConsulCheckInterval: 2s\nConsulCheckTimeout: 3s\n"
                            "ConsulDeregisterAfter: 2m\nConsulRecheck: 4s\n");
  ASSERT_TRUE(config) << config.error().message;
  const ConsulOptions options = consul_options(*config);
  EXPECT_EQ(options.url, "https://localhost:8501");
  EXPECT_EQ(options.token, "t");
  EXPECT_EQ(options.ca_file, ca);
  EXPECT_EQ(options.datacenter, "dc2");
  EXPECT_TRUE(options.stale);
  EXPECT_EQ(options.tag, "blue");
  EXPECT_EQ(options.wait, 300s);
  EXPECT_EQ(options.check_interval, 2s);
  EXPECT_EQ(options.check_timeout, 3s);
  EXPECT_EQ(options.deregister_after, 120s);
  EXPECT_EQ(options.recheck, 4s);
}

}  // namespace
}  // namespace ringgate::test
