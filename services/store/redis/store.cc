#include "services/store/redis/store.h"

#include <utility>

#include "services/store/mail.h"
#include "services/store/mail_kinds.h"

namespace ringgate {
namespace {

// The store's thread has its own timeout; this one is for a thread that is stuck.
constexpr std::uint32_t kGraceMs = 1'000;

}  // namespace

MakeStore redis_store(const RedisStoreOptions& options) {
  return [options](Shard& shard, MessageIds& ids) -> std::unique_ptr<SessionStore> {
    return std::make_unique<RedisStore>(options, shard, ids);
  };
}

RedisStore::RedisStore(const RedisStoreOptions& options, Shard& shard, MessageIds& ids) noexcept
    : shard_(shard),
      ids_(ids),
      to_(shard.extra(options.extra_endpoint)),
      timeout_ms_(options.timeout_ms + kGraceMs) {}

bool RedisStore::submit(SessionCallBase& call) {
  std::uint8_t* const room = shard_.mail(to_, kMailStoreRequest, request_mail_bytes(call.request));
  if (room == nullptr) {
    call.answer.error = StoreError::kFull;
    return false;
  }
  call.id = next_id_++;
  write_request_mail(room, call.id, call.request);
  calls_.emplace(call.id, &call);
  deadlines_.push_back({Clock::deadline(shard_.now_ms(), timeout_ms_), call.id});
  return true;
}

void RedisStore::forget(SessionCallBase& call) {
  calls_.erase(call.id);
}

void RedisStore::complete(std::uint64_t id, StoreAnswer&& answer) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;  // given up meanwhile
  SessionCallBase& call = *found->second;
  calls_.erase(found);
  call.complete(std::move(answer));
}

bool RedisStore::on_mail(MailKind kind, ByteView message) {
  switch (kind) {
    case kMailStoreAnswer: {
      std::uint64_t id = 0;
      StoreAnswer answer = read_answer_mail(message, id);
      complete(id, std::move(answer));
      return true;
    }
    case kMailNodeLease: {
      const NodeLeaseMail mail = kMailNodeLease.read(message);
      if (mail.granted != 0) {
        ids_.grant(mail.lease);
      } else {
        ids_.revoke();
      }
      return true;
    }
    default:
      return false;
  }
}

// A sign-in that is given up must not happen later: its removal follows it to the thread, where it
// is, too, if there is no connection.
void RedisStore::undo(std::uint64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second->request.op != StoreOp::kAdd) return;
  StoreRequest removal = found->second->request;
  removal.op = StoreOp::kRemove;
  removal.session.clear();
  std::uint8_t* const room = shard_.mail(to_, kMailStoreRequest, request_mail_bytes(removal));
  if (room != nullptr) write_request_mail(room, next_id_++, removal);
}

void RedisStore::on_tick() {
  while (!deadlines_.empty() && Clock::passed(shard_.now_ms(), deadlines_.front().at_ms)) {
    const std::uint64_t id = deadlines_.front().id;
    deadlines_.pop_front();
    undo(id);
    complete(id, StoreAnswer{StoreError::kTimeout, {}});
  }
}

}  // namespace ringgate
