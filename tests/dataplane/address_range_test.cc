// AddressRange, PeerAddress::parse and forwarded_peer.
#include "dataplane/address_range.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "dataplane/address_counts.h"
#include "tests/dataplane/seeded.h"

namespace ringgate {
namespace {

bool in(std::string_view range, std::string_view address) {
  const std::optional<AddressRange> parsed = AddressRange::parse(range);
  EXPECT_TRUE(parsed.has_value()) << range;
  const PeerAddress peer = PeerAddress::parse(address);
  EXPECT_TRUE(peer.known()) << address;
  return parsed && parsed->contains(peer);
}

TEST(PeerAddressParse, TakesNumericAddressesWithAndWithoutPorts) {
  const auto ip = [](std::string_view text) { return PeerAddress::parse(text).ip(); };
  EXPECT_EQ(ip("10.0.0.7"), "10.0.0.7");
  EXPECT_EQ(ip("10.0.0.7:4711"), "10.0.0.7");
  EXPECT_EQ(ip("2001:db8::7"), "2001:db8::7");
  EXPECT_EQ(ip("[2001:db8::7]"), "2001:db8::7");
  EXPECT_EQ(ip("[2001:db8::7]:4711"), "2001:db8::7");
  EXPECT_FALSE(PeerAddress::parse("::").known()) << "nobody has it";
  EXPECT_EQ(ip("::1"), "::1");
  EXPECT_EQ(ip("::ffff:10.0.0.7"), "10.0.0.7");
  EXPECT_EQ(ip("[::ffff:10.0.0.7]:1"), "10.0.0.7");
  EXPECT_TRUE(PeerAddress::parse("::ffff:10.0.0.7").is_ipv4());
  EXPECT_FALSE(PeerAddress::parse("2001:db8::7").is_ipv4());
  EXPECT_EQ(PeerAddress::parse("10.0.0.7:4711").port(), 0) << "of a connection unknown to us";
  EXPECT_EQ(PeerAddress::parse("::ffff:10.0.0.7").bytes(), PeerAddress::parse("10.0.0.7").bytes());
}

TEST(PeerAddressParse, TakesNothingElse) {
  for (const std::string_view text :
       {"",
        " ",
        "-",
        "unknown",
        "localhost",
        "_hidden",
        "10",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.7.8",
        " 10.0.0.7",
        "10.0.0.7 ",
        "10.0.0.7,10.0.0.8",
        ":",
        "::1::",
        "[",
        "]",
        "[]",
        "[]:80",
        ":80",
        "fe80::1%eth0",
        "2001:db8::7:",
        "12345::",
        "[[::1]]",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"}) {
    EXPECT_FALSE(PeerAddress::parse(text).known()) << text;
  }
}

// Half of an address is none: whoever wrote it meant something else.
TEST(PeerAddressParse, TakesNoAddressWithSomethingBehindIt) {
  for (const std::string_view text :
       {"[10.0.0.7", "[::1", "[::1]junk", "[::1]:", "[::1]:port", "[::1]:65536",
        "10.0.0.7:", "10.0.0.7:port", "10.0.0.7:65536", "10.0.0.7:-1"}) {
    EXPECT_FALSE(PeerAddress::parse(text).known()) << text;
  }
  EXPECT_FALSE(PeerAddress::parse(std::string_view("10.0.0.7\0x", 10)).known());
}

TEST(AddressRange, HoldsWhatItsPrefixSays) {
  EXPECT_TRUE(in("0.0.0.0/0", "255.255.255.255"));
  EXPECT_FALSE(in("0.0.0.0/0", "2001:db8::7")) << "all of IPv4 is not all there is";
  EXPECT_TRUE(in("::/0", "2001:db8::7"));
  EXPECT_TRUE(in("::/0", "10.0.0.7"));
  EXPECT_TRUE(in("128.0.0.0/1", "200.0.0.1"));
  EXPECT_FALSE(in("128.0.0.0/1", "127.255.255.255"));
  EXPECT_TRUE(in("10.0.0.0/7", "11.255.255.255"));
  EXPECT_FALSE(in("10.0.0.0/7", "12.0.0.0"));
  EXPECT_FALSE(in("10.0.0.0/7", "9.255.255.255"));
  EXPECT_TRUE(in("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(in("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(in("10.0.0.6/31", "10.0.0.7"));
  EXPECT_FALSE(in("10.0.0.6/31", "10.0.0.8"));
  EXPECT_TRUE(in("10.0.0.7/32", "10.0.0.7"));
  EXPECT_FALSE(in("10.0.0.7/32", "10.0.0.6"));
  EXPECT_TRUE(in("10.0.0.7", "10.0.0.7"));
  EXPECT_FALSE(in("10.0.0.7", "10.0.0.8"));
  EXPECT_TRUE(in("10.0.0.0/8", "::ffff:10.1.2.3")) << "as a dual-stack listener sees it";
  EXPECT_TRUE(in("::ffff:10.0.0.7", "10.0.0.7"));
  EXPECT_TRUE(in("::ffff:10.0.0.0/104", "10.1.2.3"));
  EXPECT_FALSE(in("::ffff:10.0.0.0/104", "11.1.2.3"));
  EXPECT_TRUE(in("::ffff:0:0/96", "11.1.2.3"));
  EXPECT_FALSE(in("::ffff:0:0/96", "2001:db8::1"));
  EXPECT_TRUE(in("8000::/1", "ffff::"));
  EXPECT_FALSE(in("8000::/1", "7fff::"));
  EXPECT_TRUE(in("fe00::/7", "ff00::1"));
  EXPECT_FALSE(in("fe00::/7", "fd00::1"));
  EXPECT_TRUE(in("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_FALSE(in("2001:db8::/32", "2001:db9::1"));
  EXPECT_TRUE(in("2001:db8::7/128", "2001:db8::7"));
  EXPECT_FALSE(in("2001:db8::7/128", "2001:db8::6"));
  EXPECT_FALSE(in("2001:db8::7", "2001:db8::6"));
}

TEST(AddressRange, TakesNothingElse) {
  for (const std::string_view text : {"",
                                      "/",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/+8",
                                      "10.0.0.0/ 8",
                                      "10.0.0.0/8 ",
                                      "10.0.0.0/8/8",
                                      "10.0.0.0/0x8",
                                      "10.0.0.0/4294967304",
                                      "10.0.0/8",
                                      "10.1.0.0/8",
                                      "128.0.0.0/0",
                                      "10.0.0.7/31",
                                      "::/129",
                                      "::ffff:10.0.0.0/8",
                                      "::ffff:10.0.0.1/104",
                                      "::1/127",
                                      "2001:db8::7/32",
                                      "localhost/8",
                                      "all",
                                      "*"}) {
    EXPECT_FALSE(AddressRange::parse(text).has_value()) << text;
  }
}

TEST(AddressRange, SaysWhatIsMeant) {
  const auto around = [](std::string_view text) {
    const auto range = AddressRange::around(text);
    return range ? range->text() : "none";
  };
  EXPECT_EQ(around("10.1.2.3/8"), "10.0.0.0/8");
  EXPECT_EQ(around("10.1.2.3/31"), "10.1.2.2/31");
  EXPECT_EQ(around("10.1.2.3"), "10.1.2.3/32");
  EXPECT_EQ(around("::ffff:10.1.2.3/104"), "10.0.0.0/8");
  EXPECT_EQ(around("2001:db8::7/32"), "2001:db8::/32");
  EXPECT_EQ(around("::1/0"), "::/0");
  EXPECT_EQ(around("10.0.0.0/33"), "none");
  EXPECT_EQ(around("10.0.0.0:80/8"), "none");
}

TEST(AddressRange, AnAddressWithAPortIsNoRange) {
  for (const std::string_view text :
       {"10.0.0.0:80/8", "10.0.0.7:80", "[2001:db8::7]:80", "[2001:db8::]:80/32", "[::1]x/128"}) {
    EXPECT_FALSE(AddressRange::parse(text).has_value()) << text;
  }
}

TEST(AddressRange, AgreesWithComparingBitByBit) {
  test::for_each_seed(2000, [](std::uint64_t seed) {
    test::Random random(seed);
    const std::size_t bits = random.between(0, 32);
    const auto network = static_cast<std::uint32_t>(
        bits == 0 ? 0 : (random.below(std::size_t{1} << 32) >> (32 - bits)) << (32 - bits));
    std::uint32_t address = network;
    if (!random.one_in(5)) address ^= 1U << random.below(32);
    const auto dotted = [](std::uint32_t value) {
      return std::to_string(value >> 24) + "." + std::to_string(value >> 16 & 255) + "." +
             std::to_string(value >> 8 & 255) + "." + std::to_string(value & 255);
    };
    const bool same = bits == 0 || (network ^ address) >> (32 - bits) == 0;
    const std::string range = dotted(network) + "/" + std::to_string(bits);
    EXPECT_EQ(in(range, dotted(address)), same) << range << " " << dotted(address);
    EXPECT_EQ(in(range, "::ffff:" + dotted(address)), same);
  });
}

TEST(AddressRange, HoldsNoUnknownAddress) {
  EXPECT_FALSE(AddressRange::parse("::/0")->contains(PeerAddress{}));
  EXPECT_FALSE(contains(AddressRanges{}, PeerAddress::parse("10.0.0.7")));
}

std::string forwarded(std::string_view peer, std::string_view header) {
  const AddressRanges trusted = {*AddressRange::parse("10.0.0.0/8"),
                                 *AddressRange::parse("2001:db8::/32")};
  return forwarded_peer(PeerAddress::parse(peer), header, trusted).ip();
}

TEST(ForwardedPeer, IsTheLastAddressThatIsNoProxy) {
  EXPECT_EQ(forwarded("10.0.0.1", "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(forwarded("10.0.0.1", "198.51.100.9, 192.0.2.1"), "192.0.2.1") << "the client's own";
  EXPECT_EQ(forwarded("10.0.0.1", "198.51.100.9, 192.0.2.1, 10.0.0.2"), "192.0.2.1");
  EXPECT_EQ(forwarded("10.0.0.1", "192.0.2.1,10.0.0.3,\t10.0.0.2 "), "192.0.2.1");
  EXPECT_EQ(forwarded("2001:db8::1", "2001:db9::5"), "2001:db9::5");
  EXPECT_EQ(forwarded("10.0.0.1", "[2001:db9::5]:80, 10.0.0.2:5"), "2001:db9::5");
  EXPECT_EQ(forwarded("10.0.0.1", "10.0.0.3, 10.0.0.2"), "10.0.0.3") << "a client among proxies";
  EXPECT_EQ(forwarded("::ffff:10.0.0.1", "192.0.2.1"), "192.0.2.1");
}

TEST(ForwardedPeer, IsNotBelievedFromAnybody) {
  EXPECT_EQ(forwarded("192.0.2.9", "192.0.2.1"), "192.0.2.9");
  EXPECT_EQ(forwarded("192.0.2.9", "10.0.0.1"), "192.0.2.9");
  EXPECT_EQ(forwarded("10.0.0.1", ""), "10.0.0.1");
}

TEST(ForwardedPeer, StopsWhereTheHeaderMakesNoSense) {
  EXPECT_EQ(forwarded("10.0.0.1", "unknown"), "10.0.0.1");
  EXPECT_EQ(forwarded("10.0.0.1", "192.0.2.1, unknown"), "10.0.0.1");
  EXPECT_EQ(forwarded("10.0.0.1", "192.0.2.1, unknown, 10.0.0.2"), "10.0.0.2");
  EXPECT_EQ(forwarded("10.0.0.1", ","), "10.0.0.1");
  EXPECT_EQ(forwarded("10.0.0.1", "192.0.2.1,"), "10.0.0.1");
  EXPECT_EQ(forwarded("10.0.0.1", ", ,192.0.2.1"), "192.0.2.1");
}

TEST(AddressCounts, CountsAnIpv6NetworkAsOne) {
  AddressCounts counts(2);
  const auto add = [&](const char* from) {
    const PeerAddress peer = PeerAddress::parse(from);
    if (!counts.has_room(peer)) return false;
    counts.add(peer);
    return true;
  };
  EXPECT_TRUE(add("2001:db8::1"));
  EXPECT_TRUE(add("2001:db8::2"));
  EXPECT_FALSE(add("2001:db8::3"));
  EXPECT_TRUE(add("2001:db8:0:1::1"));
  EXPECT_TRUE(add("10.0.0.1"));
  EXPECT_TRUE(add("10.0.0.2"));
  counts.remove(PeerAddress::parse("2001:db8::9"));
  EXPECT_TRUE(add("2001:db8::3"));
}

}  // namespace
}  // namespace ringgate
