// A logic service that only a test can be: it does with its links exactly what it is told. No
// thread of its own; the kernel accepts and buffers until the test looks.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tests/integration/world.h"

namespace ringgate::test {

// A gateway's link to the service.
class Link {
 public:
  explicit Link(Socket socket);  // reads the handshake

  [[nodiscard]] const pkt::InnerHandshakeReq& handshake() const { return handshake_; }
  // The fields' bytes, to see what is not there.
  [[nodiscard]] const std::string& handshake_bytes() const { return handshake_bytes_; }
  // The next packet. Throws when it is the link's end that comes.
  Event next();
  // The same, which has to be of that command.
  Event request(std::string_view command);
  [[nodiscard]] bool has_next(std::chrono::milliseconds patience = 0ms) {
    return frames_.has_next(patience);
  }
  void respond(const Event& request, std::string_view body = {}, pkt::Status status = pkt::Success);
  // A push from nobody: command "chat.user.talk" unless `command` says otherwise.
  void push(std::string_view gateway, std::string_view channels, std::string_view body,
            std::string_view command = "chat.user.talk");
  void kick_out(std::string_view gateway, std::string_view channel);
  void send(std::string_view bytes) { frames_.send(bytes); }
  [[nodiscard]] FrameSocket& frames() { return frames_; }

 private:
  FrameSocket frames_;
  pkt::InnerHandshakeReq handshake_;
  std::string handshake_bytes_;
};

class RawService {
 public:
  // Listens, and registers itself.
  RawService(const World& world, const std::string& id, const std::string& name,
             const std::map<std::string, std::string>& meta = {}, std::uint16_t port = 0);
  Link accept() { return Link(listener_.accept()); }
  [[nodiscard]] Listener& listener() { return listener_; }
  [[nodiscard]] const Instance& service() const { return service_; }

 private:
  Listener listener_;
  Instance service_;
};

// A client that is logged in.
struct Client {
  FrameSocket frames;
  std::string account;
  std::string channel;

  [[nodiscard]] Event next() { return frames.next(); }
  void send(std::string_view bytes) { frames.send(bytes); }
  // Of the gateway that it is on, from the channel id.
  [[nodiscard]] unsigned shard() const;
};

// Answers the next sign-in with success. Sign-outs of others that come before are passed over.
void answer_login(Link& login_service, const std::string& account);
// Connects and logs in; a pretended login service gives the answer.
Client log_in(const Server& gateway, Link& login_service, const std::string& account);
// The same with services that answer by themselves.
Client log_in(const Server& gateway, const std::string& account);
// Clients until there is one on each of two shards.
std::pair<Client, Client> log_in_on_two_shards(const Server& gateway);
std::pair<Client, Client> log_in_on_two_shards(const Server& gateway, Link& login_service);

// A gateway whose login service is the test itself: where most tests start.
struct Bench {
  explicit Bench(const Settings& settings = {}) : gateway(world, "gateway", "g1", settings) {}
  Client log_in(const std::string& account) { return test::log_in(gateway, link, account); }

  World world;
  RawService login{world, "login01", "login"};
  Server gateway;
  Link link = login.accept();
};

// The same with a second pretended service, which clients reach by chat.* commands.
struct ChatBench {
  explicit ChatBench(const Settings& settings = {});
  Client log_in(const std::string& account) { return test::log_in(gateway, link, account); }

  World world;
  RawService login;
  RawService chat;
  Server gateway;
  Link link;
  Link chat_link;
};

// Real services: one chat process that answers login.* too and keeps its sessions in memory, and a
// gateway in front of it.
struct TalkBench {
  explicit TalkBench(const Settings& gateway_settings = {});

  World world;
  Server chat;
  Server gateway;
};

// A foreign gateway's link to one of our services.
class ForeignGateway {
 public:
  ForeignGateway(const Server& service, const std::string& id);

  // Sends the packets that a gateway sends for a channel of its own.
  void send(const std::string& channel, const std::string& account, pkt::Header header,
            const std::string& body);
  void sign_in(const std::string& channel, const std::string& account, std::uint32_t sequence);
  [[nodiscard]] Event next() { return link_.next_logic(); }
  [[nodiscard]] FrameSocket& link() { return link_; }

 private:
  std::string id_;
  FrameSocket link_;
};

}  // namespace ringgate::test
