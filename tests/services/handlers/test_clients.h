// What gateways send for their clients to login and chat.
#pragma once

#include <string>
#include <string_view>

#include "services/handlers/chat.h"
#include "tests/services/logic/test_service.h"

namespace ringgate {

// What chat needs, where a test does not care for it.
inline TestServiceOptions with_messages(TestServiceOptions options = {}) {
  options.messages.emplace();
  return options;
}
inline void add_chat(Router& router) {
  add_chat_handlers(router);
}

// One client of a gateway.
struct TestClient {
  TestGateway& gateway;
  std::string gateway_id;
  std::string account;
  std::string channel_id;
  std::string app = "kim";

  void ask(std::string_view command, std::uint32_t sequence, std::string_view body = {},
           std::string_view dest = {}) const {
    OutgoingHeader header;
    header.command = command;
    header.channel_id = channel_id;
    header.sequence = sequence;
    header.dest = dest;
    header.app = app;
    header.account = account;
    header.dest_server = gateway_id;
    gateway.send(header, body);
  }

  [[nodiscard]] pkt::Session session() const {
    pkt::Session session;
    session.set_channelid(channel_id);
    session.set_gateid(gateway_id);
    session.set_account(account);
    session.set_app(app);
    session.set_remoteip("127.0.0.1");
    return session;
  }

  // The status of the answer; its gateway must have nothing else to read.
  [[nodiscard]] int sign_in() const {
    ask("login.signin", 1, session().SerializeAsString());
    return gateway.receive().header.status();
  }
  // As gateways do: without the account.
  [[nodiscard]] int sign_out() const {
    OutgoingHeader header;
    header.command = "login.signout";
    header.channel_id = channel_id;
    header.dest_server = gateway_id;
    gateway.send(header);
    return gateway.receive().header.status();
  }
  void talk(std::uint32_t sequence, std::string_view to, const std::string& text) const {
    pkt::MessageReq message;
    message.set_type(1);
    message.set_body(text);
    message.set_extra("extra");
    ask("chat.user.talk", sequence, message.SerializeAsString(), to);
  }
};

}  // namespace ringgate
