// Random streams of WebSocket clients through a shard, in random chunks and under random faults:
// what the handler hears and what the client gets depends on the stream alone, and is what a plain
// reading of the stream says.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/dataplane/ws_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeWsShard;
using test::Faults;
using test::Random;

constexpr std::size_t kMaxMessageBytes = 4000;

// A valid stream, perhaps with an end of its own.
class RandomStream {
 public:
  explicit RandomStream(Random& random) : random_(random) {}

  Bytes make() {
    for (std::size_t messages = random_.below(20); messages > 0; --messages) add_message();
    switch (random_.below(5)) {
      case 0:
        add_close();
        break;
      case 1:
        spoil();
        break;
      default:
        break;
    }
    return stream_;
  }

 private:
  void add(Opcode opcode, bool fin, ByteView payload) {
    const WsMaskKey key = {random_.byte(), random_.byte(), random_.byte(), random_.byte()};
    append_client_frame(stream_, opcode, fin, payload, key);
  }
  Bytes random_bytes(std::size_t most) {
    Bytes bytes(random_.size(most));
    for (std::uint8_t& byte : bytes) byte = random_.byte();
    return bytes;
  }
  // Characters of one to four bytes.
  Bytes random_text(std::size_t most) {
    static const std::vector<std::string> characters = {"a", "\xc3\xa9", "\xe2\x82\xac",
                                                        "\xf0\x9f\x98\x80"};
    std::string text;
    for (std::size_t size = random_.size(most); text.size() + 4 <= size;) {
      text += characters[random_.below(characters.size())];
    }
    return {text.begin(), text.end()};
  }
  void add_controls() {
    while (random_.one_in(4)) {
      add(random_.one_in(2) ? Opcode::kPing : Opcode::kPong, true, random_bytes(125));
    }
  }
  void add_message() {
    const bool words = random_.one_in(2);
    const Bytes message = words ? random_text(kMaxMessageBytes) : random_bytes(kMaxMessageBytes);
    ByteView rest = message;
    Opcode opcode = words ? Opcode::kText : Opcode::kBinary;
    while (random_.one_in(2)) {  // fragments, cut anywhere
      const std::size_t size = random_.between(0, rest.size());
      add(opcode, false, rest.first(size));
      rest = rest.subspan(size);
      opcode = Opcode::kContinuation;
      add_controls();
    }
    add(opcode, true, rest);
    add_controls();
  }
  void add_close() {
    Bytes payload;
    if (random_.one_in(2)) {
      payload = {0x03, static_cast<std::uint8_t>(0xe8 + random_.below(4))};
      const Bytes why = random_text(100);
      payload.insert(payload.end(), why.begin(), why.end());
    }
    add(Opcode::kClose, true, payload);
    add(Opcode::kPing, true, {});  // which nobody reads any more
  }
  // Anywhere: what comes of it, only a reading can tell.
  void spoil() {
    if (stream_.empty()) return;
    stream_[random_.below(stream_.size())] ^= static_cast<std::uint8_t>(1U << random_.below(8));
  }

  Random& random_;
  Bytes stream_;
};

struct Outcome {
  std::vector<WsRecord> heard;
  std::vector<WsRecord> answers;
  bool closed = false;
  WsCloseCode code = WsCloseCode::kNoStatus;
  CloseReason reason = CloseReason::kNone;
};

// What has to come of it, by reading the stream in one piece. A text that is cut short in the
// middle is judged by whatever has come, and a frame that has not all come is nothing yet.
Outcome expected_of(const Bytes& stream) {
  const WsTranscript read =
      read_ws_stream(stream, {.max_message_bytes = kMaxMessageBytes, .from_client = true});
  EXPECT_EQ(read.broken_rule, "");
  Outcome outcome;
  for (const WsRecord& record : read.records) {
    if (record.opcode == Opcode::kPing) {
      outcome.answers.push_back({Opcode::kPong, record.payload});
    } else if (record.opcode == Opcode::kClose) {
      outcome.closed = true;
      outcome.code = read.code;
      outcome.reason = CloseReason::kPeerCloseFrame;
    } else if (record.opcode != Opcode::kPong) {
      outcome.heard.push_back(record);
    }
  }
  if (read.failed) {
    outcome.closed = true;
    outcome.code = read.code;
    outcome.reason = read.code == WsCloseCode::kTooBig           ? CloseReason::kFrameTooLong
                     : read.code == WsCloseCode::kInvalidPayload ? CloseReason::kBadText
                                                                 : CloseReason::kBadFrame;
  }
  return outcome;
}

// Holds and releases at random, and writes down what it hears.
struct Hearing {
  Hearing(FakeWsShard& shard, Random& randomness) : it(shard), random(randomness) {
    it.handler.accepted = [this](Connection& connection) { place(connection).clear(); };
    it.handler.packet = [this](Connection& connection, ByteView payload) {
      take(connection, Opcode::kBinary, payload);
    };
    it.handler.words = [this](Connection& connection, std::string_view words) {
      take(connection, Opcode::kText, as_bytes(words));
    };
    it.handler.closed = [this](Connection& connection, CloseReason reason) {
      reasons[connection.peer.port()] = reason;
      std::erase(held, &connection);
    };
  }
  std::vector<WsRecord>& place(const Connection& connection) {
    return heard[connection.peer.port()];
  }
  void take(Connection& connection, Opcode opcode, ByteView payload) {
    EXPECT_EQ(std::ranges::count(held, &connection), 0) << "it is held";
    place(connection).push_back({opcode, Bytes(payload.begin(), payload.end())});
    if (!random.one_in(6)) return;
    it.shard.hold_input(connection);
    if (random.one_in(4)) {
      it.shard.release_input(connection);
    } else {
      held.push_back(&connection);
    }
  }
  void release_some() {
    if (held.empty() || !random.one_in(3)) return;
    const auto one = held.begin() + static_cast<std::ptrdiff_t>(random.below(held.size()));
    Connection* const connection = *one;
    held.erase(one);
    it.shard.release_input(*connection);
  }

  FakeWsShard& it;
  Random& random;
  std::map<std::uint32_t, std::vector<WsRecord>> heard;  // by peer
  std::map<std::uint32_t, CloseReason> reasons;
  std::vector<Connection*> held;
};

struct Client {
  FakePeer* peer = nullptr;
  Bytes stream;
  ByteView unsent;  // upgrade and stream
  Bytes all;
};

void check(const Client& client, Hearing& hearing) {
  SCOPED_TRACE("client " + std::to_string(client.peer->id));
  const Outcome expected = expected_of(client.stream);
  EXPECT_TRUE(hearing.heard[client.peer->id] == expected.heard) << "messages differ";
  const WsTranscript got = test::answers_to(*client.peer);
  std::vector<WsRecord> answers = got.records;
  if (expected.closed) {
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.back().opcode, Opcode::kClose);
    EXPECT_EQ(got.code, expected.code);
    EXPECT_EQ(hearing.reasons[client.peer->id], expected.reason);
    answers.pop_back();
  } else {
    EXPECT_EQ(hearing.reasons[client.peer->id], CloseReason::kPeerClosed);
  }
  EXPECT_FALSE(got.failed);
  EXPECT_TRUE(answers == expected.answers) << "pongs differ";
  EXPECT_EQ(got.frame_bytes, client.peer->received.size() - test::kUpgraded.size())
      << "half a frame";
}

Faults random_faults(Random& random) {
  const auto maybe = [&](std::size_t last) {
    return random.one_in(3) ? 0U : static_cast<unsigned>(random.between(2, last));
  };
  return {.stall = maybe(4),
          .short_send = maybe(8),
          .broken_send = 0,
          .no_buffers = maybe(8),
          .recv_ends = maybe(8),
          .accept_fails = maybe(8),
          .poll_lies = maybe(8),
          .poll_fails = maybe(8)};
}

ShardOptions random_options(Random& random) {
  ShardOptions options = test::small_shard();
  options.plain_messages = true;
  options.max_held_bytes = random.between(100, 5000);
  options.limits[0].max_frame_bytes = kMaxMessageBytes;
  options.limits[0].read_timeout_ms = 0;
  if (!random.one_in(4)) options.poll_after_ms = static_cast<std::uint32_t>(random.between(1, 20));
  options.sweep_ms = static_cast<std::uint32_t>(random.between(1, 10));
  options.sweep_parts = static_cast<std::uint32_t>(random.between(1, 3));
  options.ring.client_buffers = static_cast<unsigned>(random.between(2, 16));
  options.ring.client_buffer_bytes = static_cast<unsigned>(random.between(1, 600));
  return options;
}

void run(std::uint64_t seed) {
  Random random(seed);
  const ShardOptions options = random_options(random);
  const Faults faults = random_faults(random);
  FakeWsShard it(seed + 1'000'000, faults, options);
  Hearing hearing(it, random);
  std::vector<Client> clients(random.between(1, 5));
  for (Client& client : clients) {
    client.peer = &it.kernel.connect();
    client.stream = RandomStream(random).make();
    const std::string request = test::upgrade_request();
    client.all.assign(request.begin(), request.end());
    client.all.insert(client.all.end(), client.stream.begin(), client.stream.end());
    client.unsent = client.all;
  }
  const auto all_sent = [&] {
    return std::ranges::all_of(clients, [](const Client& one) { return one.unsent.empty(); });
  };
  while (!all_sent()) {
    for (Client& client : clients) {
      if (client.unsent.empty() || random.one_in(3)) continue;
      const std::size_t most = client.unsent.size();
      const std::size_t size = std::min(most, random.one_in(10) ? most : random.between(1, 700));
      client.peer->send(client.unsent.first(size));
      client.unsent = client.unsent.subspan(size);
    }
    it.turn(0);
    hearing.release_some();
  }
  const auto at_rest = [&] {
    hearing.release_some();
    return hearing.held.empty() && std::ranges::all_of(clients, [](const Client& one) {
             return one.peer->inbound.empty() || one.peer->closed;
           });
  };
  EXPECT_TRUE(it.turn_until(at_rest, 1, 500'000));
  for (const Client& client : clients) client.peer->ended = true;
  const auto gone = [&] {
    hearing.release_some();
    return it.kernel.waiting_peers() == 0 && it.shard.table().clients() == 0;
  };
  EXPECT_TRUE(it.turn_until(gone, 1, 500'000));
  for (const Client& client : clients) {
    if (!testing::Test::HasFailure()) check(client, hearing);
  }
  it.expect_idle();
}

TEST(WsShardProperty, WhatIsHeardDependsOnTheStreamAlone) {
  test::for_each_seed(1000, run);
}

}  // namespace
}  // namespace ringgate
