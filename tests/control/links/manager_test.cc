#include "control/links/manager.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <set>

#include "codec/pkt.pb.h"
#include "tests/control/links/fixture.h"

namespace {

std::atomic<bool> ports_are_used_up = false;
std::atomic<int> refused_connects = 0;

}  // namespace

// In place of the C library's: while a test says so there is no local port for it.
extern "C" int connect(int fd, const sockaddr* address, socklen_t bytes) {
  using Connect = int (*)(int, const sockaddr*, socklen_t);
  static const auto real = reinterpret_cast<Connect>(dlsym(RTLD_NEXT, "connect"));
  if (!ports_are_used_up) return real(fd, address, bytes);
  ++refused_connects;
  errno = EADDRNOTAVAIL;
  return -1;
}

namespace ringgate {
namespace {

using test::kHandshake;
using test::kHandshakeLane1;
using test::Links;
using test::LinksOptions;
using test::print;
using test::quick;
using test::tcp_service;
using test::TcpPeer;
using test::TcpService;
using namespace std::chrono_literals;

// --- What services say of themselves -------------------------------------------------------------

// Nonsense would refuse every login that is to go there.
TEST(LinkManager, ABoundOfFramesThatIsNoneIsIgnored) {
  Links links;
  TcpService service;
  const std::pair<const char*, std::size_t> cases[] = {
      {"8192", 8192},     {"4096", 4096}, {"4095", SIZE_MAX}, {"0", SIZE_MAX},
      {"-1", SIZE_MAX},   {"", SIZE_MAX}, {"8KiB", SIZE_MAX}, {"99999999999999999999", SIZE_MAX},
      {"9000 ", SIZE_MAX}};
  for (const auto& [text, bytes] : cases) {
    Instance entry = tcp_service("chat01", service.port());
    entry.meta["max_frame"] = text;
    links.update("chat", {entry});
    EXPECT_TRUE(links.eventually([&] {
      return !links.published[0].empty() && links.published[0].back().entries.size() == 1 &&
             links.published[0].back().entries[0].max_frame_bytes == bytes;
    })) << text;
  }
}

// Whoever asks for the status and finds it up may send a login at once.
TEST(LinkManager, ALinkIsShownAsUpOnceItsShardsCanUseIt) {
  Links links;
  const auto state = [&] {
    return links.thread.call([&] { return links.manager->instances()[0].lanes[0].state; });
  };
  std::promise<LaneState> while_it_came;
  for (std::uint32_t shard = 0; shard < 2; ++shard)
    links.recorder(shard).adopting = [&] { while_it_came.set_value(state()); };
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  EXPECT_EQ(while_it_came.get_future().get(), LaneState::kDialling);
  EXPECT_TRUE(links.connected("chat"));
  EXPECT_EQ(state(), LaneState::kUp);
}

// --- Services that were killed and started again -------------------------------------------------

// On the same port, with nothing new but the time of its start.
TEST(LinkManager, AServiceThatRegistersAgainIsDialledAtOnce) {
  const auto begun = std::chrono::system_clock::now();
  LinksOptions options = quick();
  options.manager.redial_min = 1h;  // nobody else's patience
  options.manager.redial_max = 1h;
  Links links(options);
  TcpService service;
  const std::uint16_t port = service.port();
  service.close();
  Instance entry = tcp_service("chat01", port);
  entry.meta["started"] = "1";
  links.update("chat", {entry});
  InstanceStatus::Lane failed;
  EXPECT_TRUE(links.eventually([&] {
    const auto instances = links.manager->instances();
    if (instances.size() == 1) failed = instances[0].lanes[0];
    return !failed.last_error.empty();
  }));
  EXPECT_GE(failed.last_error_at, begun);
  const UniqueFd again(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = test::loopback(port);
  ASSERT_EQ(bind(again.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(again.get(), 8), 0);
  entry.meta["started"] = "2";
  links.update("chat", {entry});
  EXPECT_TRUE(links.connected("chat"));
  // What was wrong stays known, as of then.
  const auto up = links.thread.call([&] { return links.manager->instances()[0].lanes[0]; });
  EXPECT_EQ(up.state, LaneState::kUp);
  EXPECT_EQ(up.last_error, failed.last_error);
  EXPECT_EQ(up.last_error_at, failed.last_error_at);
}

// --- Who is adult -------------------------------------------------------------------------------

TEST(LinkManager, ThoseOfTheFirstListAreAdultAndLaterOnesGrowUp) {
  Links links;
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  EXPECT_EQ(links.catalogue(), "chat01 adult");
  links.update("chat",
               {tcp_service("chat01", service.port()), tcp_service("chat02", service.port())});
  // It was young when it was found, whatever it is by now.
  EXPECT_TRUE(links.eventually([&] {
    return std::ranges::any_of(links.published[0], [](const Catalogue& catalogue) {
      return print(catalogue) == "chat01 adult, chat02 young";
    });
  }));
  EXPECT_TRUE(links.catalogue_becomes("chat01 adult, chat02 adult"));
}

TEST(LinkManager, AServiceFoundAfterAnEmptyFirstListIsYoung) {
  LinksOptions options = quick();
  options.manager.young_for = 1h;
  Links links(options);
  const TcpService service;
  links.update("chat", {});
  links.update("chat", {tcp_service("chat01", service.port())});
  EXPECT_EQ(links.catalogue(), "chat01 young");
  // The first list of another name is another first list.
  links.update("login", {tcp_service("login01", service.port())});
  EXPECT_EQ(links.catalogue(), "chat01 young, login01 adult");
}

TEST(LinkManager, WithoutATimeToGrowUpAllAreAdult) {
  LinksOptions options = quick();
  options.manager.young_for = 0ms;
  Links links(options);
  const TcpService service;
  links.update("chat", {});
  links.update("chat", {tcp_service("chat01", service.port())});
  EXPECT_EQ(links.catalogue(), "chat01 adult");
}

TEST(LinkManager, AServiceThatGoesWhileYoungDoesNotGrowUp) {
  Links links;
  const TcpService service;
  links.update("chat", {});
  links.update("chat", {tcp_service("chat01", service.port())});
  links.update("chat", {tcp_service("chat02", service.port())});
  EXPECT_TRUE(links.catalogue_becomes("chat01 young draining, chat02 adult"));
}

// --- The catalogue ------------------------------------------------------------------------------

TEST(LinkManager, CataloguesAreSortedAndNumberedUpwardsAndTheSameForAllShards) {
  Links links;
  const TcpService service;
  const std::uint16_t port = service.port();
  links.update("login", {tcp_service("login02", port), tcp_service("login01", port)});
  links.update("chat", {tcp_service("chat9", port), tcp_service("chat10", port)});
  links.update("chat", {tcp_service("chat10", port)});
  EXPECT_EQ(links.catalogue(), "chat10 adult, chat9 adult draining, login01 adult, login02 adult");
  links.thread.call([&] {
    ASSERT_EQ(links.published[0].size(), 3u);
    for (std::size_t i = 0; i < links.published[0].size(); ++i) {
      EXPECT_EQ(links.published[0][i].version, i + 1);
      EXPECT_EQ(links.published[1][i].version, i + 1);
      EXPECT_EQ(print(links.published[0][i]), print(links.published[1][i]));
    }
    EXPECT_EQ(links.published[0].back().entries[0].name, "chat");
  });
}

TEST(LinkManager, ACatalogueLivesUntilEveryShardHasANewerOne) {
  Links links;
  const TcpService service;
  links.recorder(1).acknowledges = false;
  std::vector<Instance> services;
  for (int i = 0; i < 50; ++i) {
    services.push_back(tcp_service("chat" + std::to_string(i), service.port()));
    links.update("chat", services);
  }
  const auto looked_on = [&](std::uint32_t shard) {
    const std::uint64_t before = links.recorder(shard).looks;
    return links.eventually([&, before] { return links.recorder(shard).looks > before + 3; });
  };
  EXPECT_TRUE(looked_on(0));
  EXPECT_TRUE(looked_on(1));
  links.recorder(1).acknowledges = true;
  links.update("chat", {});
  EXPECT_TRUE(looked_on(1));
  EXPECT_FALSE(links.recorder(0).spoiled);
  EXPECT_FALSE(links.recorder(1).spoiled);
}

// --- Dialling -----------------------------------------------------------------------------------

TEST(LinkManager, AServiceGetsOneLinkThatSaysWhoseItIs) {
  Links links;
  const TcpService service;
  EXPECT_FALSE(links.thread.call([&] { return links.manager->connected("chat"); }));
  links.update("chat", {tcp_service("chat01", service.port())});
  const TcpPeer link = service.accept();
  EXPECT_EQ(link.read(kHandshake.size()), kHandshake);
  EXPECT_TRUE(links.connected("chat"));
  EXPECT_FALSE(test::readable(link.fd(), 0)) << "more than a handshake";
  EXPECT_FALSE(service.called()) << "more than one link";
  EXPECT_EQ(links.links(0) + links.links(1), 1u);
  EXPECT_GT(links.thread.call([&] { return links.changes; }), 0);
}

TEST(LinkManager, LinksAreSpreadOverTheShards) {
  Links links;
  const TcpService service;
  std::vector<Instance> services;
  for (int i = 0; i < 6; ++i) {
    services.push_back(tcp_service("chat" + std::to_string(i), service.port()));
  }
  links.update("chat", services);
  EXPECT_TRUE(links.eventually([&] { return links.links(0) == 3 && links.links(1) == 3; }));
}

TEST(LinkManager, AServiceWithLanesGetsOneLinkPerShard) {
  Links links;
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port(), true)});
  std::multiset<std::string> handshakes;
  std::vector<TcpPeer> lanes;
  for (int i = 0; i < 2; ++i) {
    lanes.push_back(service.accept());
    const auto frame = lanes.back().read_frame();
    ASSERT_TRUE(frame);
    handshakes.insert(test::framed(frame->opcode, frame->payload));
  }
  EXPECT_EQ(handshakes, (std::multiset{kHandshake, kHandshakeLane1}));
  EXPECT_TRUE(links.connected("chat"));
  EXPECT_TRUE(links.eventually([&] { return links.links(0) == 1 && links.links(1) == 1; }));
  EXPECT_FALSE(service.called());
}

TEST(LinkManager, NoLanesWhereTheyAreNotWantedOrMakeNoSense) {
  for (const bool wanted : {false, true}) {
    LinksOptions options = quick();
    options.manager.lanes = wanted;
    if (wanted) options.shards = 1;
    Links links(options);
    const TcpService service;
    links.update("chat", {tcp_service("chat01", service.port(), true)});
    const TcpPeer link = service.accept();
    EXPECT_EQ(link.read(kHandshake.size()), kHandshake);
    EXPECT_TRUE(links.connected("chat"));
    EXPECT_FALSE(service.called());
  }
}

TEST(LinkManager, OnlyTcpServicesAreDialled) {
  Links links;
  const TcpService web;
  const TcpService service;
  Instance other = tcp_service("chat01", web.port());
  other.protocol = "ws";
  links.update("chat", {other, tcp_service("chat02", service.port())});
  EXPECT_TRUE(links.connected("chat"));
  EXPECT_EQ(links.catalogue(), "chat02 adult");
  EXPECT_FALSE(web.called());
  // One that is no tcp service any more is drained.
  Instance changed = tcp_service("chat02", service.port());
  changed.protocol = "ws";
  links.update("chat", {changed});
  EXPECT_EQ(links.catalogue(), "chat02 adult draining");
}

TEST(LinkManager, AServiceThatNobodyListensForIsDialledUntilItIsThere) {
  Links links;
  TcpService gone;
  const std::uint16_t port = gone.port();
  gone.close();
  links.update("chat", {tcp_service("chat01", port)});
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = test::loopback(port);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 4), 0);
  EXPECT_TRUE(links.connected("chat"));
}

// Told once, however often it is tried; and links that are up stay.
TEST(LinkManager, WithoutALocalPortItIsTriedAgainUntilThereIsOne) {
  Links links;
  TcpService first;
  TcpService second;
  links.update("chat", {tcp_service("chat01", first.port())});
  ASSERT_TRUE(links.connected("chat"));
  ports_are_used_up = true;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  links.update("login", {tcp_service("login01", second.port())});
  EXPECT_TRUE(links.eventually([] { return refused_connects >= 4; }));
  EXPECT_TRUE(links.connected("chat"));
  ports_are_used_up = false;
  EXPECT_TRUE(links.connected("login"));
  const std::string told =
      testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  const std::string why = "no local address or port is left";
  const std::size_t once = told.find(why);
  EXPECT_NE(once, std::string::npos) << told;
  EXPECT_EQ(told.find(why, once + 1), std::string::npos) << told;
}

// --- A registry that has lost its memory, or does not let us see --------------------------------

TEST(LinkManager, AnEmptyListRemovesNoInstanceWhoseLinkIsUp) {
  LinksOptions options = quick();
  options.manager.empty_list_hold = 1h;
  Links links(options);
  const TcpService service;
  TcpService refusing;
  const std::uint16_t refused = refusing.port();
  refusing.close();
  links.update("chat", {tcp_service("chat01", service.port()), tcp_service("chat02", refused)});
  EXPECT_TRUE(links.connected("chat"));
  links.update("chat", {});
  // The one that was down is given up.
  EXPECT_TRUE(links.catalogue_becomes("chat01 adult, chat02 adult draining"));
  // What comes back piece by piece is believed as to what is in it.
  links.update("chat", {tcp_service("chat03", service.port())});
  EXPECT_EQ(links.catalogue(), "chat01 adult, chat02 adult draining, chat03 young");
}

// The first word after an outage: a list that lacks an instance whose link is up.
TEST(LinkManager, APartialListRemovesNoInstanceWhoseLinkIsUp) {
  LinksOptions options = quick();
  options.manager.empty_list_hold = 1h;
  Links links(options);
  const TcpService service;
  const std::vector<Instance> both = {tcp_service("chat01", service.port()),
                                      tcp_service("chat02", service.port())};
  links.update("chat", both);
  EXPECT_TRUE(links.eventually([&] {
    return std::ranges::all_of(links.manager->instances(), [](const InstanceStatus& one) {
      return one.lanes.front().state == LaneState::kUp;
    });
  }));
  links.update("chat", {both[1]}, true);
  EXPECT_EQ(links.catalogue(), "chat01 adult, chat02 adult");
  links.update("chat", both);  // it is whole again, and from now on believed
  links.update("chat", {both[1]});
  EXPECT_TRUE(links.catalogue_becomes("chat01 adult draining, chat02 adult"));
}

TEST(LinkManager, AnEmptyListIsBelievedInTheEnd) {
  LinksOptions options = quick();
  options.manager.empty_list_hold = 20ms;
  Links links(options);
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  EXPECT_TRUE(links.connected("chat"));
  links.update("chat", {});
  EXPECT_TRUE(links.catalogue_becomes("chat01 adult draining"));
}

TEST(LinkManager, AnInstanceThatIsListedAgainStays) {
  LinksOptions options = quick();
  options.manager.empty_list_hold = 20ms;
  Links links(options);
  const TcpService service;
  const std::vector<Instance> chat = {tcp_service("chat01", service.port())};
  links.update("chat", chat);
  EXPECT_TRUE(links.connected("chat"));
  links.update("chat", {});
  links.update("chat", chat);
  bool waited = false;  // longer than the hold would have taken
  links.thread.call([&] { links.thread.loop().after(60ms, [&] { waited = true; }); });
  EXPECT_TRUE(links.eventually([&] { return waited; }));
  EXPECT_EQ(links.catalogue(), "chat01 adult");
}

}  // namespace
}  // namespace ringgate
