#include "codec/login_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "codec/names.h"
#include "codec/pkt.pb.h"
#include "tests/codec/hex.h"

namespace ringgate {
namespace {

using namespace std::string_literals;

pkt::LoginReq some_login() {
  pkt::LoginReq login;
  login.set_token("a.b.c");
  login.set_isp("isp");
  login.set_zone("zone_01");
  login.add_tags("one");
  login.add_tags("two");
  return login;
}

// What the scan says is what protobuf says.
void expect_same(const std::string& body) {
  pkt::LoginReq login;
  ASSERT_TRUE(login.ParseFromString(body));
  LoginScan scan;
  ASSERT_EQ(scan_login(as_bytes(body), kMostLoginTags, scan), LoginScanStatus::kOk);
  EXPECT_EQ(scan.token, login.token());
  EXPECT_EQ(scan.isp, login.isp());
  EXPECT_EQ(scan.zone, login.zone());
  EXPECT_TRUE(std::ranges::equal(scan.tags(), login.tags()));
}

LoginScanStatus status_of(std::string_view body, std::uint32_t max_tags = kMostLoginTags) {
  LoginScan scan;
  return scan_login(as_bytes(body), max_tags, scan);
}

TEST(LoginScan, ReadsWhatProtobufReads) {
  const std::string login = some_login().SerializeAsString();
  expect_same("");
  expect_same(login);
  expect_same(login + login);       // the last one counts, tags add up
  expect_same(login + "\x28\x05");  // an unknown field of each kind
  expect_same("\x2A\x03xyz" + login);
  expect_same(login + "\x2D" + "1234");
  expect_same(
      "\x29"
      "12345678" +
      login);
  expect_same("\x08\x01" + login);         // the token's number, another type
  expect_same(login + "\x8A\x00\x02no"s);  // a tag that is longer than it need be
  expect_same("\x12\x81\x00x"s + login);   // and a length
}

TEST(LoginScan, RefusesWhatIsNoLoginReq) {
  for (const std::string_view bad :
       {"\xFF", "\x0A", "\x0A\x05x", "\x2D\x31\x32\x33", "\x06", "\x07",
        "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", "\x80"}) {
    EXPECT_EQ(status_of(bad), LoginScanStatus::kBad) << bad;
  }
  EXPECT_EQ(status_of("\0\0"s), LoginScanStatus::kBad) << "number 0";
  // Groups, closed or not, are sent by nobody.
  EXPECT_EQ(status_of("\x2B\x2C"), LoginScanStatus::kBad);
  EXPECT_EQ(status_of(std::string(30'000, '\x2B')), LoginScanStatus::kBad);
}

TEST(LoginScan, EveryCutIsRefusedOrAShorterLogin) {
  const std::string login = some_login().SerializeAsString();
  for (std::size_t size = 0; size < login.size(); ++size) {
    pkt::LoginReq parsed;
    const bool good = parsed.ParseFromString(login.substr(0, size));
    EXPECT_EQ(status_of(login.substr(0, size)), good ? LoginScanStatus::kOk : LoginScanStatus::kBad)
        << size;
  }
}

TEST(LoginScan, BoundsTagsAndFields) {
  std::string tags;
  for (int i = 0; i < 3; ++i) tags += std::string("\x22\x00", 2);
  EXPECT_EQ(status_of(tags, 3), LoginScanStatus::kOk);
  EXPECT_EQ(status_of(tags, 2), LoginScanStatus::kTooManyTags);
  EXPECT_EQ(status_of(tags, 0), LoginScanStatus::kTooManyTags);
  std::string many;
  for (std::uint32_t i = 0; i <= kMostLoginTags; ++i) many += std::string("\x22\x00", 2);
  EXPECT_EQ(status_of(many, UINT32_MAX), LoginScanStatus::kTooManyTags);
  std::string unknown;
  for (std::uint32_t i = 0; i < kMaxLoginFields; ++i) unknown += "\x28\x01";
  EXPECT_EQ(status_of(unknown), LoginScanStatus::kOk);
  EXPECT_EQ(status_of(unknown + "\x28\x01"), LoginScanStatus::kTooManyTags);
}

TEST(LoginScan, ChecksWhatIsKept) {
  for (const std::string& bad :
       {std::string(kMaxLabelBytes + 1, 'x'), std::string("a\nb"), std::string("\xFF")}) {
    for (const char field : {'\x12', '\x1A', '\x22'}) {
      std::string body(1, field);
      if (bad.size() >= 128) body += static_cast<char>(0x80 | (bad.size() & 0x7F));
      body += static_cast<char>(bad.size() >= 128 ? bad.size() >> 7 : bad.size());
      EXPECT_EQ(status_of(body + bad), LoginScanStatus::kBadLabel);
    }
  }
}

}  // namespace
}  // namespace ringgate
