// Links that break, services that leave, and the end: see manager_test.cc for how they come.
#include <algorithm>
#include <set>
#include <vector>

#include "codec/pkt.pb.h"
#include "control/links/manager.h"
#include "tests/control/links/fixture.h"

namespace ringgate {
namespace {

using test::kHandshake;
using test::Links;
using test::LinksOptions;
using test::quick;
using test::tcp_service;
using test::TcpPeer;
using test::TcpService;
using namespace std::chrono_literals;

// --- Links that break ---------------------------------------------------------------------------

TEST(LinkManager, ABrokenLinkIsNotConnectedAndIsDialledAgain) {
  Links links;
  TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  for (int i = 0; i < 5; ++i) {
    TcpPeer link = service.accept();
    EXPECT_EQ(link.read(kHandshake.size()), kHandshake);
    EXPECT_TRUE(links.connected("chat"));
  }
  service.close();
  EXPECT_TRUE(links.not_connected("chat"));
}

TEST(LinkManager, ALaneThatBreaksIsDialledAgainAsThatLane) {
  Links links;
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port(), true)});
  std::vector<TcpPeer> lanes;
  std::vector<std::string> handshakes;
  const auto accept = [&] {
    lanes.push_back(service.accept());
    const auto frame = lanes.back().read_frame();
    handshakes.push_back(frame ? test::framed(frame->opcode, frame->payload) : "");
  };
  accept();
  accept();
  EXPECT_TRUE(links.connected("chat"));
  for (std::size_t i = 0; i < 4; ++i) {
    lanes[i].close();
    accept();
    EXPECT_EQ(handshakes.back(), handshakes[i]);
    EXPECT_TRUE(links.connected("chat"));
  }
}

TEST(LinkManager, ALinkThatNoShardHasRoomForIsDialledAgain) {
  LinksOptions options = quick();
  options.shards = 1;
  options.max_links = 1;
  Links links(options);
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  EXPECT_TRUE(links.connected("chat"));
  links.update("login", {tcp_service("login01", service.port())});
  std::vector<TcpPeer> links_made;  // chat's stays, login's are closed for lack of room
  for (int i = 0; i < 3; ++i) links_made.push_back(service.accept());
  EXPECT_TRUE(links.thread.call([&] { return !links.manager->connected("login"); }));
  const std::string refused =
      links.thread.call([&] { return links.manager->refused().value_or("nobody"); });
  EXPECT_NE(refused.find("login01"), std::string::npos) << refused;
  EXPECT_EQ(refused.find("chat01"), std::string::npos);
  EXPECT_NE(refused.find("MaxLinks"), std::string::npos);
  EXPECT_TRUE(links.thread.eventually(
      [&] { return links.group->shard(0).counters().get(Counter::kLinksRefused) >= 2; }));

  links.update("chat", {});  // which makes room
  links_made.clear();
  EXPECT_TRUE(links.connected("login"));
  EXPECT_FALSE(links.thread.call([&] { return links.manager->refused().has_value(); }));
}

// The n-th wait is at least half of redial_min * 2^n, whatever else the machine does.
TEST(LinkManager, ShortLivedLinksAreDialledLessAndLessOften) {
  LinksOptions options = quick();
  options.manager.redial_min = 8ms;
  options.manager.redial_max = 1h;
  Links links(options);
  const TcpService service;
  const auto begin = std::chrono::steady_clock::now();
  links.update("chat", {tcp_service("chat01", service.port())});
  for (int i = 0; i < 7; ++i) EXPECT_GE(service.accept().fd(), 0);  // and closed at once
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 4ms * (1 + 2 + 4 + 8 + 16 + 32));
}

TEST(LinkManager, TheWaitBetweenDialsHasABound) {
  LinksOptions options = quick();
  options.manager.redial_max = 2ms;
  Links links(options);
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  for (int i = 0; i < 40; ++i) EXPECT_GE(service.accept().fd(), 0);
}

// --- Services that move or go -------------------------------------------------------------------

TEST(LinkManager, AServiceThatMovedIsFollowedAndItsOldLinkDrained) {
  Links links;
  const TcpService old_place;
  const TcpService new_place;
  links.update("chat", {tcp_service("chat01", old_place.port())});
  const TcpPeer old_link = old_place.accept();
  EXPECT_TRUE(links.connected("chat"));
  const std::uint32_t old_upstream = links.upstream_of("chat01");

  links.update("chat", {tcp_service("chat01", new_place.port())});
  EXPECT_TRUE(links.eventually([&] {
    const auto& entries = links.published[0].back().entries;
    return entries.size() == 2 && entries[0].draining != entries[1].draining;
  }));
  const TcpPeer new_link = new_place.accept();
  EXPECT_EQ(new_link.read(kHandshake.size()), kHandshake);
  EXPECT_TRUE(links.connected("chat"));
  links.update("chat", {tcp_service("chat01", new_place.port())});  // changes nothing

  links.drained(0, old_upstream);
  links.drained(1, old_upstream);
  EXPECT_TRUE(links.catalogue_becomes("chat01 young") || links.catalogue_becomes("chat01 adult"));
  EXPECT_TRUE(old_link.ends());
  EXPECT_NE(links.upstream_of("chat01"), old_upstream);
  EXPECT_FALSE(test::readable(new_link.fd(), 0));
  EXPECT_FALSE(new_place.called());
}

TEST(LinkManager, ARemovedServiceIsRetiredWhenEveryShardHasDrainedIt) {
  Links links;
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  const TcpPeer link = service.accept();
  EXPECT_TRUE(links.connected("chat"));
  const std::uint32_t upstream = links.upstream_of("chat01");
  links.drained(0, upstream);  // it is not draining: nothing happens

  links.update("chat", {});
  EXPECT_EQ(links.catalogue(), "chat01 adult draining");
  EXPECT_TRUE(links.not_connected("chat"));
  links.drained(1, upstream);
  links.drained(1, upstream);  // the same shard twice is not both
  EXPECT_EQ(links.catalogue(), "chat01 adult draining");
  EXPECT_EQ(link.read(kHandshake.size()), kHandshake);
  EXPECT_FALSE(test::readable(link.fd(), 0));
  EXPECT_EQ(links.recorder(0).retired, 0);

  links.drained(0, upstream);
  EXPECT_EQ(links.catalogue(), "");
  EXPECT_TRUE(link.ends());
  EXPECT_TRUE(links.eventually(
      [&] { return links.recorder(0).retired == 1 && links.recorder(1).retired == 1; }));
  links.drained(0, upstream);  // late: nothing happens
}

TEST(LinkManager, ARemovedServiceThatIsNeverDrainedIsRetiredAfterDrainTime) {
  LinksOptions options = quick();
  options.manager.drain_time = 50ms;
  Links links(options);
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  const TcpPeer link = service.accept();
  EXPECT_TRUE(links.connected("chat"));
  links.update("chat", {});
  EXPECT_TRUE(link.ends());
  EXPECT_TRUE(links.catalogue_becomes(""));
}

TEST(LinkManager, ANewDrainTimeIsThatOfTheNextRemoval) {
  Links links;  // its own is an hour
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  const TcpPeer link = service.accept();
  EXPECT_TRUE(links.connected("chat"));
  links.thread.call([&] { links.manager->use_drain_time(50ms); });
  links.update("chat", {});
  EXPECT_TRUE(link.ends());
  EXPECT_TRUE(links.catalogue_becomes(""));
}

TEST(LinkManager, ADrainingLinkThatBreaksIsNotDialledAgain) {
  Links links;
  const TcpService service;
  const TcpService marker;
  links.update("chat", {tcp_service("chat01", service.port())});
  TcpPeer link = service.accept();
  EXPECT_TRUE(links.connected("chat"));
  links.update("chat", {});
  link.close();
  EXPECT_TRUE(links.eventually([&] { return links.links(0) + links.links(1) == 0; }));
  // Another that breaks after it and is back would have been dialled later.
  links.update("login", {tcp_service("login01", marker.port())});
  for (int i = 0; i < 8; ++i) EXPECT_GE(marker.accept().fd(), 0);
  EXPECT_FALSE(service.called());
}

TEST(LinkManager, AServiceThatComesBackWhileItDrainsIsDialledAnew) {
  Links links;
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  const TcpPeer first = service.accept();
  links.update("chat", {});
  links.update("chat", {tcp_service("chat01", service.port())});
  const TcpPeer second = service.accept();
  EXPECT_TRUE(links.connected("chat"));
}

// A registry's lists of two names are not one moment's.
TEST(LinkManager, AnIdThatChangesItsNameIsFoundUnderTheNewOne) {
  Links links;
  const TcpService service;
  Instance renamed = tcp_service("chat01", service.port());
  links.update("chat", {renamed});
  EXPECT_TRUE(links.connected("chat"));
  renamed.name = "login";
  links.update("login", {renamed});
  links.update("chat", {});
  EXPECT_TRUE(links.connected("login"));
}

// --- The end ------------------------------------------------------------------------------------

TEST(LinkManager, AfterStopNothingIsDialled) {
  Links links;
  const TcpService service;
  links.update("chat", {tcp_service("chat01", service.port())});
  TcpPeer link = service.accept();
  EXPECT_TRUE(links.connected("chat"));
  links.thread.call([&] { links.manager->stop(); });
  link.close();
  EXPECT_TRUE(links.eventually([&] { return links.links(0) + links.links(1) == 0; }));
  links.update("login", {tcp_service("login01", service.port())});
  bool waited = false;  // longer than a redial takes
  links.thread.call([&] { links.thread.loop().after(40ms, [&] { waited = true; }); });
  EXPECT_TRUE(links.eventually([&] { return waited; }));
  EXPECT_FALSE(service.called());
  EXPECT_EQ(links.catalogue(), "chat01 adult");
}

TEST(LinkManager, ItEndsInTheMiddleOfEverything) {
  const TcpService service(0, 1000);
  TcpService refusing;
  const std::uint16_t refused = refusing.port();
  refusing.close();
  const auto before = test::open_fds();
  for (int round = 0; round < 20; ++round) {
    Links links;
    std::vector<Instance> services;
    for (int i = 0; i < 4; ++i) {
      const std::string number = std::to_string(i);
      services.push_back(tcp_service("a" + number, service.port(), true));
      services.push_back(tcp_service("b" + number, refused));
      services.push_back(tcp_service("c" + number, service.port()));
      services.back().address = "localhost";
    }
    links.update("chat", services);
    // Further in each round: dialling, connected, broken, drained, redialled.
    for (int i = 0; i < round / 2; ++i) EXPECT_GE(service.accept().fd(), 0);
    services.resize(6);
    if (round % 2 == 0) links.update("chat", services);
    if (round % 3 == 0) links.thread.call([&] { links.manager->stop(); });
  }
  EXPECT_EQ(test::open_fds(), before);
}

}  // namespace
}  // namespace ringgate
