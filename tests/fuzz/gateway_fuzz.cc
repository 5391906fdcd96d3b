// What clients and services do to a gateway: bytes, frames, packets, and that they come and go.
// Nothing of it crashes the gateway, reaches anybody under another's name, or is left when all have
// gone: see fuzzed_gateway.h.
#include <sys/time.h>

#include <array>
#include <string>

#include "codec/tcp_frame.h"
#include "services/gateway/commands.h"
#include "tests/fuzz/fuzzed_gateway.h"
#include "tests/simulation/packets.h"

namespace {

using namespace ringgate;
using End = FuzzedGateway::End;

// What is done, in the low half of a byte; by whom, in the high one.
enum Step : std::uint8_t {
  kConnect,
  kClientBytes,
  kClientFrame,
  kLogin,
  kClientPacket,  // a header of the input's
  kAsk,
  kClientEnds,
  kClientIsDeaf,
  kLinkBytes,
  kLinkFrame,
  kLinkPacket,  // with the routing metas that a gateway looks at, and what the input adds to them
  kLinkAnswers,
  kLinkEnds,
  kTimePasses,
  kLeavesRegistry,
  kNothing,
};

class Input {
 public:
  explicit Input(ByteView bytes) : rest_(bytes) {}
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  // As many as the next byte says.
  ByteView bytes() {
    const std::size_t size = std::min<std::size_t>(byte(), rest_.size());
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

 private:
  ByteView rest_;
};

// What of a packet of a service is not as it should be.
enum Wrong : std::uint8_t {
  kNobodyBit = 16,       // a channel that there is not is among its receivers
  kNoServerBit = 32,     // no meta says for which gateway it is
  kTwiceBit = 64,        // its receivers are there twice
  kShortBit = 128,       // it ends too early
  kOtherChannelBit = 1,  // of an answer: it is for another channel
  kFailureBit = 2,
  kStillWaitsBit = 4,     // it is answered once more later
  kUnderOtherNameBit = 8  // another command
};

void add_meta(pkt::Header& header, std::string_view key, const std::string& value) {
  pkt::Meta& meta = *header.add_meta();
  meta.set_key(std::string(key));
  meta.set_value(value);
}

void send_of_link(FuzzedGateway& it, End& link, ByteView packet) {
  std::array<std::uint8_t, kTcpFrameHeadBytes> head;
  write_tcp_frame_head(head.data(), Opcode::kBinary, static_cast<std::uint32_t>(packet.size()));
  it.send(link, head);
  it.send(link, packet);
}

void push(FuzzedGateway& it, End& link, Input& input) {
  constexpr std::array<std::string_view, 8> kCommands = {kCommandSignIn,
                                                         kCommandSignOut,
                                                         kCommandRollCall,
                                                         "chat.user.talk",
                                                         "chat.state",
                                                         "echo.push",
                                                         "",
                                                         "own.command"};
  const std::uint8_t what = input.byte();
  const std::uint8_t receivers = input.byte();
  pkt::Header header;
  header.set_command(std::string(kCommands[what % kCommands.size()]));
  header.set_flag(static_cast<pkt::Flag>((what >> 3U) % 4));
  header.set_status(static_cast<pkt::Status>((what >> 5U) * 100));
  header.set_sequence(input.byte());
  std::string channels;
  for (std::size_t i = 0; i < FuzzedGateway::kClients; ++i) {
    if ((receivers >> i & 1U) != 0) channels += (channels.empty() ? "" : ",") + it.channel(i);
  }
  if ((receivers & kNobodyBit) != 0) channels += ",g1_nobody_0123456789000000000000000";
  if ((receivers & kNoServerBit) == 0) add_meta(header, kMetaDestServer, "g1");
  add_meta(header, kMetaDestChannels, channels);
  if ((receivers & kTwiceBit) != 0) add_meta(header, kMetaDestChannels, channels);
  const std::string extra(as_text(input.bytes()));
  std::vector<std::uint8_t> packet =
      packet_of(as_bytes(header.SerializeAsString() + extra), input.bytes());
  if ((receivers & kShortBit) != 0) packet.pop_back();
  send_of_link(it, link, packet);
}

void answer(FuzzedGateway& it, End& link, Input& input) {
  const std::uint8_t wrong = input.byte();
  const ByteView body = input.bytes();
  if (link.requests.empty()) return;
  const pkt::Header asked = link.requests.front();
  if ((wrong & kStillWaitsBit) == 0) link.requests.erase(link.requests.begin());
  pkt::Header header;
  header.set_command((wrong & kUnderOtherNameBit) != 0 ? "login.signin" : asked.command());
  header.set_sequence(asked.sequence());
  header.set_flag(pkt::Response);
  if ((wrong & kFailureBit) != 0) header.set_status(pkt::SystemException);
  const std::string& channel =
      (wrong & kOtherChannelBit) != 0 ? it.channel(wrong >> 4U) : asked.channelid();
  header.set_channelid(channel);
  add_meta(header, kMetaDestServer, "g1");
  add_meta(header, kMetaDestChannels, channel);
  send_of_link(it, link, packet_of(as_bytes(header.SerializeAsString()), body));
}

void ask(FuzzedGateway& it, End& client, Input& input) {
  constexpr std::array<const char*, 4> kCommands = {"echo.say", "chat.own", "nobody.hears",
                                                    "login.signout"};
  const std::uint8_t which = input.byte();
  pkt::Header header;
  header.set_command(kCommands[which % kCommands.size()]);
  header.set_sequence(which);
  const std::string extra(as_text(input.bytes()));
  it.send_frame(client, packet_of(as_bytes(header.SerializeAsString() + extra), input.bytes()));
}

void act_as_client(FuzzedGateway& it, Step step, std::size_t who, Input& input) {
  End& client = it.client(who);
  switch (step) {
    case kClientBytes:
      return it.send(client, input.bytes());
    case kClientFrame:
      return it.send_frame(client, input.bytes());
    case kLogin:
      return it.log_in(who, input.byte());
    case kClientPacket: {
      const ByteView header = input.bytes();
      return it.send_frame(client, packet_of(header, input.bytes()));
    }
    case kAsk:
      return ask(it, client, input);
    case kClientEnds:
      return (input.byte() & 1U) != 0 ? it.let_go(client) : it.end(client);
    case kClientIsDeaf:
      return it.be_deaf(client, (input.byte() & 1U) != 0);
    default:
      return;
  }
}

void act_as_link(FuzzedGateway& it, Step step, std::size_t who, Input& input) {
  End& link = it.link(who);
  if (link.socket == nullptr) return;
  switch (step) {
    case kLinkBytes:
      return it.send(link, input.bytes());
    case kLinkFrame: {
      const auto opcode = static_cast<Opcode>(input.byte());
      const ByteView payload = input.bytes();
      std::array<std::uint8_t, kTcpFrameHeadBytes> head;
      write_tcp_frame_head(head.data(), opcode, static_cast<std::uint32_t>(payload.size()));
      it.send(link, head);
      return it.send(link, payload);
    }
    case kLinkPacket:
      return push(it, link, input);
    case kLinkAnswers:
      return answer(it, link, input);
    default:
      return it.let_go(link);
  }
}

void act(FuzzedGateway& it, std::uint8_t what, Input& input) {
  const auto step = static_cast<Step>(what & 15U);
  const std::size_t who = what >> 4U;
  if (step <= kClientIsDeaf) {
    act_as_client(it, step, who, input);
  } else if (step <= kLinkEnds) {
    act_as_link(it, step, who, input);
  } else if (step == kTimePasses) {
    it.pass(std::uint64_t{4} * input.byte());
  } else if (step == kLeavesRegistry) {
    it.leave_registry(who, input.byte());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kMostActs = 200;
  constexpr std::uint8_t kAtOnceBit = 128;  // the next is done before this has come to anything
  // libFuzzer's alarm asks what time it is; while there is a world, that is the world's.
  static const bool no_alarm = [] {
    const itimerval never{};
    return setitimer(ITIMER_REAL, &never, nullptr) == 0;
  }();
  static_cast<void>(no_alarm);
  if (size < 1 || size > 4096) return 0;
  FuzzedGateway it(data[0]);
  Input input({data + 1, size - 1});
  for (int acts = 0; acts < kMostActs && !input.empty(); ++acts) {
    const std::uint8_t what = input.byte();
    act(it, what, input);
    if ((what & kAtOnceBit) == 0) it.settle();
  }
  it.close();
  return 0;
}
