// A message store of the test's own, asked from the test's thread: shards that ask it, and its
// thread.
#pragma once

#include <atomic>
#include <future>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "dataplane/shard_group.h"
#include "services/store/mail_kinds.h"
#include "services/store/message_ids.h"
#include "services/store/message_options.h"
#include "tests/common/quiet_handler.h"
#include "tests/services/store/calls/asker.h"

namespace ringgate::test {

struct RunMail {
  std::function<void(MessageStore&)>* what;  // the handler's to delete
};
inline constexpr MailOf<RunMail> kMailRun{kTestMail[3]};

template <class Request>
Conversation ask_messages(MessageStore& messages, Request request,
                          std::promise<StoreResult<typename Request::Answer>>& answer) {
  auto call = messages.ask(std::move(request));
  auto result = co_await call;
  answer.set_value(std::move(result));
}

class MessagesHandler final : public QuietHandler {
 public:
  explicit MessagesHandler(StoreThread& thread) : thread_(thread) {}

  void on_start(Shard& shard) override { messages_ = messages_of(thread_, shard); }
  void on_mail(std::uint32_t, MailKind kind, ByteView mail) override {
    if (kind == kMailStoreDone) {
      StoreClient::take_done(mail);
    } else if (kind == kMailRun) {
      const std::unique_ptr<std::function<void(MessageStore&)>> what(kMailRun.read(mail).what);
      (*what)(*messages_);
    }
  }
  void on_tick() override { messages_->on_tick(); }

 private:
  StoreThread& thread_;
  std::unique_ptr<MessageStore> messages_;
};

class MessagesWorld {
 public:
  explicit MessagesWorld(const MessageStoreOptions& options, std::uint32_t shards = 1)
      : thread_(value_of(open_message_store(options, shards))) {
    ShardGroupOptions group;
    group.shards = shards;
    group.extra_endpoints = 1;
    group.shard.max_clients = 1;
    group.shard.sweep_ms = 5;
    group.shard.ring.sq_entries = 64;
    group.shard.ring.cq_entries = 256;
    group.shard.ring.client_buffers = 8;
    group_ = value_of(ShardGroup::create(
        group, [this](std::uint32_t) { return std::make_unique<MessagesHandler>(*thread_); }));
    if (!thread_->start(group_->switchboard()) || !group_->start({})) {
      throw std::runtime_error("not started");
    }
  }
  ~MessagesWorld() {
    group_->stop();
    thread_->stop();
  }

  // Asks, without waiting for the answer.
  template <class Request>
  std::future<StoreResult<typename Request::Answer>> begin(Request request,
                                                           std::uint32_t shard = 0) {
    auto& state = *states_.emplace_back(std::make_unique<StateOf<Request>>());
    auto& own = static_cast<StateOf<Request>&>(state);
    auto future = own.answer.get_future();
    auto* const what = new std::function<void(MessageStore&)>(
        [&own, request = std::move(request)](MessageStore& messages) {
          own.conversation.emplace(ask_messages(messages, request, own.answer));
        });
    group_->post(shard, kMailRun, RunMail{what});
    group_->flush();
    return future;
  }
  template <class Request>
  StoreResult<typename Request::Answer> ask(Request request, std::uint32_t shard = 0) {
    return begin(std::move(request), shard).get();
  }
  [[nodiscard]] const StoreHealth& health() const {
    return static_cast<const StoreThread&>(*thread_).health();
  }
  [[nodiscard]] StoreThread& thread() { return *thread_; }
  // Until it works: false after 20 s.
  [[nodiscard]] bool is_well() {
    return eventually([this] { return health().is_well(); });
  }
  // A sentence with these words has been said; the last one otherwise.
  [[nodiscard]] std::string problem_with(const std::string& words) {
    std::string problem;
    static_cast<void>(eventually([&] {
      problem = health().problem().value_or("none");
      return problem.find(words) != std::string::npos;
    }));
    return problem;
  }

 private:
  struct State {
    virtual ~State() = default;
  };
  template <class Request>
  struct StateOf final : State {
    std::promise<StoreResult<typename Request::Answer>> answer;
    std::optional<Conversation> conversation;  // before the promise it needs
  };
  template <class T>
  static T value_of(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  }

  std::unique_ptr<StoreThread> thread_;
  std::unique_ptr<ShardGroup> group_;
  std::list<std::unique_ptr<State>> states_;  // gone before the clients their calls need
};

}  // namespace ringgate::test
