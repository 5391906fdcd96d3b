// What is told of certificates that end, and when.
#include "services/process/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ringgate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::time_t kNow = 1'800'000'000;
constexpr std::time_t kDay = 24L * 60 * 60;

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
  EXPECT_EQ(days.problem(kNow + 5 * kDay - 1), std::nullopt);
  EXPECT_THAT(days.ending(kNow + 5 * kDay), IsEmpty()) << "it is told as one that has ended";
  EXPECT_THAT(days.ended(kNow + 5 * kDay),
              ElementsAre("the certificate in late.pem has expired; renew it, then SIGHUP"));
  EXPECT_EQ(days.problem(kNow + 5 * kDay), days.ended(kNow + 5 * kDay).front());
}

}  // namespace
}  // namespace ringgate
