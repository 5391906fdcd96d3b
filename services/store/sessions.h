// Where sessions are kept: who is logged in, on which channel of which gateway. A handler awaits
// its calls (calls/call.h); the shard goes on meanwhile:
//
//   auto call = context.sessions().get(context.channel_id());
//   const auto found = co_await call;
//   if (!found) ... found.error() ... else if (!*found) ... not logged in
//
// One SessionStore for each shard, on its thread. A call copies what it was given.
//
// What names an account, an app or a channel that cannot be does not reach the store: adding fails
// with kBadName, and nobody of that name is there. An empty app is the default one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/pkt.pb.h"
#include "services/store/calls/call.h"
#include "services/store/location.h"

namespace ringgate {

// In one step: stores the session, makes it where its account is, and invalidates the session that
// was there before; that one's location, unless it is the same channel.
struct AddSession {
  static constexpr std::string_view kName = "add";
  using Answer = std::optional<Location>;

  pkt::Session session;

  [[nodiscard]] Location location() const { return {session.channelid(), session.gateid()}; }
};

// Removes the session, and the account's location if it still names this channel. What a store
// cannot do at the moment it does later.
struct RemoveSession {
  static constexpr std::string_view kName = "remove";
  using Answer = void;

  std::string channel_id;
  std::string account;  // empty: the session says whose it is
  std::string app;
};

// Nothing: there is no such session.
struct GetSession {
  static constexpr std::string_view kName = "get";
  using Answer = std::optional<pkt::Session>;

  std::string channel_id;
};

// Nothing: that account is not logged in.
struct LocateAccount {
  static constexpr std::string_view kName = "locate";
  using Answer = std::optional<Location>;

  std::string account;
  std::string app;
};

// Fails only if it fails for each of them: a store of several servers may be without one.
struct LocateAccounts {
  static constexpr std::string_view kName = "locate_many";
  struct Answer {
    std::vector<Location> found;  // of those who are logged in
    std::size_t unknown = 0;      // of so many the store cannot say it at the moment
  };

  std::vector<std::string> accounts;
  std::string app;
};

// A boot of a gateway is there, or has ended with all its channels; and those that are `present`
// are where they say, unless their account is on another channel that is alive.
struct CallRoll {
  static constexpr std::string_view kName = "roll_call";
  struct Answer {
    // Another number than the last time: what was said before may be forgotten.
    std::uint64_t epoch = 0;
    std::vector<std::string> lost;  // channels whose account is on another one, which is alive
  };

  std::string gateway_id;
  std::string boot;
  pkt::RollCallReq roll;
};

using SessionCalls =
    StoreCalls<AddSession, RemoveSession, GetSession, LocateAccount, LocateAccounts, CallRoll>;

// ------------------------------------------------------------------------------------------------

class SessionStore {
 public:
  explicit SessionStore(std::unique_ptr<StoreClient> client) noexcept
      : client_(std::move(client)) {}

  StoreCall<AddSession> add(const pkt::Session& session);
  // Without an account, the session says whose it is.
  StoreCall<RemoveSession> remove(std::string_view channel_id, std::string_view account,
                                  std::string_view app);
  StoreCall<GetSession> get(std::string_view channel_id);
  StoreCall<LocateAccount> locate(std::string_view account, std::string_view app);
  StoreCall<LocateAccounts> locate_many(std::span<const std::string> accounts,
                                        std::string_view app);
  StoreCall<CallRoll> call_roll(std::string_view gateway_id, std::string_view boot,
                                const pkt::RollCallReq& roll);

  // A few times a second at least, on the shard.
  void on_tick() { client_->on_tick(); }

 private:
  template <class Request>
  StoreCall<Request> ask(Request request, bool has_good_names);

  std::unique_ptr<StoreClient> client_;
};

}  // namespace ringgate
