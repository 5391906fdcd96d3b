// Where logic services keep sessions and messages, played: what a store does, without one. All
// processes of a world share it, each over an end of its own that answers some time later, fails,
// or is away for a while.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/mail_sender.h"
#include "services/store/messages.h"
#include "services/store/sessions.h"
#include "tests/simulation/kernel.h"

namespace ringgate::sim {

[[nodiscard]] inline std::string group_of(std::uint32_t number) {
  return "group" + std::to_string(number);
}

// What is stored. It keeps to services/store/sessions.h and messages.h; of groups it has those that
// are there from the beginning.
class Stored {
 public:
  explicit Stored(Scheduler& scheduler, std::uint64_t boot_ms) noexcept
      : scheduler_(scheduler), boot_ms_(boot_ms) {}

  void answer(StoreJobOf<AddSession>& job);
  void answer(StoreJobOf<RemoveSession>& job);
  void answer(StoreJobOf<GetSession>& job);
  void answer(StoreJobOf<LocateAccount>& job);
  void answer(StoreJobOf<LocateAccounts>& job);
  void answer(StoreJobOf<CallRoll>& job);
  void answer(StoreJobOf<TalkToUser>& job);
  void answer(StoreJobOf<TalkToGroup>& job);
  void answer(StoreJobOf<JoinGroup>& job);
  void answer(StoreJobOf<QuitGroup>& job);
  void answer(StoreJobOf<ReadMessageIndex>& job);
  template <class Request>
  void answer(StoreJobOf<Request>& job) {
    job.fail(StoreError::kUnavailable);
  }
  void undo(const AddSession& request);

  [[nodiscard]] std::size_t sessions() const noexcept { return sessions_.size(); }
  [[nodiscard]] std::size_t locations() const noexcept { return locations_.size(); }
  // The channel where that account is; empty: it is nowhere.
  [[nodiscard]] std::string_view channel_of(const std::string& account) const;
  void add_group(const std::string& id, const std::vector<std::string>& members) {
    groups_[id] = members;
  }
  // Whether that account is to get the talk of that text.
  [[nodiscard]] bool is_for(const std::string& text, const std::string& account) const;
  // How often a talk of that text is stored.
  [[nodiscard]] std::uint32_t times(const std::string& text) const;

 private:
  void remove(const std::string& channel, const std::string& account);
  [[nodiscard]] std::optional<Location> location_of(const std::string& account) const;

  Scheduler& scheduler_;
  std::uint64_t boot_ms_;
  std::map<std::string, std::uint64_t> boots_;  // until when they live
  std::unordered_map<std::string, pkt::Session> sessions_;
  std::unordered_map<std::string, Location> locations_;
  struct Talk {
    std::uint32_t times = 0;
    std::vector<std::string> receivers;
  };
  void store(const Message& message, std::vector<std::string> receivers, const std::string& group);

  std::unordered_map<std::string, Talk> talks_;  // by text
  std::map<std::string, std::vector<std::string>> groups_;
  std::unordered_map<std::string, std::vector<MessageIndexEntry>> indexes_;
};

struct StoreHabits {
  std::uint64_t most_ms = 5;  // until an answer
  std::uint32_t fails = 0;    // once in so many calls
};

// What StoreThread is in the product: the endpoint of one process for sessions, or for messages.
class StoreEnd {
 public:
  enum class Kind : std::uint8_t { kSessions, kMessages };

  StoreEnd(Kernel& kernel, Stored& stored, Kind kind, std::uint32_t index, Switchboard& board,
           std::uint32_t endpoint, const StoreHabits& habits);
  StoreEnd(const StoreEnd&) = delete;
  StoreEnd& operator=(const StoreEnd&) = delete;

  StoreHabits habits;
  void turn();
  // For so long calls fail, or have no answer until it is over.
  void be_away(std::uint64_t ms, bool fails);

 private:
  struct Asked {
    std::uint64_t at_ns = 0;
    StoreJob* job = nullptr;
    bool late = false;  // its answer was: it is to be undone
  };
  void take(StoreJob& job, bool late);
  void do_it(const Asked& asked);

  Kernel& kernel_;
  Scheduler& scheduler_;
  Stored& stored_;
  Kind kind_;
  std::uint32_t index_;
  Switchboard& board_;
  std::uint32_t self_;
  MailSender sender_;
  std::deque<Asked> asked_;  // in order, as over one connection
  std::uint64_t away_until_ns_ = 0;
  bool fails_ = false;
};

}  // namespace ringgate::sim
