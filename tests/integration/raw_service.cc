#include "tests/integration/raw_service.h"

#include <sstream>
#include <stdexcept>

namespace ringgate::test {
namespace {

Client start_login(const Server& gateway, const std::string& account) {
  Client client{gateway.connect(), account, {}};
  client.send(login(token(account, {.secret = gateway.secret()})));
  return client;
}

void end_login(Client& client) {
  const Event answer = client.next();
  if (!answer.is_answer(1)) {
    std::ostringstream said;
    said << "the login of " << client.account << " failed: " << answer << ' ' << answer.body;
    throw std::runtime_error(said.str());
  }
  client.channel = answer.parse<pkt::LoginResp>().channelid();
}

template <class LogIn>
std::pair<Client, Client> on_two_shards(LogIn&& log_in_as) {
  constexpr int kMostClients = 64;
  Client first = log_in_as("alice");
  for (int i = 0; i < kMostClients; ++i) {
    Client second = log_in_as("bob" + std::to_string(i));
    if (second.shard() != first.shard()) return {std::move(first), std::move(second)};
  }
  throw std::runtime_error("all clients are on one shard");
}

}  // namespace

Link::Link(Socket socket) : frames_(std::move(socket)) {
  const Event first = frames_.next();
  handshake_bytes_ = first.payload;
  if (first.opcode != Opcode::kBinary || !handshake_.ParseFromString(first.payload)) {
    throw std::runtime_error("the first frame of a link is no handshake");
  }
}

Event Link::next() {
  Event event = frames_.next_logic();
  if (event.kind == Event::Kind::kEnd) throw std::runtime_error("the gateway ended the link");
  return event;
}

Event Link::request(std::string_view command) {
  Event event = next();
  if (event.header.command() == command) return event;
  throw std::runtime_error("expected " + std::string(command) + ", got " +
                           event.header.ShortDebugString());
}

void Link::respond(const Event& request, std::string_view body, pkt::Status status) {
  pkt::Header answer =
      header(request.header.command(), request.header.sequence(), request.header.dest());
  answer.set_channelid(request.header.channelid());
  answer.set_flag(pkt::Response);
  answer.set_status(status);
  add_meta(answer, "dest.server", request.meta("dest.server"));
  add_meta(answer, "dest.channels", request.header.channelid());
  send(packet(answer, body));
}

void Link::push(std::string_view gateway, std::string_view channels, std::string_view body,
                std::string_view command) {
  pkt::Header pushed = header(command, 0);
  pushed.set_flag(pkt::Push);
  add_meta(pushed, "dest.server", gateway);
  add_meta(pushed, "dest.channels", channels);
  send(packet(pushed, body));
}

void Link::kick_out(std::string_view gateway, std::string_view channel) {
  pkt::KickoutNotify notify;
  notify.set_channelid(std::string(channel));
  push(gateway, channel, notify.SerializeAsString(), "login.signin");
}

RawService::RawService(const World& world, const std::string& id, const std::string& name,
                       const std::map<std::string, std::string>& meta, std::uint16_t port)
    : listener_(port) {
  service_.id = id;
  service_.name = name;
  service_.address = "127.0.0.1";
  service_.port = listener_.port();
  service_.meta = meta;
  world.add(service_);
}

ChatBench::ChatBench(const Settings& settings)
    : login(world, "login01", "login"),
      chat(world, "chat01", "chat"),
      gateway(world, "gateway", "g1", settings),
      link(login.accept()),
      chat_link(chat.accept()) {
  gateway.wait_metric("ringgate_links", 2);
}

TalkBench::TalkBench(const Settings& gateway_settings)
    : chat(world, "chat", "chat01", {{"MemorySessions", "true"}}),
      gateway(world, "gateway", "g1", [&] {
        Settings settings = {{"Routes", "{login: chat}"}};
        settings.insert(gateway_settings.begin(), gateway_settings.end());
        return settings;
      }()) {}

ForeignGateway::ForeignGateway(const Server& service, const std::string& id)
    : id_(id), link_(service.connect()) {
  pkt::InnerHandshakeReq handshake;
  handshake.set_serviceid(id);
  link_.send(frame(Opcode::kBinary, handshake.SerializeAsString()));
}

void ForeignGateway::send(const std::string& channel, const std::string& account,
                          pkt::Header header, const std::string& body) {
  header.set_channelid(channel);
  add_meta(header, "app", "kim");
  add_meta(header, "account", account);
  add_meta(header, "dest.server", id_);
  link_.send(packet(header, body));
}

void ForeignGateway::sign_in(const std::string& channel, const std::string& account,
                             std::uint32_t sequence) {
  pkt::Session session;
  session.set_channelid(channel);
  session.set_gateid(id_);
  session.set_account(account);
  session.set_app("kim");
  send(channel, account, header("login.signin", sequence), session.SerializeAsString());
}

unsigned Client::shard() const {
  constexpr std::size_t kAfterShard = 4 + 9;  // digits of slot and login
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  const std::string_view digits =
      std::string_view(channel).substr(channel.size() - kAfterShard - 2);
  return digit(digits[0]) * 32 + digit(digits[1]);
}

void answer_login(Link& login_service, const std::string& account) {
  Event request = login_service.next();
  while (request.header.command() == "login.signout") request = login_service.next();
  pkt::LoginResp answer;
  answer.set_channelid(request.header.channelid());
  answer.set_account(account);
  login_service.respond(request, answer.SerializeAsString());
}

Client log_in(const Server& gateway, Link& login_service, const std::string& account) {
  Client client = start_login(gateway, account);
  answer_login(login_service, account);
  end_login(client);
  return client;
}

Client log_in(const Server& gateway, const std::string& account) {
  Client client = start_login(gateway, account);
  end_login(client);
  return client;
}

std::pair<Client, Client> log_in_on_two_shards(const Server& gateway) {
  return on_two_shards([&](const std::string& account) { return log_in(gateway, account); });
}

std::pair<Client, Client> log_in_on_two_shards(const Server& gateway, Link& login_service) {
  return on_two_shards(
      [&](const std::string& account) { return log_in(gateway, login_service, account); });
}

}  // namespace ringgate::test
