// A chat service over a message store of each kind, and clients of two gateways.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "services/store/memory.h"
#include "tests/services/handlers/test_clients.h"
#include "tests/services/store/sql/stores.h"

namespace ringgate::test {

// Messages and groups are as of each test anew.
class ChatWorld : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override { start(); }

  [[nodiscard]] std::string url() {
    static int number = 0;
    if (GetParam() == StoreKind::kMemory) return "memory:";
    if (GetParam() == StoreKind::kSqlite) {
      return "sqlite://" + (folder_.path() / "messages.db").string();
    }
    return postgres().url("handlers" + std::to_string(++number));
  }
  void start() {
    begin();
    ASSERT_TRUE(eventually([&] { return service_->messages().health().is_well(); }))
        << service_->messages().health().problem().value_or("");
  }
  // Without waiting for its store.
  void begin() {
    TestServiceOptions options;
    MessageStoreOptions& messages = options.messages.emplace();
    messages.url = url();
    messages.client.timeout_ms = store_timeout_ms_;
    messages.reconnect_max_ms = 100;
    messages.max_group_members = max_group_members_;
    service_.emplace(options, memory_sessions(chat_.default_app),
                     [chat = chat_](Router& router) { add_chat_handlers(router, chat); });
    service_->start();
    gateway_.emplace(service_->port(), "g1");
    other_.emplace(service_->port(), "g2");
  }
  // One of the first gateway, whose packets are in the order in which they were sent, or of the
  // other one; logged in.
  TestClient log_in(const std::string& account, const std::string& app = "kim") {
    return log_in_at(*gateway_, "g1", account, app);
  }
  TestClient log_in_elsewhere(const std::string& account, const std::string& app = "kim") {
    return log_in_at(*other_, "g2", account, app);
  }
  // The next packet of a client's gateway is the answer with that status: its body.
  template <class Answer = pkt::ErrorResp>
  Answer answered(const TestClient& client, int status = pkt::Status::Success) {
    const ReceivedPacket answer = client.gateway.receive();
    EXPECT_EQ(answer.header.flag(), pkt::Flag::Response) << answer.header.command();
    EXPECT_EQ(answer.header.status(), status) << answer.body;
    EXPECT_EQ(answer.header.sequence(), sequence_);
    return answer.parse<Answer>();
  }
  // Asks, and takes the answer.
  template <class Answer = pkt::ErrorResp>
  Answer ask(const TestClient& client, std::string_view command,
             const google::protobuf::MessageLite& body, int status = pkt::Status::Success,
             std::string_view dest = {}) {
    client.ask(command, ++sequence_, body.SerializeAsString(), dest);
    return answered<Answer>(client, status);
  }
  pkt::MessageResp say(const TestClient& client, std::string_view command, std::string_view to,
                       const std::string& text, int status = pkt::Status::Success) {
    pkt::MessageReq message;
    message.set_type(1);
    message.set_body(text);
    message.set_extra("extra");
    return ask<pkt::MessageResp>(client, command, message, status, to);
  }
  pkt::MessageResp talk(const TestClient& client, std::string_view to, const std::string& text) {
    return say(client, "chat.user.talk", to, text);
  }
  std::vector<pkt::MessageIndex> index(const TestClient& client, std::int64_t after) {
    pkt::MessageIndexReq asked;
    asked.set_message_id(after);
    const auto answer = ask<pkt::MessageIndexResp>(client, "chat.offline.index", asked);
    return {answer.indexes().begin(), answer.indexes().end()};
  }
  std::vector<std::int64_t> index_ids(const TestClient& client, std::int64_t after) {
    std::vector<std::int64_t> ids;
    for (const pkt::MessageIndex& entry : index(client, after)) ids.push_back(entry.message_id());
    return ids;
  }
  std::vector<pkt::MessageContent> contents(const TestClient& client,
                                            const std::vector<std::int64_t>& ids) {
    pkt::MessageContentReq asked;
    for (const std::int64_t id : ids) asked.add_message_ids(id);
    const auto answer = ask<pkt::MessageContentResp>(client, "chat.offline.content", asked);
    return {answer.contents().begin(), answer.contents().end()};
  }
  // The group's id.
  std::string create(const TestClient& client, const std::vector<std::string>& members) {
    pkt::GroupCreateReq asked;
    asked.set_name("friends");
    asked.set_avatar("face");
    asked.set_introduction("of all");
    for (const std::string& member : members) asked.add_members(member);
    return ask<pkt::GroupCreateResp>(client, "chat.group.create", asked).group_id();
  }
  template <class Request>
  static Request of_group(const std::string& group, const std::string& account) {
    Request asked;
    asked.set_group_id(group);
    asked.set_account(account);
    return asked;
  }
  void join(const TestClient& client, const std::string& group, const std::string& account,
            int status = pkt::Status::Success) {
    ask(client, "chat.group.join", of_group<pkt::GroupJoinReq>(group, account), status);
  }
  void quit(const TestClient& client, const std::string& group, const std::string& account,
            int status = pkt::Status::Success) {
    ask(client, "chat.group.quit", of_group<pkt::GroupQuitReq>(group, account), status);
  }
  pkt::GroupGetResp get(const TestClient& client, std::string_view command,
                        const std::string& group, int status = pkt::Status::Success) {
    pkt::GroupGetReq asked;
    asked.set_group_id(group);
    return ask<pkt::GroupGetResp>(client, command, asked, status);
  }
  std::vector<std::string> members(const TestClient& client, const std::string& group) {
    std::vector<std::string> accounts;
    const auto answer = get(client, "chat.group.members", group);
    for (const pkt::Member& member : answer.members()) accounts.push_back(member.account());
    return accounts;
  }

  TempDir folder_;
  ChatOptions chat_;
  std::size_t max_group_members_ = 10'000;
  std::uint32_t store_timeout_ms_ = 20'000;
  std::optional<TestService> service_;
  std::optional<TestGateway> gateway_;
  std::optional<TestGateway> other_;
  std::uint32_t sequence_ = 100;

 private:
  static TestClient log_in_at(TestGateway& gateway, const std::string& id,
                              const std::string& account, const std::string& app) {
    TestClient client{gateway, id, account, id + "_" + app + "." + account + "_1", app};
    EXPECT_EQ(client.sign_in(), pkt::Status::Success);
    return client;
  }
};

}  // namespace ringgate::test
