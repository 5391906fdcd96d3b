// Are the golden bytes of docs/protocol.md what our code makes?
#include "tests/structure/protocol_document.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>

#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "codec/tcp_frame.h"
#include "codec/unmask.h"
#include "codec/ws_frame.h"
#include "control/routing/selector.h"
#include "services/auth/development.h"
#include "services/auth/token.h"
#include "services/store/layout.h"

namespace ringgate::test {
namespace {

const std::string& document() {
  static const std::string text = read_text(RINGGATE_SOURCE_DIR "/docs/protocol.md");
  return text;
}

// The digits alone, without comments.
std::string digits_of(const std::string& block) {
  std::string digits;
  bool comment = false;
  for (const char c : block) {
    if (c == '#') comment = true;
    if (c == '\n') comment = false;
    if (!comment && c != ' ' && c != '\n') digits.push_back(c);
  }
  return digits;
}

std::string hex_of(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0xfU]);
  }
  return text;
}

std::string hex_of(std::string_view text) {
  return hex_of(as_bytes(text));
}

std::string hex_of(const google::protobuf::MessageLite& message) {
  return hex_of(message.SerializeAsString());
}

std::string frame_head(Opcode opcode, std::size_t payload_bytes) {
  std::array<std::uint8_t, kTcpFrameHeadBytes> head{};
  write_tcp_frame_head(head.data(), opcode, static_cast<std::uint32_t>(payload_bytes));
  return hex_of(ByteView(head));
}

std::string packet_of(const OutgoingHeader& header, std::string_view body = {}) {
  std::string packet(packet_bytes(header, body.size()), '\0');
  write_packet(reinterpret_cast<std::uint8_t*>(packet.data()), header, as_bytes(body));
  return hex_of(packet);
}

std::string framed(const OutgoingHeader& header, std::string_view body = {}) {
  std::string frame(framed_packet_bytes(header, body.size()), '\0');
  write_framed_packet(reinterpret_cast<std::uint8_t*>(frame.data()), header, as_bytes(body));
  return hex_of(frame);
}

std::string framed(const OutgoingHeader& header, const google::protobuf::MessageLite& body) {
  return framed(header, body.SerializeAsString());
}

std::string masked_ping() {
  constexpr WsMaskKey kKey = {1, 2, 3, 4};
  std::array<std::uint8_t, kMaxWsFrameHeadBytes> head{};
  const std::uint8_t* const end =
      write_ws_client_head(head.data(), Opcode::kBinary, kBasicHeadBytes, kKey);
  std::array<std::uint8_t, kBasicHeadBytes> ping{};
  std::copy_n(kTcpPing.begin() + kTcpFrameHeadBytes, ping.size(), ping.begin());
  unmask(ping, kKey, 0);
  return hex_of(ByteView(head.data(), end)) + hex_of(ByteView(ping));
}

std::string handshake(std::uint32_t lane) {
  pkt::InnerHandshakeReq request;
  request.set_serviceid("g1");
  request.set_lane(lane);
  return frame_head(Opcode::kBinary, request.ByteSizeLong()) + hex_of(request);
}

std::string suffix() {
  const ClientIdentity identity{.channel_id = "c", .app = "k", .account = "a", .gateway_id = "g1"};
  std::string bytes(client_suffix_bytes(identity), '\0');
  write_client_suffix(reinterpret_cast<std::uint8_t*>(bytes.data()), identity);
  return hex_of(bytes);
}

std::string dest_server() {
  pkt::Header header;
  pkt::Meta* const meta = header.add_meta();
  meta->set_key("dest.server");
  meta->set_value("g1");
  meta->set_type(pkt::string);
  return hex_of(header);
}

const OutgoingHeader kSignIn{.command = "login.signin", .sequence = 1};
constexpr std::string_view kTalk = "chat.user.talk";
constexpr std::string_view kHello = "hello.say";

std::string talk() {
  pkt::MessageReq body;
  body.set_type(1);
  body.set_body("hi");
  return framed({.command = kTalk, .sequence = 2, .dest = "bob"}, body);
}

std::string talk_answer() {
  pkt::MessageResp body;
  body.set_messageid(7);
  body.set_sendtime(9);
  return framed(
      {.command = kTalk, .channel_id = "c", .sequence = 2, .flag = Flag::kResponse, .dest = "bob"},
      body);
}

OutgoingHeader hello_answer() {
  return {.command = kHello, .channel_id = "c", .sequence = 3, .flag = Flag::kResponse};
}

std::string beat() {
  OutgoingHeader header{.command = "login.rollcall", .sequence = 1};
  header.channel_id = "g1__0123456789000000000000000";
  header.dest_server = "g1";
  return framed(header);
}

// As a service writes it.
std::string hello_on_link() {
  OutgoingHeader header = hello_answer();
  header.dest_server = "g1";
  header.dest_channels = "c";
  return framed(header, "hello a");
}

// As a gateway takes the two metas out of what came on a link.
std::string hello_to_client() {
  OutgoingHeader header = hello_answer();
  header.dest_server = "g1";
  header.dest_channels = "c";
  std::string packet(packet_bytes(header, 7), '\0');
  write_packet(reinterpret_cast<std::uint8_t*>(packet.data()), header, as_bytes("hello a"));
  const Packet parsed = parse_packet(as_bytes(packet), packet.size());
  HeaderScan scan;
  EXPECT_EQ(scan_header(parsed.header, 2, scan), ScanStatus::kCanonical);
  const PushHeader push = strip_dest_metas(parsed.header, scan);
  std::string bytes(push_packet_bytes(push, parsed.tail), '\0');
  write_push_packet(reinterpret_cast<std::uint8_t*>(bytes.data()), push, parsed.tail);
  return frame_head(Opcode::kBinary, bytes.size()) + hex_of(bytes);
}

std::string login() {
  pkt::LoginReq body;
  body.set_token("t");
  return framed(kSignIn, body);
}

std::string message_id_minus_one() {
  pkt::MessageIndexReq request;
  request.set_message_id(-1);
  return hex_of(request);
}

std::map<std::string, std::string> what_we_make() {
  return {
      {"ping in a TCP frame", hex_of(ByteView(kTcpPing))},
      {"pong in a TCP frame", hex_of(ByteView(kTcpPong))},
      {"ping in a client's WebSocket frame", masked_ping()},
      {"pong in a gateway's WebSocket frame", hex_of(ByteView(kWsPong))},
      {"header: login.signin, sequence 1", packet_of(kSignIn).substr(16, 32)},
      {"packet: that header, no body", packet_of(kSignIn)},
      {"header field: meta dest.server = g1", dest_server()},
      {"login packet in a TCP frame: token \"t\", sequence 1", login()},
      {"packet in a TCP frame: chat.user.talk to bob, sequence 2, body {type 1, body \"hi\"}",
       talk()},
      {"its answer: channel c, messageId 7, sendTime 9", talk_answer()},
      {"what is appended: channel c, app k, account a, gateway g1", suffix()},
      {"handshake of gateway g1", handshake(0)},
      {"handshake of gateway g1, lane 2", handshake(2)},
      {"ping of a link", frame_head(Opcode::kPing, 0)},
      {"pong of a link", frame_head(Opcode::kPong, 0)},
      {"a beat of gateway g1, boot 0123456789: login.rollcall, sequence 1, no body", beat()},
      {"an answer on a link: hello.say, sequence 3, channel c, gateway g1, body \"hello a\"",
       hello_on_link()},
      {"the same as the client gets it", hello_to_client()},
      {"message_id -1 in a MessageIndexReq, as one mobile SDK writes it", message_id_minus_one()},
      {"location: channel c, gateway g1", hex_of(encode_location({"c", "g1"}))},
  };
}

TEST(ProtocolDocument, GoldenBytesAreWhatWeMake) {
  const std::map<std::string, std::string> written = blocks_of(document(), "hex");
  const std::map<std::string, std::string> made = what_we_make();
  for (const auto& [name, block] : written) {
    ASSERT_TRUE(made.contains(name)) << "nothing here makes: " << name;
    EXPECT_EQ(digits_of(block), made.at(name)) << name;
  }
  for (const auto& [name, bytes] : made) EXPECT_TRUE(written.contains(name)) << name;
}

TEST(ProtocolDocument, ItsMessagesAreThoseOfTheCode) {
  const std::string source = read_text(RINGGATE_SOURCE_DIR "/codec/pkt.proto");
  const std::map<std::string, std::string> written = blocks_of(document(), "proto");
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written.at(""), source.substr(source.find("syntax")));
}

TEST(ProtocolDocument, ItsTokenIsGood) {
  constexpr std::int64_t kExpires = 4'102'444'800;
  const std::string token = blocks_of(document(), "token").at("alice, kim, 4102444800");
  EXPECT_EQ(token, sign_token({"alice", "kim", kExpires}, kDevelopmentSecret) + "\n");
  EXPECT_NE(document().find(kDevelopmentSecret), std::string::npos);
}

TEST(ProtocolDocument, ItsCrc32IsTheSelectors) {
  EXPECT_EQ(blocks_of(document(), "crc32").at("test1"), std::to_string(crc32_ieee("test1")) + "\n");
}

TEST(ProtocolDocument, ABlockThatIsWrongIsNoticed) {
  const auto blocks = blocks_of("```hex a b\n01 02  # one\n```\n```hexes\n03\n```\n", "hex");
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(digits_of(blocks.at("a b")), "0102");
  EXPECT_ANY_THROW((void)blocks_of("```hex a\n```\n```hex a\n```\n", "hex"));
}

}  // namespace
}  // namespace ringgate::test
