// The shard's state machine under random scripts, random completions and random faults. What must
// never happen is checked by the fake kernel, by RandomHandler and by check_received().
#include <memory>
#include <vector>

#include "tests/dataplane/session_script.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::Faults;
using test::Random;
using test::RandomHandler;
using test::ScriptedPeer;

ShardOptions random_options(Random& random) {
  ShardOptions options = test::small_shard();
  options.max_clients = static_cast<std::uint32_t>(random.between(1, 30));
  options.max_links = 8;
  options.max_held_bytes = random.between(100, 5000);
  options.limits[0].max_queued_bytes = random.between(4000, 40'000);
  options.max_answer_bytes = random.between(0, 80'000);
  options.limits[0].max_frame_bytes = 4000;
  options.limits[1].max_frame_bytes = 1 << 20;
  if (!random.one_in(4)) options.poll_after_ms = static_cast<std::uint32_t>(random.between(1, 20));
  options.client_share = static_cast<std::uint32_t>(random.between(1, 300));
  options.link_share = static_cast<std::uint32_t>(random.between(1, 300));
  options.long_turn = static_cast<std::uint32_t>(random.between(1, 300));
  if (random.one_in(3)) {
    options.client_frames_per_s = static_cast<std::uint32_t>(random.between(2, 300));
    options.client_bytes_per_s = static_cast<std::uint32_t>(random.between(500, 50'000));
    options.limits_dry_run = random.one_in(4);
  }
  if (random.one_in(4)) {
    options.accepts_per_s = static_cast<std::uint32_t>(random.between(5, 500));
  }
  options.sweep_ms = static_cast<std::uint32_t>(random.between(2, 50));
  options.sweep_parts = static_cast<std::uint32_t>(random.between(1, 10));
  options.ring.client_buffers = static_cast<unsigned>(random.between(2, 16));
  options.ring.client_buffer_bytes = static_cast<unsigned>(random.between(3, 600));
  return options;
}

Faults random_faults(Random& random) {
  const auto maybe = [&](std::size_t last) {
    return random.one_in(3) ? 0u : static_cast<unsigned>(random.between(3, last));
  };
  Faults faults;
  faults.stall = random.one_in(4) ? 0 : static_cast<unsigned>(random.between(2, 4));
  faults.short_send = maybe(8);
  faults.broken_send = random.one_in(2) ? 0 : static_cast<unsigned>(random.between(100, 400));
  faults.no_buffers = maybe(10);
  faults.recv_ends = maybe(10);
  faults.accept_fails = maybe(10);
  faults.accept_short = maybe(10);
  faults.poll_lies = maybe(10);
  faults.poll_fails = maybe(10);
  return faults;
}

class Story {
 public:
  explicit Story(std::uint64_t seed)
      : random_(seed),
        handler_(random_),
        it_(seed + 1'000'000, random_faults(random_), random_options(random_), &handler_) {}

  void run() {
    const std::size_t turns = random_.between(200, 1200);
    for (std::size_t i = 0; i < turns && !testing::Test::HasFailure(); ++i) {
      if (peers_.size() < 60 && random_.one_in(10)) add_peer();
      for (const auto& peer : peers_) {
        if (peer->peer().accepted && random_.one_in(2)) peer->step();
      }
      turn(random_.one_in(5) ? 5 : 0);
    }
    wind_down();
  }
  [[nodiscard]] std::uint64_t count(Counter counter) const {
    return it_.shard.counters().get(counter);
  }

 private:
  void add_peer() {
    const bool link = random_.one_in(6) && it_.shard.table().links() < 8;
    FakePeer& peer = link ? it_.adopt() : it_.kernel.connect();
    peers_.push_back(std::make_unique<ScriptedPeer>(peer, random_, link));
  }

  void turn(unsigned wait_ms) {
    it_.turn(wait_ms);
    const ShardOptions& options = it_.shard.options();
    const auto within_bound = [&](Connection& connection) {
      const auto role = static_cast<std::size_t>(connection.role);
      const std::size_t bound = options.limits[role].max_queued_bytes;
      // Who ends may have been behind with what it asked for.
      const bool may_have_answers = connection.full || !connection.open();
      // One packet may go past the bound, a shared one with the head before it.
      ASSERT_LE(connection.output.queued_bytes(),
                (may_have_answers ? std::max(bound, options.max_answer_bytes) : bound) + 3000);
    };
    it_.shard.table().for_each_client(within_bound);
    it_.shard.table().for_each_link(within_bound);
  }

  // Everyone leaves; a peer that reads no more ends by the write timeout.
  void wind_down() {
    handler_.calm();
    handler_.release_all();
    for (const auto& peer : peers_) peer->stop();
    for (int i = 0; i < 100'000 && !testing::Test::HasFailure(); ++i) {
      turn(20);
      if (it_.kernel.waiting_peers() == 0 && it_.shard.table().clients() == 0 &&
          it_.shard.table().links() == 0) {
        break;
      }
    }
    handler_.drop_block();
    it_.expect_idle();
    EXPECT_EQ(handler_.sessions().size(), peers_.size());
    for (const auto& peer : peers_) {
      if (testing::Test::HasFailure()) return;
      const RandomHandler::Session& session = handler_.sessions().at(peer->peer().id);
      EXPECT_EQ(session.closes, 1);
      test::check_received(*peer, session);
    }
  }

  Random random_;
  RandomHandler handler_;
  FakeShard it_;
  std::vector<std::unique_ptr<ScriptedPeer>> peers_;
};

TEST(ShardProperty, HoldsUnderRandomScriptsAndFaults) {
  std::uint64_t idle_polls = 0;
  std::uint64_t deferred = 0;
  std::uint64_t throttled = 0;
  std::uint64_t full = 0;
  test::for_each_seed(300, [&](std::uint64_t seed) {
    Story story(seed);
    story.run();
    idle_polls += story.count(Counter::kIdlePolls);
    deferred += story.count(Counter::kDeferred);
    throttled += story.count(Counter::kThrottled);
    full += story.count(Counter::kClientsFull);
  });
  EXPECT_GT(deferred, 100U);
  EXPECT_GT(throttled, 10U);
  EXPECT_GT(full, 3U);
  RecordProperty("idle_polls", std::to_string(idle_polls));
  std::printf("%llu receives were given up for a poll\n",
              static_cast<unsigned long long>(idle_polls));
}

}  // namespace
}  // namespace ringgate
