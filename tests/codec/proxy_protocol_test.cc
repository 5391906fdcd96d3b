#include "codec/proxy_protocol.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <array>
#include <string>

#include "tests/codec/hex.h"

namespace ringgate {
namespace {

constexpr std::string_view kSignature = "0d0a0d0a000d0a515549540a";

std::string source_of(const ProxyStep& step) {
  if (!step.has_source) return "none";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (step.source.ss_family == AF_INET) {
    sockaddr_in source;
    std::memcpy(&source, &step.source, sizeof source);
    inet_ntop(AF_INET, &source.sin_addr, text.data(), text.size());
    return std::string(text.data()) + " " + std::to_string(ntohs(source.sin_port));
  }
  sockaddr_in6 source;
  std::memcpy(&source, &step.source, sizeof source);
  inet_ntop(AF_INET6, &source.sin6_addr, text.data(), text.size());
  return std::string(text.data()) + " " + std::to_string(ntohs(source.sin6_port));
}

constexpr std::size_t kMaxBytes = 4096;

ProxyStep parse(ByteView input, std::size_t max_bytes = kMaxBytes) {
  return parse_proxy_header(input, max_bytes);
}

// Every start of the header asks for more, but never for more than there is, until the verdict has
// all that it needs; with bytes after it the header stays the same.
ProxyStep parse_at_every_length(const Bytes& header) {
  const ProxyStep whole = parse(header);
  for (std::size_t size = 0; size < header.size(); ++size) {
    const Bytes start(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
    const ProxyStep step = parse(start);
    if (step.status == ProxyStatus::kDone) {
      EXPECT_EQ(size, whole.consumed);
      break;
    }
    EXPECT_EQ(step.status, ProxyStatus::kNeedMore) << size;
    EXPECT_GT(step.need, size);
    EXPECT_LE(step.need, header.size());
  }
  Bytes more = header;
  more.insert(more.end(), 600, 0x0d);
  EXPECT_EQ(parse(more).consumed + parse(more).skip, header.size());
  EXPECT_EQ(source_of(parse(more)), source_of(whole));
  return whole;
}

void expect_source(const Bytes& header, const std::string& source) {
  const ProxyStep step = parse_at_every_length(header);
  EXPECT_EQ(step.status, ProxyStatus::kDone);
  EXPECT_EQ(step.consumed + step.skip, header.size());
  EXPECT_EQ(source_of(step), source);
}

Bytes line(std::string_view text) {
  return {text.begin(), text.end()};
}

void expect_bad(const Bytes& input) {
  EXPECT_EQ(parse(input).status, ProxyStatus::kBad) << as_text(input);
}

TEST(ProxyV1, Sources) {
  expect_source(line("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), "192.0.2.1 56324");
  expect_source(line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n"),
                "255.255.255.255 65535");
  expect_source(line("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "2001:db8::1 1");
  expect_source(line("PROXY UNKNOWN\r\n"), "none");
  // The specification's longest line.
  expect_source(line("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                "none");
}

TEST(ProxyV1, Refused) {
  for (const char* text : {
           "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
           "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 1\r\n",
           "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n",
           "PROXY TCP4  192.0.2.1 198.51.100.2 56324\r\n",
           "PROXY TCP4 192.0.2.01 198.51.100.2 56324 443\r\n",
           "PROXY TCP4 192.0.2 198.51.100.2 56324 443\r\n",
           "PROXY TCP4 ::1 ::1 56324 443\r\n",
           "PROXY TCP6 192.0.2.1 198.51.100.2 56324 443\r\n",
           "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
           "PROXY TCP4 192.0.2.1 198.51.100.2 056324 443\r\n",
           "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n",
           "PROXY TCP4 192.0.2.1 198.51.100.2 1 4x\r\n",
           "PROXY TCP4 192.0.2.1 198.51.100.2 1 \r\n",
           "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n",
           "PROXY UNKNOWNS\r\n",
           "PROXY \r\n",
           "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\rx",
           "PROXYTCP4",
           "proxy",
           "GET / HTTP/1.1\r\n",
       }) {
    expect_bad(line(text));
  }
  std::string embedded_nul = "PROXY TCP4 192.0.2.1_ 198.51.100.2 1 2\r\n";
  embedded_nul[embedded_nul.find('_')] = '\0';
  expect_bad(line(embedded_nul));
}

TEST(ProxyV1, LinesAreBounded) {
  const std::string start = "PROXY UNKNOWN ";
  const std::string most = start + std::string(kMaxProxyV1Bytes - 2 - start.size(), 'x') + "\r\n";
  expect_source(line(most), "none");
  const Bytes over = line(start + std::string(kMaxProxyV1Bytes - 1 - start.size(), 'x'));
  EXPECT_EQ(parse(ByteView(over).first(over.size() - 1)).status, ProxyStatus::kNeedMore);
  expect_bad(over);
}

Bytes v2(std::string_view rest) {
  return hex(std::string(kSignature) + std::string(rest));
}

TEST(ProxyV2, Sources) {
  expect_source(v2("21 11 000c c0000201 c6336402 dc04 01bb"), "192.0.2.1 56324");
  expect_source(v2("21 21 0024 20010db8000000000000000000000001 "
                   "00000000000000000000000000000001 0001 0002"),
                "2001:db8::1 1");
}

TEST(ProxyV2, ExtensionsAreSkipped) {
  expect_source(v2("21 11 0010 c0000201 c6336402 dc04 01bb 04 0001 00"), "192.0.2.1 56324");
}

// A client's certificate takes kilobytes. The source is told as soon as its bytes are there.
TEST(ProxyV2, TheSourceDoesNotWaitForWhatIsSkipped) {
  const ProxyStep step = parse(v2("21 11 0ff0 c0000201 c6336402 dc04 01bb"));
  EXPECT_EQ(step.status, ProxyStatus::kDone);
  EXPECT_EQ(step.consumed, 28U);
  EXPECT_EQ(step.skip, 4096U - 28);
  EXPECT_EQ(source_of(step), "192.0.2.1 56324");
}

TEST(ProxyV2, OfEveryLength) {
  for (std::size_t rest = 0; rest <= 600; ++rest) {
    for (const std::string_view what : {"20 00", "21 00", "21 11", "21 21"}) {
      Bytes header = v2(std::string(what) + "0000");
      header[14] = static_cast<std::uint8_t>(rest >> 8);
      header[15] = static_cast<std::uint8_t>(rest);
      header.resize(header.size() + rest, 0x11);
      const ProxyStep step = parse(header);
      const std::size_t least = what == "21 11" ? 12 : what == "21 21" ? 36 : 0;
      EXPECT_EQ(step.status, rest < least ? ProxyStatus::kBad : ProxyStatus::kDone) << what << rest;
      if (step.status != ProxyStatus::kDone) continue;
      EXPECT_EQ(step.consumed + step.skip, header.size());
      EXPECT_EQ(step.has_source, least > 0);
    }
  }
}

TEST(ProxyV2, WithoutASource) {
  expect_source(v2("20 00 0000"), "none");                              // LOCAL
  expect_source(v2("20 11 000c c0000201 c6336402 dc04 01bb"), "none");  // LOCAL, all the same
  expect_source(v2("20 ff 0001 00"), "none");                           // its family is ignored
  expect_source(v2("21 00 0000"), "none");                              // unspecified
  expect_source(v2("21 12 000c c0000201 c6336402 dc04 01bb"), "none");  // UDP
  Bytes local_socket = v2("21 31 00d8");
  local_socket.resize(16 + 216);
  expect_source(local_socket, "none");
}

TEST(ProxyV2, Refused) {
  expect_bad(v2("11"));          // version 1
  expect_bad(v2("22"));          // neither LOCAL nor PROXY
  expect_bad(v2("21 41 000c"));  // reserved family
  expect_bad(v2("21 13 000c"));  // reserved protocol
  expect_bad(v2("21 11 000b"));  // too short for its family
  expect_bad(v2("21 21 0023"));
  expect_bad(v2("21 31 00d7"));
  expect_bad(hex("0d0a0d0a00 00"));
}

TEST(ProxyV2, LengthIsBoundedByItsHead) {
  const auto status = [](std::string_view rest, std::size_t max_bytes) {
    return parse(v2(rest), max_bytes).status;
  };
  for (const std::string_view command : {"20 00", "21 00"}) {
    const std::string head(command);
    EXPECT_EQ(status(head + "0ff0", kMaxBytes), ProxyStatus::kDone);
    EXPECT_EQ(status(head + "0ff1", kMaxBytes), ProxyStatus::kTooLong);
    EXPECT_EQ(status(head + "ffff", kMaxProxyV2Bytes - 1), ProxyStatus::kTooLong);
    EXPECT_EQ(status(head + "ffff", kMaxProxyV2Bytes), ProxyStatus::kDone);
  }
  EXPECT_EQ(status("21 11 00d8", kMaxProxyV2Kept), ProxyStatus::kNeedMore);
  EXPECT_EQ(status("21 11 00d9", kMaxProxyV2Kept), ProxyStatus::kTooLong);
  expect_bad(v2("21 41 ffff"));  // what is no header is not told to be long
}

}  // namespace
}  // namespace ringgate
