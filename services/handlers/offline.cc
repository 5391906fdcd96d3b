// What an account has missed: first which messages, then what they say.
#include <optional>
#include <utility>
#include <vector>

#include "codec/pkt.pb.h"
#include "services/handlers/chat_commands.h"

namespace ringgate::chat {
namespace {

constexpr int kMostContents = 200;

// The first ones that are not too long together, one at least.
void keep_what_fits(Context& context, ReadMessages::Answer& read, std::int64_t most) {
  std::int64_t bytes = 0;
  bool is_first = true;
  for (std::size_t i = 0; i < read.size(); ++i) {
    const std::optional<ReadMessages::Found>& one = read[i];
    if (!one) continue;
    bytes += static_cast<std::int64_t>(one->body.size() + one->extra.size()) + one->left_out;
    if (std::exchange(is_first, false) || bytes <= most) continue;
    read.resize(i);
    context.shard().outbox.shard().counters().add(LogicCounter::kContentsCut);
  }
}

std::vector<std::int64_t> left_out_of(const ReadMessages::Answer& read,
                                      const std::vector<std::int64_t>& ids) {
  std::vector<std::int64_t> longer;
  for (std::size_t i = 0; i < read.size(); ++i) {
    const std::optional<ReadMessages::Found>& one = read[i];
    if (one && one->left_out > 0) longer.push_back(ids[i]);
  }
  return longer;
}

// `longer` are those of left_out_of().
void put_in(ReadMessages::Answer& read, ReadMessages::Answer longer) {
  auto next = longer.begin();
  for (std::optional<ReadMessages::Found>& one : read) {
    if (one && one->left_out > 0) one = std::move(*next++);
  }
}

pkt::MessageContentResp answer_of(const std::vector<std::int64_t>& ids,
                                  ReadMessages::Answer& read) {
  pkt::MessageContentResp answer;
  for (std::size_t i = 0; i < read.size(); ++i) {
    pkt::MessageContent& content = *answer.add_contents();
    std::optional<ReadMessages::Found>& one = read[i];
    if (!one) continue;
    content.set_messageid(ids[i]);
    content.set_type(one->type);
    content.set_body(std::move(one->body));
    content.set_extra(std::move(one->extra));
  }
  return answer;
}

}  // namespace

Task offline_index(Context& context, const ChatOptions& options) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::MessageIndexReq> asked = context.parse<pkt::MessageIndexReq>();
  if (!asked) co_return;
  auto reading = context.messages().ask(ReadMessageIndex{
      caller->message_app, caller->account, asked->message_id(), context.received_ns()});
  const auto missed = co_await reading;
  if (!missed) {
    context.fail(missed.error());
    co_return;
  }
  pkt::MessageIndexResp answer;
  for (const MessageIndexEntry& entry : *missed) {  // direction 0: received
    pkt::MessageIndex& index = *answer.add_indexes();
    index.set_message_id(entry.message_id);
    index.set_send_time(entry.send_time_ns);
    index.set_accountb(entry.sender);
    index.set_group(entry.group_id);
  }
  context.respond(Status::kSuccess, answer);
}

// Clients put contents and the ids that they asked for together by their places, so that each id
// has one: an empty one, where it is nobody's or not the caller's. Where all would be too long, the
// first ones: whoever gets fewer than asked for does not go by places, and asks for the rest.
Task offline_content(Context& context, const ChatOptions& options) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::MessageContentReq> asked = context.parse<pkt::MessageContentReq>();
  if (!asked) co_return;
  if (asked->message_ids().empty()) {
    context.fail(Status::kInvalidPacketBody, "the request names no message");
    co_return;
  }
  if (asked->message_ids_size() > kMostContents) {
    context.fail(Status::kSystemException, "the request names more than 200 messages");
    co_return;
  }
  std::vector<std::int64_t> ids(asked->message_ids().begin(), asked->message_ids().end());
  // So many bytes of each that all together are not too many; then the longer ones, of those that
  // there is room for.
  const auto most = static_cast<std::int64_t>(options.max_content_bytes);
  const auto count = static_cast<std::int64_t>(ids.size());
  auto reading =
      context.messages().ask(ReadMessages{caller->message_app, caller->account, ids, most / count});
  auto read = co_await reading;
  if (!read) {
    context.fail(read.error());
    co_return;
  }
  keep_what_fits(context, *read, most);
  ids.resize(read->size());
  if (std::vector<std::int64_t> longer = left_out_of(*read, ids); !longer.empty()) {
    auto reading_longer = context.messages().ask(
        ReadMessages{caller->message_app, caller->account, std::move(longer)});
    auto found = co_await reading_longer;
    if (!found) {
      context.fail(found.error());
      co_return;
    }
    put_in(*read, std::move(*found));
  }
  context.respond(Status::kSuccess, answer_of(ids, *read));
}

}  // namespace ringgate::chat
