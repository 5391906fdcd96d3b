// What the message store is asked: talks, what their receivers have read, and groups. A handler
// awaits its calls (calls/call.h); the answer to a talk means that it is on the disk.
//
// Every call names an app, and finds only what is that app's. Times are Unix ns. Names and ids are
// checked by codec/names.h before anything is asked: kBadName.
//
// One MessageStore for each shard, on its thread. Where the messages are: message_options.h.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/store/calls/call.h"

namespace ringgate {

struct MessageBody {
  std::int32_t type = 0;
  std::string body;
  std::string extra;
};

struct Message {
  std::int64_t id = 0;  // of MessageIds: nobody else has it
  // When it was received. The store makes that later where others have been stored meanwhile: what
  // is stored later has a later time, so that nothing is stored behind what somebody has read.
  std::int64_t send_time_ns = 0;
  std::string sender;
  MessageBody content;
};

// --- Talks --------------------------------------------------------------------------------------

// To one account, whether or not anybody knows it. The receiver owns the message, and the sender
// may read it.
struct TalkToUser {
  static constexpr std::string_view kName = "talk";
  struct Answer {
    std::int64_t send_time_ns = 0;  // that it has now
  };

  std::string app;
  std::string receiver;
  Message message;
};

// To a group: each member but the sender owns the message. Nothing is stored for a group that is
// not there, or, with `members_only`, for a sender who does not belong to it.
struct TalkToGroup {
  static constexpr std::string_view kName = "group_talk";
  struct Answer {
    bool exists = false;
    bool belongs = false;              // the sender: a member, or the owner
    std::vector<std::string> members;  // all, the sender if among them
    std::int64_t send_time_ns = 0;     // that it has now, if it is stored
  };

  std::string app;
  std::string group_id;
  Message message;
  bool members_only = false;
};

// --- What was missed ----------------------------------------------------------------------------

// From now on the account's index begins after that message. The last call decides, also when it
// names an older message. 0: nothing happens.
struct AckMessages {
  static constexpr std::string_view kName = "ack";
  using Answer = void;

  std::string app;
  std::string account;
  std::int64_t message_id = 0;
};

struct MessageIndexEntry {
  std::int64_t message_id = 0;
  std::int64_t send_time_ns = 0;
  std::string sender;
  std::string group_id;  // empty: not to a group
};

// What the account owns, in the order of send times, at most kMost: after the message `after`, and
// not older than OfflineDays. 0 is what was acked last; an id that the app does not know stands for
// a day ago; a negative one for the beginning. Any but 0 is acked as well.
struct ReadMessageIndex {
  static constexpr std::string_view kName = "index";
  static constexpr std::size_t kMost = 2'000;
  using Answer = std::vector<MessageIndexEntry>;

  std::string app;
  std::string account;
  std::int64_t after = 0;
  std::int64_t now_ns = 0;
};

// In the order asked, one for each id, also for one that is there twice. Nothing: it is unknown, or
// the account neither owns nor sent it. Of one whose body and extra are longer than `most_bytes`,
// both are left out: they are not even read.
struct ReadMessages {
  static constexpr std::string_view kName = "content";
  struct Found : MessageBody {
    std::int64_t left_out = 0;  // bytes
  };
  using Answer = std::vector<std::optional<Found>>;

  std::string app;
  std::string account;
  std::vector<std::int64_t> message_ids;
  std::int64_t most_bytes = std::numeric_limits<std::int64_t>::max();  // of each
};

// --- Groups -------------------------------------------------------------------------------------

struct ChatGroup {
  std::string id;
  std::string name;
  std::string avatar;
  std::string introduction;
  std::string owner;
  std::int64_t created_ns = 0;
};

struct GroupMember {
  std::string account;
  std::int64_t joined_ns = 0;
};

enum class GroupOutcome : std::uint8_t {
  kDone,
  kNoGroup,     // no group of the app has that id
  kNotAllowed,  // the caller is neither the account nor the group's owner
  kAlready,     // joins: it is a member; creates: there is a group of that id
  kNotMember,   // quits
  kFull,        // MaxGroupMembers
  kNoMembers,   // creates
  kTwice,       // creates: a member is there twice
};

// Members are exactly those listed: the owner is one if it is among them.
struct CreateGroup {
  static constexpr std::string_view kName = "group_create";
  using Answer = GroupOutcome;

  std::string app;
  ChatGroup group;
  std::vector<std::string> members;
};

// A change of one member, and who the members are then.
struct GroupChange {
  GroupOutcome outcome = GroupOutcome::kDone;
  std::string owner;
  std::vector<std::string> members;
};

// `caller` is who asks, `account` who is to be a member.
struct JoinGroup {
  static constexpr std::string_view kName = "group_join";
  using Answer = GroupChange;

  std::string app;
  std::string group_id;
  std::string caller;
  std::string account;
  std::int64_t now_ns = 0;
};
struct QuitGroup {
  static constexpr std::string_view kName = "group_quit";
  using Answer = GroupChange;

  std::string app;
  std::string group_id;
  std::string caller;
  std::string account;
};

struct GroupDetail {
  ChatGroup group;
  std::vector<GroupMember> members;  // in the order in which they joined
};

// Nothing: no group of the app has that id.
struct ReadGroup {
  static constexpr std::string_view kName = "group_detail";
  using Answer = std::optional<GroupDetail>;

  std::string app;
  std::string group_id;
};

using MessageCalls = StoreCalls<TalkToUser, TalkToGroup, AckMessages, ReadMessageIndex,
                                ReadMessages, CreateGroup, JoinGroup, QuitGroup, ReadGroup>;

// ------------------------------------------------------------------------------------------------

class MessageStore {
 public:
  explicit MessageStore(std::unique_ptr<StoreClient> client) noexcept
      : client_(std::move(client)) {}

  // Any of the above: `auto call = messages.ask(TalkToUser{...}); const auto done = co_await call;`
  template <class Request>
  [[nodiscard]] StoreCall<Request> ask(Request request) {
    constexpr std::uint8_t kCall = MessageCalls::index_of<Request>();
    if (!has_valid_names(request)) return {*client_, kCall, StoreError::kBadName};
    return {*client_, kCall, std::move(request)};
  }

  // A few times a second at least, on the shard.
  void on_tick() { client_->on_tick(); }

 private:
  static bool has_valid_names(const TalkToUser& request);
  static bool has_valid_names(const TalkToGroup& request);
  static bool has_valid_names(const AckMessages& request);
  static bool has_valid_names(const ReadMessageIndex& request);
  static bool has_valid_names(const ReadMessages& request);
  static bool has_valid_names(const CreateGroup& request);
  static bool has_valid_names(const JoinGroup& request);
  static bool has_valid_names(const QuitGroup& request);
  static bool has_valid_names(const ReadGroup& request);

  std::unique_ptr<StoreClient> client_;
};

}  // namespace ringgate
