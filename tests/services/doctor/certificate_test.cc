#include "services/doctor/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/certificates.h"
#include "tests/common/temp_dir.h"

namespace ringgate::doctor {
namespace {

using ::testing::HasSubstr;

constexpr long kDay = 24L * 3600;

class DoctorCertificate : public ::testing::Test {
 protected:
  Finding look_at(const test::MadeCertificate::Wish& wish, bool with_its_key = true) {
    const auto made = test::MadeCertificate::make(wish);
    const auto other = test::MadeCertificate::make({});
    const auto certificate = folder_.write("one.pem", made.pem());
    const auto key = folder_.write("one.key", (with_its_key ? made : other).key_pem());
    return check_certificate(certificate.string(), key.string(), std::time(nullptr));
  }

  test::TempDir folder_;
};

TEST_F(DoctorCertificate, ThatCanServeIsOk) {
  const Finding finding = look_at({.names = {"a.example", "b.example"}, .to_s = 90 * kDay});
  EXPECT_EQ(finding.verdict, Verdict::kOk);
  EXPECT_THAT(finding.found, HasSubstr("of a.example, b.example, good until 20"));
  EXPECT_THAT(finding.found, HasSubstr("clock says"));
}

TEST_F(DoctorCertificate, ThatEndsSoonOrHasNoNameIsAWarning) {
  const Finding soon = look_at({.names = {"a.example"}, .from_s = -85 * kDay, .to_s = 5 * kDay});
  EXPECT_EQ(soon.verdict, Verdict::kWarn);
  EXPECT_THAT(soon.mend, HasSubstr("renew"));
  // Whoever has certificates of six days renews them when two are left, and not every day.
  EXPECT_EQ(look_at({.names = {"a.example"}, .from_s = -3 * kDay, .to_s = 3 * kDay}).verdict,
            Verdict::kOk);
  EXPECT_EQ(look_at({.names = {"a.example"}, .from_s = -5 * kDay, .to_s = kDay}).verdict,
            Verdict::kWarn);
  const Finding nobody = look_at({.names = {"IP:127.0.0.1"}, .to_s = 90 * kDay});
  EXPECT_EQ(nobody.verdict, Verdict::kWarn);
  EXPECT_THAT(nobody.mend, HasSubstr("subjectAltName"));
}

TEST_F(DoctorCertificate, WithACommonNameAloneIsAWarning) {
  const Finding finding = look_at({.common_name = "gateway.example", .to_s = 90 * kDay});
  EXPECT_EQ(finding.verdict, Verdict::kWarn);
  EXPECT_THAT(finding.found, HasSubstr("of no name"));
  EXPECT_THAT(finding.mend, HasSubstr("made anew"));
  EXPECT_THAT(finding.mend, HasSubstr("subjectAltName"));
}

TEST_F(DoctorCertificate, ThatCannotServeFailsWithTheReason) {
  const Finding old = look_at({.names = {"a.example"}, .from_s = -2 * kDay, .to_s = -kDay});
  EXPECT_EQ(old.verdict, Verdict::kFail);
  EXPECT_THAT(old.found, HasSubstr("has expired"));
  const Finding early = look_at({.names = {"a.example"}, .from_s = kDay, .to_s = 2 * kDay});
  EXPECT_EQ(early.verdict, Verdict::kFail);
  EXPECT_THAT(early.found, HasSubstr("clock of this machine"));
  const Finding of_client = look_at({.names = {"a.example"}, .usages = "clientAuth"});
  EXPECT_EQ(of_client.verdict, Verdict::kFail);
  EXPECT_THAT(of_client.found, HasSubstr("serverAuth is not among them"));
  EXPECT_THAT(look_at({.names = {"a.example"}}, false).found, HasSubstr("is not the key"));
}

}  // namespace
}  // namespace ringgate::doctor
