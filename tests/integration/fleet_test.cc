// What operators do on all gateways at once, and on one: evacuate, kick, drain.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "services/cli/asked_by.h"
#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"
#include "tests/integration/tls_files.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Two gateways of one registry.
class Fleet : public testing::Test {
 protected:
  static Settings settings(std::uint16_t admin) {
    return {{"Routes", "{login: login}"}, {"AdminPort", std::to_string(admin)}, {"Shards", "2"}};
  }
  // They enter themselves once they serve, and are found then.
  void SetUp() override {
    for (const char* id : {"g1", "g2"}) wait_registered(id);
  }
  void wait_registered(const std::string& id) const {
    wait_until(id + " is registered", [&] {
      std::ostringstream text;
      text << std::ifstream(world_.registry_file()).rdbuf();
      return text.str().find('"' + id + '"') != std::string::npos;
    });
  }
  Ended command(std::vector<std::string> words) {
    words.insert(words.begin() + 1, {"-c", file_});
    return run(words);
  }
  // Of each gateway that did it the log says what, and whose doing it was.
  static void expect_who_asked(Server& gateway, const std::string& what) {
    EXPECT_THAT(gateway.process().wait_for_line(what), HasSubstr("&by=" + asked_by()));
  }
  static std::vector<Client> log_in_many(const Server& gateway, const std::string& prefix,
                                         int count) {
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) {
      clients.push_back(log_in(gateway, prefix + std::to_string(i)));
    }
    return clients;
  }

  World world_;
  Server login_{world_, "login", "login01", {{"MemorySessions", "true"}}};
  std::uint16_t admin_ = free_port();
  Server one_{world_, "gateway", "g1", settings(admin_)};
  Server two_{world_, "gateway", "g2", settings(free_port())};
  std::string file_ = world_.config("gateway", "operator", settings(free_port()));
};

TEST_F(Fleet, AnEvacuationLeavesSoManyOnEachAndTellsTheNewestToComeAgain) {
  std::vector<Client> clients = log_in_many(one_, "a", 6);
  std::vector<Client> others = log_in_many(two_, "b", 2);
  const Ended ended = command({"evacuate", "--to", "2", "--pace", "1000", "--at", "127.0.0.1:9"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("g1: 6 clients, 4 are told to go at 1000 a second"),
                                  HasSubstr("g2: 2 clients, 0 are told to go")));
  one_.wait_metric_is("ringgate_closed_by_reason_total", 4, "evacuated");
  EXPECT_THAT(one_.process().wait_for_line("evacuation done"), HasSubstr("4 of 4"));
  expect_who_asked(one_, "POST /evacuate?to=2&pace=1000");
  int stay = 0;
  for (Client& client : clients) {
    client.send(ping());
    const Event event = client.next();
    if (event.kind == Event::Kind::kPong) {
      ++stay;
      continue;
    }
    EXPECT_THAT(event.payload, AllOf(testing::StartsWith("evacuated; retry_in_ms="),
                                     testing::EndsWith("; at=127.0.0.1:9")));
  }
  EXPECT_EQ(stay, 2);
}

TEST_F(Fleet, AnEvacuationIsAborted) {
  std::vector<Client> clients = log_in_many(one_, "a", 6);
  EXPECT_EQ(command({"evacuate", "--to", "0", "--pace", "1", "--id", "g1"}).code, 0);
  const Ended ended = command({"evacuate", "--abort", "--id", "g1"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  one_.process().wait_for_line("evacuation aborted");
  EXPECT_GE(one_.metric("ringgate_channels"), 1);
}

TEST_F(Fleet, AnAbortOfNothingSaysSo) {
  const Ended ended = command({"evacuate", "--abort", "--id", "g1"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("g1: 0 clients, nothing was under way"));
  std::vector<Client> clients = log_in_many(one_, "a", 2);
  EXPECT_EQ(command({"evacuate", "--to", "0", "--pace", "1", "--id", "g1"}).code, 0);
  EXPECT_THAT(command({"evacuate", "--abort", "--id", "g1"}).output, HasSubstr("were told to go"));
  one_.process().wait_for_line("evacuation aborted");
  EXPECT_THAT(command({"evacuate", "--abort", "--id", "g1"}).output,
              HasSubstr("nothing was under way"));
}

TEST_F(Fleet, ADrainEndsAnEvacuationAndTakesNoOther) {
  const std::uint16_t port = free_port();
  Settings slow = settings(port);
  slow["DrainDelay"] = "1m";
  Server three(world_, "gateway", "g3", slow);
  const std::string admin = "127.0.0.1:" + std::to_string(port);
  std::vector<Client> clients = log_in_many(three, "a", 3);
  EXPECT_EQ(run({"evacuate", "--gateway", admin, "--to", "0", "--pace", "1"}).code, 0);
  EXPECT_EQ(run({"drain", "--gateway", admin}).code, 0);
  EXPECT_THAT(three.process().wait_for_line("evacuation aborted"), HasSubstr(" of 3"));
  const Ended refused = run({"evacuate", "--gateway", admin, "--to", "1"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.output, AllOf(HasSubstr("409"), HasSubstr("drains")));
}

TEST_F(Fleet, OfOneThatDoesNotAnswerItIsNotKnownWhetherItStillDoesIt) {
  two_.process().freeze();
  const Ended ended = command({"kick", "--account", "alice"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("g1: 0 kicked"),
                                  HasSubstr("g2: has not answered in time; it may still do it")));
}

TEST_F(Fleet, AKickIsWhereverTheAccountIs) {
  Client alice = log_in(two_, "alice");
  Client bob = log_in(one_, "bob");
  const Ended ended = command({"kick", "--account", "alice"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("g1: 0 kicked"), HasSubstr("g2: 1 kicked")));
  EXPECT_EQ(alice.next().parse<pkt::KickoutNotify>().channelid(), alice.channel);
  for (Server* const each : {&one_, &two_}) expect_who_asked(*each, "POST /kick?account=alice");
  bob.send(ping());
  EXPECT_EQ(bob.next().kind, Event::Kind::kPong);
}

TEST_F(Fleet, ADrainIsOfThoseThatAreNamed) {
  EXPECT_EQ(command({"drain"}).code, 2) << "nobody ends all of them by forgetting a flag";
  Client alice = log_in(two_, "alice");
  Client bob = log_in(one_, "bob");
  const Ended ended = command({"drain", "--id", "g2", "--at", "127.0.0.1:9"});
  EXPECT_EQ(ended.code, 0) << ended.output;
  const Event close = alice.next();
  EXPECT_TRUE(sends_away(close)) << close;
  EXPECT_THAT(close.payload, testing::EndsWith("; at=127.0.0.1:9"));
  expect_who_asked(two_, "POST /drain?at=127.0.0.1");
  EXPECT_THAT(one_.process().output(), Not(HasSubstr("POST /drain")));
  alice.frames.socket().close();
  EXPECT_EQ(two_.process().wait_exit(), 0);
  bob.send(ping());
  EXPECT_EQ(bob.next().kind, Event::Kind::kPong);
}

TEST_F(Fleet, OneThatCannotBeAskedIsToldAndTheOthersAre) {
  Server closed(world_, "gateway", "g3", {{"Routes", "{login: login}"}});
  wait_registered("g3");
  const Ended ended = command({"kick", "--account", "alice"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("g1: 0 kicked"), HasSubstr("g2: 0 kicked"),
                                  HasSubstr("g3: has no AdminPort")));
  EXPECT_THAT(command({"kick", "--account", "alice", "--id", "g9"}).output,
              HasSubstr("g9: is not in the registry"));
}

TEST_F(Fleet, WhatMakesNoSenseIsRefused) {
  const std::string admin = "127.0.0.1:" + std::to_string(admin_);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"evacuate", "--gateway", admin, "--to", "1", "--pace", "0"},
        {"evacuate", "--gateway", admin, "--to", "1", "--first", "oldest"},
        {"evacuate", "--gateway", admin, "--to", "1", "--at", "nowhere"},
        {"drain", "--gateway", admin, "--at", "0.0.0.0:1"}}) {
    const Ended ended = run(words);
    EXPECT_EQ(ended.code, 1) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr(": 400: "));
  }
  for (const char* const option : {"--to", "--pace"}) {
    const Ended ended = run({"evacuate", "--gateway", admin, "--to", "1", option, "-1"});
    EXPECT_EQ(ended.code, 2) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr("is to be a number from 0 on"));
  }
  EXPECT_EQ(one_.get("/health").status, 200);
}

TEST_F(Fleet, AnHttpsPortIsTrustedByTheAuthorityThatIsNamed) {
  const TlsFiles files;
  const std::uint16_t port = free_port();
  Settings sealed = settings(port);
  sealed["MonitorTlsCert"] = files.path("server.pem");
  sealed["MonitorTlsKey"] = files.path("server.key");
  const Server three(world_, "gateway", "g3", sealed);
  const std::string at = "https://127.0.0.1:" + std::to_string(port);
  for (const std::string flag : {"--tls-ca", "--ca"}) {
    const Ended ended =
        run({"kick", "--account", "alice", "--gateway", at, flag, files.path("ca.pem")});
    EXPECT_EQ(ended.code, 0) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr("0 kicked"));
  }
  EXPECT_EQ(run({"kick", "--account", "alice", "--gateway", at}).code, 1);
  // The machine's are where OpenSSL is told that they are.
  setenv("SSL_CERT_FILE", files.path("ca.pem").c_str(), 1);
  EXPECT_EQ(run({"kick", "--account", "alice", "--gateway", at}).code, 0);
  const std::string other = files.write("other.pem", MadeCertificate::authority("other").pem());
  EXPECT_EQ(run({"kick", "--account", "alice", "--gateway", at, "--tls-ca", other}).code, 1);
  unsetenv("SSL_CERT_FILE");
}

// Each says what to do, as `ringgate client` does.
TEST_F(Fleet, WhatFailsOfTlsIsASentence) {
  const TlsFiles files;
  const std::uint16_t port = free_port();
  Settings sealed = settings(port);
  sealed["MonitorTlsCert"] = files.path("server.pem");
  sealed["MonitorTlsKey"] = files.path("server.key");
  const Server three(world_, "gateway", "g3", sealed);
  const std::string at = "127.0.0.1:" + std::to_string(port);
  const auto said = [](std::vector<std::string> command, const std::string& gateway) {
    command.insert(command.end(), {"--account", "alice", "--gateway", gateway});
    return run(command).output;
  };
  const std::string plain = "https://127.0.0.1:" + std::to_string(admin_);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"kick"}, {"trace", "--for", "0"}}) {
    EXPECT_THAT(said(command, "https://" + at),
                AllOf(HasSubstr("--tls-ca FILE"), Not(HasSubstr("if it has ended"))));
    EXPECT_THAT(said(command, plain), AllOf(HasSubstr("does not speak TLS"), HasSubstr("http://"),
                                            Not(HasSubstr("if it has ended"))));
    EXPECT_THAT(said(command, at),
                AllOf(HasSubstr("This port speaks TLS"), Not(HasSubstr("\\x0d"))));
    EXPECT_THAT(said(command, "tls://" + at), HasSubstr("write HOST:PORT, http://HOST:PORT or"));
  }
  EXPECT_THAT(run({"top", "--gateway", plain}).output,
              AllOf(HasSubstr("write HOST:PORT or http://"), Not(HasSubstr("tcp://"))));
  EXPECT_THAT(run({"top", "--gateway", at}).output,
              AllOf(HasSubstr("This port speaks TLS"), Not(HasSubstr("\\x0d"))));
}

}  // namespace
}  // namespace ringgate::test
