// A message store that runs full while clients talk: whoever was answered with success finds it
// there, the others are told 300, and it goes on by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <vector>

#include "tests/common/small_disk.h"
#include "tests/integration/asking.h"
#include "tests/services/store/sql/full_postgres.h"

namespace ringgate::test {
namespace {

constexpr std::size_t kBody = 6000;
constexpr std::uint32_t kAtOnce = 8;

// What compresses to nothing would find room for long.
std::string much() {
  static std::minstd_rand random{7};  // NOLINT: the same in each run
  std::string text;
  while (text.size() < kBody) text.push_back(static_cast<char>('!' + random() % 90));
  return text;
}

// A client, whom it talks to, and what it was told.
struct Talker {
  Client client;
  std::string receiver;
  std::uint32_t sequence = 1;
  std::vector<std::int64_t> kept = {};
  int refused = 0;
};

// All of them at once, each several times.
void talk_at_once(std::vector<Talker>& talkers) {
  for (Talker& one : talkers) {
    for (std::uint32_t i = 0; i < kAtOnce; ++i) {
      one.client.send(talk(one.receiver, much(), ++one.sequence));
    }
  }
  for (Talker& one : talkers) {
    for (std::uint32_t i = 0; i < kAtOnce; ++i) {
      const Event answer = one.client.frames.next_logic();
      if (answer.header.status() == pkt::Success) {
        one.kept.push_back(answer.parse<pkt::MessageResp>().messageid());
      } else {
        EXPECT_EQ(answer.header.status(), pkt::SystemException);
        ++one.refused;
      }
    }
  }
}

// `empty` makes room.
template <class Empty>
void expect_what_was_answered(const std::string& store, Empty&& empty) {
  constexpr int kTalkers = 6;
  const World world;
  const Server chat(world, "chat", "chat01",
                    {{"MemorySessions", "true"}, {"MessageStore", '"' + store + '"'}});
  const Server gateway(world, "gateway", "g1", {{"Routes", "{login: chat}"}});
  wait_until("ready", [&] { return chat.get("/ready").status == 200; });
  std::vector<Talker> talkers;
  for (int i = 0; i < kTalkers; ++i) {
    const std::string number = std::to_string(i);
    talkers.push_back({log_in(gateway, "talker" + number), "receiver" + number});
  }
  const auto all_refused = [&] {
    return std::ranges::all_of(talkers, [](const Talker& one) { return one.refused > 0; });
  };
  wait_until("it is full for everybody", [&] {
    talk_at_once(talkers);
    return all_refused();
  });
  wait_until("/ready says it", [&] {
    const Server::Reply reply = chat.get("/ready");
    return reply.status == 503 && reply.body.contains("is full");
  });
  empty();
  wait_until("ready again", [&] { return chat.get("/ready").status == 200; });
  for (Talker& one : talkers) one.refused = 0;
  talk_at_once(talkers);
  for (Talker& one : talkers) {
    EXPECT_EQ(one.refused, 0) << one.receiver;
    EXPECT_GT(one.kept.size(), kAtOnce) << one.receiver;
    Client receiver = log_in(gateway, one.receiver);
    std::ranges::sort(one.kept);
    EXPECT_EQ(missed(receiver), one.kept) << one.receiver;
  }
}

TEST(FullMessageStore, OfSqliteHasAllThatWasAnswered) {
  const TempDir folder;
  const SmallDisk disk(folder.path(), "size=8m");
  if (!disk.is_there()) GTEST_SKIP() << "mounting is not allowed";
  const std::filesystem::path filler = folder.path() / "filler";
  std::ofstream(filler, std::ios::binary) << std::string(std::size_t{2} << 20U, 'x');
  expect_what_was_answered("sqlite://" + (folder.path() / "messages.db").string(),
                           [&] { std::filesystem::remove(filler); });
}

TEST(FullMessageStore, OfPostgresqlHasAllThatWasAnswered) {
  FullPostgres full;
  if (!full.is_there()) GTEST_SKIP() << "mounting is not allowed";
  full.fill(std::uint64_t{4} << 20U);
  expect_what_was_answered(full.url(), [&] { full.empty(); });
}

}  // namespace
}  // namespace ringgate::test
