// A group of shards whose handlers ask a store, and the store: its answers wait until the test lets
// them go.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/shard_group.h"
#include "services/store/calls/call.h"
#include "services/store/calls/thread.h"
#include "services/store/mail_kinds.h"
#include "tests/common/quiet_handler.h"

namespace ringgate::test {

// The text twice.
struct Twice {
  static constexpr std::string_view kName = "twice";
  using Answer = std::string;
  std::string text;
};
// Nothing comes back.
struct Note {
  static constexpr std::string_view kName = "note";
  using Answer = void;
  int number = 0;
};
using TestCalls = StoreCalls<Twice, Note>;

// What the test says to the store, and sees of it.
struct StoreControl {
  std::atomic<bool> open{true};      // calls are answered
  std::atomic<bool> failing{false};  // with kUnavailable
  std::atomic<bool> stuck{false};    // its thread hangs in the next call
  std::atomic<int> taken{0};
  std::atomic<int> undone{0};
  std::atomic<int> missed{0};
};

inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 20'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

class TestBackend final : public StoreBackend {
 public:
  TestBackend(StoreThread& thread, StoreControl& control) : thread_(thread), control_(control) {}

  void take(StoreJob& job) override {
    control_.taken.fetch_add(1);
    while (control_.stuck.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    waiting_.push_back(&job);
  }
  void on_missed(StoreJob&) override { control_.missed.fetch_add(1); }
  void undo(StoreJob& job) override {
    control_.undone.fetch_add(1);
    thread_.answer(job);
  }
  void on_turn_end() override {
    if (!control_.open.load()) return;
    for (StoreJob* const job : std::exchange(waiting_, {})) {
      TestCalls::visit(*job, [this](auto& typed) { answer(typed); });
    }
  }

 private:
  void answer(StoreJobOf<Twice>& job) {
    job.answer = job.request.text + job.request.text;
    settle(job);
  }
  void answer(StoreJobOf<Note>& job) {
    job.answer = {};
    settle(job);
  }
  void settle(StoreJob& job) {
    if (control_.failing.load()) {
      thread_.fail(job, StoreError::kUnavailable);
    } else {
      thread_.answer(job);
    }
  }

  StoreThread& thread_;
  StoreControl& control_;
  std::vector<StoreJob*> waiting_;
};

// A coroutine of a shard; its handler owns it.
class Conversation {
 public:
  struct promise_type {
    Conversation get_return_object() {
      return Conversation(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const { std::terminate(); }
  };

  Conversation(Conversation&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Conversation& operator=(Conversation&&) = delete;
  ~Conversation() {
    if (handle_) handle_.destroy();
  }

 private:
  explicit Conversation(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

// "hello" → "hellohello", or the name of the error.
class Heard {
 public:
  void add(std::string text) {
    const std::scoped_lock lock(mutex_);
    all_.push_back(std::move(text));
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::scoped_lock lock(mutex_);
    return all_;
  }
  [[nodiscard]] std::size_t count(const std::string& text) const {
    const std::scoped_lock lock(mutex_);
    return static_cast<std::size_t>(std::count(all_.begin(), all_.end(), text));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

struct AskMail {
  int number;
};
inline constexpr MailRange kTestMail = kOwnStoreMail.next(8);
inline constexpr MailOf<AskMail> kMailAskTwice{kTestMail[0]};
inline constexpr MailOf<AskMail> kMailAskNote{kTestMail[1]};
inline constexpr MailOf<AskMail> kMailForgetAll{kTestMail[2]};

inline std::string said(const StoreResult<std::string>& answer) {
  return answer ? *answer : std::string(name_of(answer.error()));
}
inline std::string said(const StoreResult<void>& answer) {
  return answer ? std::string("noted") : std::string(name_of(answer.error()));
}

template <class Request>
Conversation ask(StoreClient& client, Request request, Heard& heard) {
  StoreCall<Request> call(client, TestCalls::index_of<Request>(), std::move(request));
  const auto answer = co_await call;
  heard.add(said(answer));
}

class AskingHandler final : public QuietHandler {
 public:
  AskingHandler(StoreThread& thread, Heard& heard) : thread_(thread), heard_(heard) {}

  void on_start(Shard& shard) override { client_ = thread_.client(shard); }
  void on_mail(std::uint32_t, MailKind kind, ByteView mail) override {
    if (kind == kMailStoreDone) {
      StoreClient::take_done(mail);
    } else if (kind == kMailAskTwice) {
      conversations_.push_back(
          ask(*client_, Twice{std::to_string(kMailAskTwice.read(mail).number)}, heard_));
    } else if (kind == kMailAskNote) {
      conversations_.push_back(ask(*client_, Note{kMailAskNote.read(mail).number}, heard_));
    } else if (kind == kMailForgetAll) {
      conversations_.clear();
    }
  }
  void on_tick() override { client_->on_tick(); }

 private:
  StoreThread& thread_;
  Heard& heard_;
  std::unique_ptr<StoreClient> client_;
  std::list<Conversation> conversations_;  // before the client they need
};

// The store's thread, before it the group that it serves: see StoreThread.
class AskingWorld {
 public:
  explicit AskingWorld(std::uint32_t shards, StoreClientOptions client = {})
      : thread_({.store = "test",
                 .address = "here",
                 .calls = TestCalls::kNames,
                 .shards = shards,
                 .client = client},
                [this](StoreThread& thread) {
                  return std::make_unique<TestBackend>(thread, control);
                }) {
    ShardGroupOptions options;
    options.shards = shards;
    options.extra_endpoints = 1;
    options.shard.max_clients = 1;
    options.shard.sweep_ms = 5;
    options.shard.ring.sq_entries = 64;
    options.shard.ring.cq_entries = 256;
    options.shard.ring.client_buffers = 8;
    auto group = ShardGroup::create(
        options, [this](std::uint32_t) { return std::make_unique<AskingHandler>(thread_, heard); });
    if (!group) throw std::runtime_error(group.error().message);
    group_ = std::move(*group);
    if (!thread_.start(group_->switchboard()) || !group_->start({})) {
      throw std::runtime_error("not started");
    }
  }
  ~AskingWorld() { end(); }

  template <class Kind>
  void tell(std::uint32_t shard, Kind kind, int number = 0) {
    group_->post(shard, kind, AskMail{number});
    group_->flush();
  }
  void end() {
    control.stuck.store(false);
    group_->stop();
    thread_.stop();
  }
  [[nodiscard]] StoreThread& thread() { return thread_; }

  StoreControl control;
  Heard heard;

 private:
  StoreThread thread_;
  std::unique_ptr<ShardGroup> group_;
};

}  // namespace ringgate::test
