// What TLS does under load: two thousand handshakes at once, and a certificate that is exchanged.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/raw_service.h"
#include "tests/integration/tls_files.h"

namespace ringgate::test {
namespace {

constexpr std::chrono::seconds kStormPatience{100};

// Clients that ping, all of them in each round, on a thread of their own until it is stopped.
class Pinging {
 public:
  explicit Pinging(std::vector<FrameSocket> clients) : clients_(std::move(clients)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Pinging() { stop(); }
  Pinging(const Pinging&) = delete;
  Pinging& operator=(const Pinging&) = delete;

  [[nodiscard]] std::uint64_t rounds() const { return rounds_; }
  // What went wrong; nothing has to.
  std::string stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    return trouble_;
  }

 private:
  void run() {
    try {
      while (!stopped_) {
        for (FrameSocket& client : clients_) client.send(ping());
        for (FrameSocket& client : clients_) {
          if (client.next().kind != Event::Kind::kPong) throw std::runtime_error("not a pong");
        }
        ++rounds_;
      }
    } catch (const std::exception& error) {
      trouble_ = error.what();
    }
  }

  std::vector<FrameSocket> clients_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> rounds_ = 0;
  std::string trouble_;
  std::thread thread_;
};

// One of a storm: a handshake, a ping and its pong, without ever waiting.
class Newcomer {
 public:
  explicit Newcomer(std::uint16_t port) : socket_(Socket::connect(port)) {
    socket_.write_raw(tls_.step());
  }
  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] bool is_in() const { return !tls_.has_failed() && pong_.size() == ping().size(); }

  // When there is something to read. False: the gateway has closed it.
  bool go_on() {
    std::string received;
    if (!socket_.read_raw(received)) return false;
    if (!pinged_) {
      socket_.write_raw(tls_.step(received));
      received.clear();
      if (!tls_.is_done()) return !tls_.has_failed();
      socket_.write_raw(tls_.seal(ping()));
      pinged_ = true;
    }
    pong_ += tls_.open(received);
    return true;
  }

 private:
  Socket socket_;
  TlsClient tls_;
  bool pinged_ = false;
  std::string pong_;
};

class Storm {
 public:
  Storm(std::uint16_t port, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) all_.push_back(std::make_unique<Newcomer>(port));
  }

  // Until all are in, with a look at the gateway now and then.
  template <class Look>
  void until_all_are_in(Look&& look) {
    const auto until = SteadyClock::now() + kStormPatience;
    for (std::size_t turn = 0; in() < all_.size(); ++turn) {
      if (SteadyClock::now() > until) {
        throw std::runtime_error(std::to_string(in()) + " are in, and no more came");
      }
      std::vector<pollfd> waiting;
      waiting.reserve(all_.size());
      for (auto& one : all_) waiting.push_back({one->is_in() ? -1 : one->fd(), POLLIN, 0});
      poll(waiting.data(), waiting.size(), 100);
      for (std::size_t i = 0; i < all_.size(); ++i) {
        if ((waiting[i].revents & (POLLIN | POLLHUP)) != 0 && !all_[i]->go_on()) {
          throw std::runtime_error("a newcomer was turned away");
        }
      }
      if (turn % 10 == 0) look();
    }
  }
  [[nodiscard]] std::size_t in() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(all_, [](auto& one) { return one->is_in(); }));
  }

 private:
  std::vector<std::unique_ptr<Newcomer>> all_;
};

TEST(TlsStorm, OfTwoThousandHandshakesAllGetInAndNobodyElseIsLost) {
  constexpr std::size_t kPinging = 1'000;
  constexpr std::size_t kStorm = 2'000;
  constexpr double kMostHandshakes = 100;
  // What the other TLS listener has armed when the last place is taken.
  constexpr double kAccepts = 32;
  const TlsFiles files;
  const World world;
  const Server gateway(
      world, "gateway", "g1",
      files.settings({{"Shards", "1"}, {"LoginWait", "10m"}, {"MaxTlsHandshakes", "100"}}));
  std::vector<FrameSocket> clients;
  clients.reserve(kPinging);
  for (std::size_t i = 0; i < kPinging; ++i) clients.push_back(gateway.connect());
  Pinging pinging(std::move(clients));
  wait_until("the first pings", [&] { return pinging.rounds() > 0; });

  double most = 0;
  Storm storm(gateway.tls_port(), kStorm);
  storm.until_all_are_in(
      [&] { most = std::max(most, gateway.metric("ringgate_tls_handshakes_under_way")); });
  EXPECT_LE(most, kMostHandshakes + kAccepts);
  EXPECT_EQ(pinging.stop(), "");
  EXPECT_EQ(gateway.metric("ringgate_tls_handshakes_total"), kStorm);
  EXPECT_EQ(gateway.metric("ringgate_clients"), kPinging + kStorm);
  EXPECT_EQ(gateway.metric("ringgate_closed_total"), 0);
  gateway.wait_metric_is("ringgate_tls_handshakes_under_way", 0);
}

TEST(TlsReload, UnderLoadNobodyIsLostAndNewcomersSeeTheNewCertificate) {
  constexpr std::size_t kPinging = 200;
  TlsFiles files;
  const World world;
  Server gateway(world, "gateway", "g1", files.settings({{"Shards", "2"}, {"LoginWait", "10m"}}));
  std::vector<FrameSocket> clients;
  clients.reserve(kPinging);
  for (std::size_t i = 0; i < kPinging; ++i) {
    clients.emplace_back(Socket::connect_tls(gateway.tls_port()));
  }
  Pinging pinging(std::move(clients));
  double newcomers = 0;
  std::string last = "localhost";
  for (int swap = 0; swap < 3; ++swap) {
    const std::string name = "swap" + std::to_string(swap);
    const std::uint64_t rounds = pinging.rounds();
    files.renew(name);
    gateway.process().signal(SIGHUP);
    // Each newcomer is let in, by the old one or the new one, and by nothing but the new one once a
    // shard has it: with two shards both may be seen for a moment.
    int in_a_row = 0;
    wait_until("the new certificate", [&] {
      FrameSocket newcomer(Socket::connect_tls(gateway.tls_port()));
      ++newcomers;
      newcomer.send(ping());
      EXPECT_EQ(newcomer.next().kind, Event::Kind::kPong);
      const std::string shown = name_shown_to(newcomer.socket());
      EXPECT_TRUE(shown == name || shown == last) << shown;
      in_a_row = shown == name ? in_a_row + 1 : 0;
      return in_a_row == 20 && pinging.rounds() > rounds + 1;
    });
    last = name;
  }
  EXPECT_EQ(pinging.stop(), "");
  EXPECT_EQ(gateway.metric("ringgate_tls_handshakes_total"), kPinging + newcomers);
  EXPECT_EQ(gateway.metric("ringgate_tls_handshakes_failed_total"), 0);
}

}  // namespace
}  // namespace ringgate::test
