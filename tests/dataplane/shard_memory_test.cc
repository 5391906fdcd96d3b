// A shard whose system has no memory left, for one block or for several that follow each other, at
// each place of a session in turn: whoever cannot be served is closed, the others stay and get all
// that is theirs, and later ones are let in again.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/dataplane/failing_pool.h"
#include "tests/dataplane/shard_fixture.h"
#include "tests/dataplane/ws_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::frame;
using test::pool_failures;
using test::text;

constexpr std::size_t kTcpListener = 0;
constexpr std::size_t kWsListener = 1;

ShardOptions options() {
  ShardOptions options = test::small_shard();
  options.limits[0].max_frame_bytes = 1 << 20U;
  options.limits[0].max_queued_bytes = 1 << 20U;
  options.client_share = 4;
  options.ring.client_buffer_bytes = 8192;
  return options;
}

// Answers each packet with as many bytes, every other time by a block that several would share.
class Answers {
 public:
  explicit Answers(FakeShard& it) : it_(it) {
    it.handler.packet = [this](Connection& connection, ByteView payload) {
      answer(connection, payload);
    };
  }

 private:
  void answer(Connection& connection, ByteView payload) {
    Shard& shard = it_.shard;
    if (++answered_ % 2 == 0) {
      std::uint8_t* const to = shard.reserve_frame(connection, Opcode::kBinary, payload.size());
      if (to != nullptr) std::ranges::copy(payload, to);
      return;
    }
    SharedBlock* const block = SharedBlock::create(shard.pool(), payload.size());
    if (block == nullptr) return shard.abort(connection, CloseReason::kNoMemory);
    std::ranges::copy(payload, block->data());
    std::array<std::uint8_t, kMaxFrameHeadBytes> head;
    const std::uint8_t* const end =
        write_frame_head(head.data(), connection.transport, Opcode::kBinary, payload.size());
    static_cast<void>(shard.append_shared(connection, {head.data(), end}, block));
    SharedBlock::release(shard.pool(), block);
  }

  FakeShard& it_;
  std::uint32_t answered_ = 0;
};

// Somebody who sends in pieces, and what is to come back.
struct Talk {
  FakePeer* peer = nullptr;
  std::vector<std::vector<std::uint8_t>> pieces;
  std::vector<std::uint8_t> expected;

  void add(const std::vector<std::uint8_t>& bytes) { pieces.push_back(bytes); }
  void add_in_two(const std::vector<std::uint8_t>& bytes) {
    const auto half = bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2);
    pieces.emplace_back(bytes.begin(), half);
    pieces.emplace_back(half, bytes.end());
  }
  void expect(const std::vector<std::uint8_t>& bytes) {
    expected.insert(expected.end(), bytes.begin(), bytes.end());
  }
};

void expect_echo_of_tcp(Talk& talk, const std::string& words) {
  const std::vector<std::uint8_t> bytes = frame(Opcode::kBinary, words);
  talk.add_in_two(bytes);
  talk.expect(bytes);
}

// Over TCP: a ping, packets of all sizes in pieces.
Talk tcp_talk() {
  Talk talk;
  talk.add({kTcpPing.begin(), kTcpPing.end()});
  talk.expect({kTcpPong.begin(), kTcpPong.end()});
  for (const std::size_t bytes : {10U, 3'000U, 40'000U, 400'000U}) {
    expect_echo_of_tcp(talk, std::string(bytes, 'x'));
  }
  return talk;
}

// Over WebSocket: an upgrade in pieces, a message whole and one in fragments.
Talk ws_talk() {
  Talk talk;
  const std::string upgrade = test::upgrade_request("");
  talk.add_in_two({upgrade.begin(), upgrade.end()});
  for (const std::size_t bytes : {10U, 3'000U}) {
    const std::string words(bytes, 'w');
    talk.add_in_two(test::ws_frame(Opcode::kBinary, words));
    talk.add(test::ws_frame(Opcode::kBinary, words, false));
    talk.add(test::ws_frame(Opcode::kContinuation, words));
  }
  return talk;
}

class Session {
 public:
  // The blocks from the first-th on, of those that it takes, are refused.
  Session(std::uint64_t first, std::uint64_t count)
      : it_(1, {}, options(), nullptr, {Transport::kTcp, Transport::kWebSocket}),
        answers_(it_),
        old_(it_.connect(kTcpListener)) {
    it_.kernel.receive_whole();
    auto& failures = pool_failures();
    failures.first = failures.asked + first;
    failures.count = count;
    failures.refused = 0;
  }
  ~Session() { pool_failures().count = 0; }

  // How many blocks have been refused.
  std::uint64_t play() {
    talks_.push_back(tcp_talk());
    talks_.push_back(ws_talk());
    talks_.push_back(tcp_talk());
    talks_[0].peer = &connect(kTcpListener);
    talks_[1].peer = &connect(kWsListener);
    talks_[2].peer = &it_.adopt();  // a link
    for (std::size_t step = 0; step < 20; ++step) {
      for (Talk& talk : talks_) {
        if (step < talk.pieces.size()) talk.peer->send(talk.pieces[step]);
      }
      for (int turn = 0; turn < 5; ++turn) it_.turn();
    }
    const auto is_over = [](const Talk& talk) {
      return talk.peer->saw_end || talk.peer->received.size() >= talk.expected.size();
    };
    it_.turn_until([&] { return std::ranges::all_of(talks_, is_over); }, 1, 3'000);
    check_those_that_were_there();
    pool_failures().count = 0;
    check_others();
    end();
    return pool_failures().refused;
  }

 private:
  FakePeer& connect(std::size_t listener) {
    return it_.kernel.connect(it_.listeners[listener].sockets.port());
  }
  void check_those_that_were_there() {
    for (const Talk& talk : talks_) {
      const std::vector<std::uint8_t>& got = talk.peer->received;
      if (talk.expected.empty() || talk.peer == talks_[2].peer) continue;  // a link's are refused
      const bool is_whole = got == talk.expected;
      const bool is_closed = talk.peer->saw_end || !talk.peer->accepted;
      EXPECT_TRUE(is_whole || is_closed);
      EXPECT_TRUE(got.size() <= talk.expected.size() &&
                  std::equal(got.begin(), got.end(), talk.expected.begin()));
    }
    for (const CloseReason reason : it_.handler.reasons) EXPECT_EQ(reason, CloseReason::kNoMemory);
    EXPECT_FALSE(old_.saw_end);
  }
  // The old one is served, and new ones are, when there is memory again.
  void check_others() {
    old_.send(kTcpPing);
    EXPECT_TRUE(it_.turn_until([&] { return text(old_.received) == text(pong_); }));
    FakePeer& late = connect(kTcpListener);
    late.send(frame(Opcode::kBinary, "late"));
    EXPECT_TRUE(
        it_.turn_until([&] { return late.received == frame(Opcode::kBinary, "late"); }, 50, 100));
  }
  void end() {
    for (const Talk& talk : talks_) talk.peer->reset = true;
    const auto is_empty = [&] {
      return it_.shard.table().clients() == 0 && it_.shard.table().links() == 0;
    };
    for (int i = 0; i < 50; ++i) it_.turn();
    it_.shard.table().for_each_client(
        [&](Connection& one) { it_.shard.abort(one, CloseReason::kDraining); });
    EXPECT_TRUE(it_.turn_until(is_empty, 50));
    it_.expect_idle();
  }

  const std::vector<std::uint8_t> pong_{kTcpPong.begin(), kTcpPong.end()};
  FakeShard it_;
  Answers answers_;
  FakePeer& old_;
  std::vector<Talk> talks_;
};

// Until the session is over before anything is refused.
std::uint64_t play_all(std::uint64_t count) {
  std::uint64_t sessions = 0;
  for (std::uint64_t first = 0; !testing::Test::HasFailure(); ++first) {
    SCOPED_TRACE("block " + std::to_string(first));
    if (Session(first, count).play() == 0) break;
    ++sessions;
  }
  return sessions;
}

TEST(ShardMemory, AShortageIsCountedAndToldUntilItIsOver) {
  FakeShard it(1, {}, options());
  const Counters& counters = it.shard.counters();
  FakePeer& peer = it.connect();
  ASSERT_TRUE(it.turn_until([&] { return it.handler.ticks > 0; }, 20));
  EXPECT_EQ(counters.get(Gauge::kMemoryShort), 0U);
  auto& failures = pool_failures();
  failures.first = failures.asked;
  failures.count = UINT64_MAX / 2;
  peer.send(frame(Opcode::kBinary, std::string(400'000, 'x')));
  EXPECT_TRUE(it.turn_until([&] { return counters.get(Gauge::kMemoryShort) == 1; }, 20));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kNoMemory});
  for (int i = 0; i < 200; ++i) it.turn(20);
  EXPECT_EQ(counters.get(Counter::kMemoryShort), 1U) << "it is still the same one";
  failures.count = 0;
  EXPECT_TRUE(it.turn_until([&] { return counters.get(Gauge::kMemoryShort) == 0; }, 20));
  it.connect();
  EXPECT_EQ(counters.get(Counter::kMemoryShort), 1U);
}

TEST(ShardMemory, AnAcceptForWhichTheKernelHasNoneIsCounted) {
  test::Faults faults;
  faults.accept_short = 1;  // every one, of files or of memory
  FakeShard it(1, faults, options());
  const Counters& counters = it.shard.counters();
  it.kernel.connect();
  EXPECT_TRUE(it.turn_until([&] { return counters.get(Counter::kMemoryShort) >= 5; }, 20));
  EXPECT_GT(counters.get(Counter::kAcceptErrors), counters.get(Counter::kMemoryShort));
  EXPECT_EQ(counters.get(Gauge::kMemoryShort), 0U) << "the shard has some itself";
}

TEST(ShardMemory, WithoutABlockWhoeverItWasForGoesAndTheOthersStay) {
  EXPECT_GT(play_all(1), 50U);
}

TEST(ShardMemory, SoItIsWithoutSeveral) {
  EXPECT_GT(play_all(7), 50U);
}

TEST(ShardMemory, WhileThereIsNoneNobodyIsLetIn) {
  EXPECT_GT(play_all(UINT64_MAX / 2), 50U);
}

}  // namespace
}  // namespace ringgate
