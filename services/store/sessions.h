// Where sessions are kept: who is logged in, on which channel of which gateway.
//
// A handler awaits its calls; the shard goes on meanwhile:
//
//   auto call = context.sessions().get(context.channel_id());
//   const auto found = co_await call;
//   if (!found) ... found.error() ... else if (!*found) ... not logged in
//
// One SessionStore per shard, on its thread. A call lives in the coroutine that awaits it, copies
// what it was given, and is forgotten when the coroutine is destroyed.
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/bytes.h"
#include "codec/pkt.pb.h"
#include "dataplane/mailbox.h"
#include "services/store/error.h"
#include "services/store/location.h"

namespace ringgate {

enum class StoreOp : std::uint32_t { kAdd, kRemove, kGet, kLocate, kRollCall };

// What is asked, as it travels. `accounts` holds one account, or those to be located.
struct StoreRequest {
  StoreOp op;
  Location location;  // kRemove and kGet: the channel only; kRollCall: a boot and its gateway
  std::string app;
  std::vector<std::string> accounts;  // kRemove: none if only the session says whose it is
  std::string session;                // kAdd: the serialized Session; kRollCall: the RollCallReq
};

// What a gateway of ours has said about its channels, kept.
struct RollCallOutcome {
  // Another number than the last time: what was said before may be forgotten.
  std::uint64_t epoch = 0;
  std::vector<std::string> lost;  // channels whose account is on another one, which is alive
};

// Values as the layout of the store has them. kAdd: the location before, if any. kGet: the session.
// kLocate: one location for each account. kRollCall: the epoch, then the channels that are lost.
struct StoreAnswer {
  std::optional<StoreError> error;
  std::vector<std::optional<std::string>> values;
};

class SessionStore;

class SessionCallBase {
 public:
  SessionCallBase(SessionStore& store, StoreRequest asked)
      : request(std::move(asked)), store_(store) {}
  SessionCallBase(const SessionCallBase&) = delete;
  SessionCallBase& operator=(const SessionCallBase&) = delete;
  ~SessionCallBase();

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting);

  // The store: the answer has come; goes on with the coroutine.
  void complete(StoreAnswer&& with);

  const StoreRequest request;
  StoreAnswer answer;
  std::uint64_t id = 0;  // the store's

 private:
  SessionStore& store_;
  std::coroutine_handle<> waiting_;
};

// What an answer holds, by the type that is asked for.
void take_answer(StoreAnswer& answer, StoreResult<void>& result);
void take_answer(StoreAnswer& answer, StoreResult<std::optional<pkt::Session>>& result);
void take_answer(StoreAnswer& answer, StoreResult<std::optional<Location>>& result);
void take_answer(StoreAnswer& answer, StoreResult<std::vector<Location>>& result);
void take_answer(StoreAnswer& answer, StoreResult<RollCallOutcome>& result);

template <class T>
class [[nodiscard]] SessionCall : public SessionCallBase {
 public:
  using SessionCallBase::SessionCallBase;
  StoreResult<T> await_resume() {
    StoreResult<T> result;
    if (answer.error) {
      result = std::unexpected(*answer.error);
    } else {
      take_answer(answer, result);
    }
    return result;
  }
};

// What names an account, an app or a channel that cannot be does not reach the store: adding fails
// with kBadName, and nobody of that name is there.
class SessionStore {
 public:
  SessionStore() = default;
  SessionStore(const SessionStore&) = delete;
  SessionStore& operator=(const SessionStore&) = delete;
  virtual ~SessionStore() = default;

  // In one step: stores the session, makes it where its account is, and invalidates the session
  // that was there before; that one's location, unless it is the same channel.
  SessionCall<std::optional<Location>> add(const pkt::Session& session);
  // Removes the session, and the account's location if it still names this channel. Without an
  // account, the session says whose it is. What a store cannot do at the moment it does later.
  SessionCall<void> remove(std::string_view channel_id, std::string_view account,
                           std::string_view app);
  // Nothing: there is no such session.
  SessionCall<std::optional<pkt::Session>> get(std::string_view channel_id);
  // Nothing: that account is not logged in.
  SessionCall<std::optional<Location>> locate(std::string_view account, std::string_view app);
  // A boot of a gateway is there, or has ended with all its channels; and those that are `present`
  // are where they say, unless their account is on another channel that is alive.
  SessionCall<RollCallOutcome> call_roll(std::string_view gateway_id, std::string_view boot,
                                         const pkt::RollCallReq& present);
  // Of those who are logged in.
  SessionCall<std::vector<Location>> locate_many(std::span<const std::string> accounts,
                                                 std::string_view app);

  // --- What a store implements, and its service calls -----------------------------------------
  // False: `call.answer` is already there. True: call.complete() will be called.
  virtual bool submit(SessionCallBase& call) = 0;
  // A submitted call is going away without its answer.
  virtual void forget(SessionCallBase& call) = 0;
  // False: it does not know that kind, which is counted.
  [[nodiscard]] virtual bool on_mail(MailKind kind, ByteView message);
  virtual void on_tick() {}
};

}  // namespace ringgate
