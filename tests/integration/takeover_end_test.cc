// --takeover where the old process is about to end, or ends by itself meanwhile: whatever comes
// first, somebody serves.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "dataplane/listener.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"
#include "tests/integration/takeover_world.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

class TakeoverOfOneThatEnds : public testing::Test {
 protected:
  // Of a world of its own, a process finds no login service.
  ProcessUnderTest start_elsewhere() {
    return ProcessUnderTest(ProcessUnderTest::ringgate(
        {"gateway", "-c", elsewhere_.config("gateway", "g1", settings_), "--takeover"}));
  }
  [[nodiscard]] std::uint16_t port_of(const std::string& key) const {
    const std::string& text = settings_.at(key);
    return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
  }
  // The drain of that gateway takes until the answer.
  Client ask_for_long(const Server& gateway, Link& login, Link& chat) {
    Client client = log_in(gateway, login, "alice");
    client.send(packet(header("chat.long", 7), "how long?"));
    asked_ = chat.request("chat.long");
    return client;
  }
  void let_go(Client& client, Link& chat) {
    chat.respond(asked_, "until now");
    EXPECT_TRUE(client.next().is_answer(7));
    EXPECT_TRUE(sends_away(client.next()));
    client.frames.socket().close();
  }

  World world_;
  World elsewhere_;
  Settings settings_ = on_fixed_ports({{"DrainTime", "50s"}});
  RawService login_service_{world_, "login01", "login"};
  RawService chat_service_{world_, "chat01", "chat"};
  Event asked_;
};

TEST_F(TakeoverOfOneThatEnds, WhileItListensItGivesItsPortsAndGoesOnDraining) {
  settings_["DrainDelay"] = "10m";
  Server old(world_, "gateway", "g1", settings_);
  Link old_link = login_service_.accept();
  Client alice = log_in(old, old_link, "alice");
  old.process().signal(SIGTERM);
  old.process().wait_for_line("draining");
  Server fresh = next_of(world_, "g1", settings_);
  Link fresh_link = login_service_.accept();
  EXPECT_EQ(fresh.get("/health").status, 200);
  log_in(fresh, fresh_link, "bob");
  EXPECT_TRUE(sends_away(alice.next())) << "there is nothing more to wait for";
  alice.frames.socket().close();
  EXPECT_EQ(old.process().wait_exit(), 0);
  wait_until("it is registered", [&] { return entry_of(world_, "g1").has_value(); });
}

TEST_F(TakeoverOfOneThatEnds, LaterItGivesTheOthers) {
  Server old(world_, "gateway", "g1", settings_);
  Link old_link = login_service_.accept();
  Link old_chat = chat_service_.accept();
  Client alice = ask_for_long(old, old_link, old_chat);
  old.process().signal(SIGTERM);
  old.process().wait_for_line("clients are told to go");
  Server fresh = next_of(world_, "g1", settings_);
  Link fresh_link = login_service_.accept();
  Link fresh_chat = chat_service_.accept();
  EXPECT_EQ(fresh.get("/health").status, 200);
  fresh.process().wait_for_line("admin http://127.0.0.1:" + settings_.at("AdminPort"));
  log_in(fresh, fresh_link, "bob");
  let_go(alice, old_chat);
  EXPECT_EQ(old.process().wait_exit(), 0);
}

TEST_F(TakeoverOfOneThatEnds, OneThatIsKilledIsReplacedAsByAnyStart) {
  Server old(world_, "gateway", "g1", settings_);
  Link link = login_service_.accept();
  ProcessUnderTest fresh = start_elsewhere();
  fresh.wait_for_line("serves as");
  old.process().signal(SIGKILL);
  old.process().wait_exit();
  fresh.wait_for_line("has ended by itself");
  fresh.wait_for_line("listening tcp");
  RawService login(elsewhere_, "login02", "login");
  Link fresh_link = login.accept();
  EXPECT_EQ(fresh_link.handshake().serviceid(), "g1--1");
}

TEST_F(TakeoverOfOneThatEnds, OneThatBeginsToDrainIsNotWaitedFor) {
  Server old(world_, "gateway", "g1", settings_);
  Link link = login_service_.accept();
  Link chat = chat_service_.accept();
  Client alice = ask_for_long(old, link, chat);
  ProcessUnderTest fresh = start_elsewhere();
  fresh.wait_for_line("serves as");
  old.process().signal(SIGTERM);
  fresh.wait_for_line("listening tcp");
  fresh.wait_for_line("monitor http");
  let_go(alice, chat);
  EXPECT_EQ(old.process().wait_exit(), 0);
}

// Wherever in its start the new one is.
TEST_F(TakeoverOfOneThatEnds, AtAnyTimeSomebodyServes) {
  const Server login(elsewhere_, "login", "login01", {{"MemorySessions", "true"}});
  int account = 0;
  for (const char* const at : {"", "", "serves as", "listening tcp"}) {
    Server old(elsewhere_, "gateway", "g1", settings_);
    ProcessUnderTest fresh = start_elsewhere();
    if (*at != '\0') fresh.wait_for_line(at);
    old.process().signal(SIGTERM);
    EXPECT_EQ(old.process().wait_exit(), 0);
    fresh.wait_for_line("listening tcp");
    fresh.wait_for_line("monitor http");
    FrameSocket client(Socket::connect(port_of("Listen")));
    client.send(test::login(token("alice" + std::to_string(++account))));
    EXPECT_TRUE(client.next().is_answer(1)) << at;
    fresh.signal(SIGKILL);
    fresh.wait_exit();
    // The kernel lets go of what a ring accepted from a moment after its process has ended.
    wait_until("the port is free", [&] {
      return ListenerSet::open({"127.0.0.1", port_of("Listen")}, 1, false).has_value();
    });
  }
}

TEST_F(TakeoverOfOneThatEnds, ASocketsFileGoesWithTheOneThatIsNotReplaced) {
  const std::string path = (world_.folder().path() / "g.sock").string();
  Settings both = settings_;
  both["Listen"] = R"([")" + settings_.at("Listen") + R"(", "unix:)" + path + R"("])";
  Server old(world_, "gateway", "g1", both);
  ASSERT_TRUE(std::filesystem::is_socket(path));
  const Server fresh = next_of(world_, "g1", settings_);
  EXPECT_EQ(old.process().wait_exit(), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(TakeoverOfOneThatEnds, AListenerThatBecomesOneOfAllAddressesNeedsTheEnd) {
  const Server old(world_, "gateway", "g1", settings_);
  Settings open = settings_;
  open["Listen"] = "\":" + std::to_string(port_of("Listen")) + "\"";
  const Ended fresh = run({"gateway", "-c", world_.config("gateway", "g1", open), "--takeover"});
  EXPECT_EQ(fresh.code, 1);
  EXPECT_THAT(fresh.output, HasSubstr("needs the old one to end first"));
  EXPECT_EQ(old.get("/health").status, 200);
}

}  // namespace
}  // namespace ringgate::test
