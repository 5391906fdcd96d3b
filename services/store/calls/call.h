// A call to a store in a handler's coroutine; the shard does other things meanwhile:
//
//   auto call = context.messages().ack(app, account, message_id);
//   const auto done = co_await call;              // a std::expected<Answer, StoreError>
//   if (!done) co_return context.fail(done.error());
//
// It lives in the coroutine that awaits it, on the shard's thread. When the coroutine is destroyed
// before the answer has come, the answer is dropped and counted.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "services/store/calls/client.h"
#include "services/store/calls/job.h"

namespace ringgate {

class StoreCallBase {
 public:
  StoreCallBase(const StoreCallBase&) = delete;
  StoreCallBase& operator=(const StoreCallBase&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return is_ready_; }
  bool await_suspend(std::coroutine_handle<> waiting);

 protected:
  // `is_ready`: the job has its answer, and nobody is asked.
  StoreCallBase(StoreClient& client, std::unique_ptr<StoreJob> job, bool is_ready) noexcept
      : client_(client), job_(std::move(job)), is_ready_(is_ready) {}
  // It is refused before it is asked.
  StoreCallBase(StoreClient& client, std::uint8_t call, StoreError error) noexcept;
  ~StoreCallBase();

  [[nodiscard]] StoreJob& job() const noexcept { return *job_; }
  [[nodiscard]] const std::optional<StoreError>& refused() const noexcept { return error_; }

 private:
  friend StoreClient;

  // The client: the answer is there; goes on with the coroutine.
  void complete(std::unique_ptr<StoreJob> answered);
  // The client keeps the job.
  void fail(StoreError error);

  StoreClient& client_;
  std::unique_ptr<StoreJob> job_;  // while the client has it: null
  StoreJob* asked_ = nullptr;      // while the client has it
  std::coroutine_handle<> waiting_;
  std::optional<StoreError> error_;
  bool is_ready_ = true;
};

template <StoreRequestType Request>
class [[nodiscard]] StoreCall final : public StoreCallBase {
 public:
  StoreCall(StoreClient& client, std::uint8_t call, Request request)
      : StoreCallBase(client, std::make_unique<StoreJobOf<Request>>(call, std::move(request)),
                      false) {}
  StoreCall(StoreClient& client, std::uint8_t call, StoreError error) noexcept
      : StoreCallBase(client, call, error) {}
  // Nobody need be asked: this is the answer.
  StoreCall(StoreClient& client, std::uint8_t call, StoreResult<typename Request::Answer> known)
      : StoreCallBase(client, std::make_unique<StoreJobOf<Request>>(call, std::move(known)), true) {
  }

  [[nodiscard]] StoreResult<typename Request::Answer> await_resume() {
    if (const auto& error = refused()) return std::unexpected(*error);
    return std::move(static_cast<StoreJobOf<Request>&>(job()).answer);
  }
};

}  // namespace ringgate
