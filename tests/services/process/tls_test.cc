// What is told of certificates that end, and when.
#include "services/process/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

namespace ringgate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::time_t kNow = 1'800'000'000;
constexpr std::time_t kDay = 24L * 60 * 60;

Episodes::Texts problems_at(const CertificateDays& days, std::time_t now) {
  Episodes::Texts problems;
  days.add_ended(now, problems);
  return problems;
}

TEST(CertificateDays, AreToldOfFromTheTimeToRenewOnAndOtherwiseOnceTheyHaveEnded) {
  CertificateDays days;
  days.use({{"late.pem", kNow + 5 * kDay, kNow},
            {"good.pem", kNow + 90 * kDay, kNow + 76 * kDay},
            {"late.pem", kNow + 5 * kDay, kNow}});
  EXPECT_THAT(days.ending(kNow - 1), IsEmpty());
  EXPECT_THAT(days.ending(kNow),
              ElementsAre("the certificate in late.pem expires in 5 days; renew it, then SIGHUP"));
  EXPECT_THAT(days.ending(kNow + 4 * kDay), ElementsAre(HasSubstr("expires in 24 hours")));
  EXPECT_THAT(days.ended(kNow + 5 * kDay - 1), IsEmpty());
  EXPECT_THAT(problems_at(days, kNow + 5 * kDay - 1), IsEmpty());
  EXPECT_THAT(days.ending(kNow + 5 * kDay), IsEmpty()) << "it is told as one that has ended";
  EXPECT_THAT(days.ended(kNow + 5 * kDay),
              ElementsAre("the certificate in late.pem has expired; renew it, then SIGHUP"));
  EXPECT_THAT(problems_at(days, kNow + 5 * kDay),
              ElementsAre(testing::Pair(testing::_, HasSubstr("late.pem has expired"))));
  EXPECT_THAT(problems_at(days, kNow + 90 * kDay), testing::SizeIs(2)) << "each of its own";
}

TEST(CertificateDays, WhatACheckSaysNamesThoseWithoutNames) {
  EXPECT_THAT(certificates_to_mend({{"good.pem", kNow + 90 * kDay, kNow + 76 * kDay},
                                    {"late.pem", kNow + 5 * kDay, kNow},
                                    {"bare.pem", kNow + 90 * kDay, kNow + 76 * kDay, false}},
                                   kNow),
              ElementsAre(HasSubstr("bare.pem has no names (subjectAltName)"),
                          HasSubstr("late.pem expires in 5 days")));
}

// What is logged while it is there, a line each.
class Logged {
 public:
  Logged() {
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log_));
    logger->set_pattern("%v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~Logged() { spdlog::set_default_logger(before_); }
  Logged(const Logged&) = delete;
  Logged& operator=(const Logged&) = delete;

  std::string since_last() {
    std::string text = log_.str();
    log_.str("");
    return text;
  }

 private:
  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST(CertificateDays, EachThatHasToBeRenewedHasItsLineAndItsEnd) {
  Logged log;
  CertificateDays days;
  days.use({{"one.pem", kNow + 5 * kDay, kNow}, {"good.pem", kNow + 90 * kDay, kNow + 76 * kDay}});
  days.look(kNow - 1);
  EXPECT_EQ(log.since_last(), "");
  days.look(kNow);
  days.look(kNow + kDay);
  EXPECT_EQ(log.since_last(),
            "the certificate in one.pem expires in 5 days; renew it, then SIGHUP\n");
  // A reload brings another beside it, and in its place one that does not last either.
  days.use({{"one.pem", kNow + 5 * kDay, kNow}, {"two.pem", kNow + 3 * kDay, kNow}});
  days.look(kNow + kDay);
  EXPECT_EQ(log.since_last(),
            "the certificate in two.pem expires in 2 days; renew it, then SIGHUP\n");
  days.use({{"one.pem", kNow + 9 * kDay, kNow}, {"two.pem", kNow + 90 * kDay, kNow + 76 * kDay}});
  days.look(kNow + kDay);
  const std::string last = log.since_last();
  EXPECT_THAT(last, HasSubstr("s: the certificate in two.pem expires in 2 days"));
  EXPECT_THAT(last, HasSubstr("s: the certificate in one.pem expires in 5 days"));
  EXPECT_THAT(last, HasSubstr("\nthe certificate in one.pem expires in 8 days"));
}

// Whatever begins is over with the words that it began with, and once.
TEST(CertificateDays, ThatOneHasToBeRenewedIsOverWhenItHasExpired) {
  Logged log;
  CertificateDays days;
  days.use({{"one.pem", kNow + 5 * kDay, kNow}});
  days.look(kNow);
  days.look(kNow + 4 * kDay);
  EXPECT_EQ(log.since_last(),
            "the certificate in one.pem expires in 5 days; renew it, then SIGHUP\n");
  days.look(kNow + 5 * kDay);
  EXPECT_THAT(log.since_last(),
              testing::MatchesRegex("over after .*s: the certificate in one.pem expires in 5 days; "
                                    "renew it, then SIGHUP\n"));
  days.look(kNow + 6 * kDay);
  days.use({{"one.pem", kNow + 90 * kDay, kNow + 76 * kDay}});
  days.look(kNow + 6 * kDay);
  EXPECT_EQ(log.since_last(), "") << "that it has expired is told by others, once";
}

// As of a listener's: what has no effect refuses nothing.
TEST(PortsTls, WithoutAPortNoFileOfItIsRead) {
  Config config;
  config.monitor_tls.certificates = {"/no/such.pem"};
  config.monitor_tls.keys = {"/no/such.key"};
  config.monitor_port = 0;
  config.admin_port = 0;
  EXPECT_TRUE(has_ports_tls(config)) << "as ringgate dev has them, whose port is any";
  config.given.insert({"MonitorTlsCert", {}});
  EXPECT_FALSE(has_ports_tls(config));
  EXPECT_TRUE(load_ports_tls(config));
  for (std::uint16_t Config::* const port : {&Config::monitor_port, &Config::admin_port}) {
    Config with_port = config;
    with_port.*port = 1;
    EXPECT_FALSE(load_ports_tls(with_port));
  }
}

TEST(CertificateDays, MetricsSayWhenTheCertificateEndsAndWhenItHasToBeRenewed) {
  CertificateDays days;
  days.use({{"one.pem", kNow + 20 * kDay, kNow + 6 * kDay}});
  MetricsSnapshot metrics;
  days.collect("g1", metrics);
  const auto families = metrics.take();
  ASSERT_EQ(families.size(), 2U);
  EXPECT_EQ(families[0].name, "ringgate_tls_certificate_expiry_timestamp_seconds");
  EXPECT_EQ(families[0].metric[0].gauge.value, static_cast<double>(kNow + 20 * kDay));
  EXPECT_EQ(families[1].name, "ringgate_tls_certificate_renewal_timestamp_seconds");
  EXPECT_EQ(families[1].metric[0].gauge.value, static_cast<double>(kNow + 6 * kDay));
}

}  // namespace
}  // namespace ringgate
