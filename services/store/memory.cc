#include "services/store/memory.h"

#include "dataplane/check.h"
#include "services/store/layout.h"

namespace ringgate {

std::optional<std::string> MemoryStore::find(const Values& values, const std::string& key) {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  return found->second;
}

std::string MemoryStore::place_of(const std::string& account, const StoreRequest& request) const {
  return location_key(account, request.app, default_app_);
}

bool MemoryStore::submit(SessionCallBase& call) {
  const StoreRequest& request = call.request;
  switch (request.op) {
    case StoreOp::kAdd:
      add(request, call.answer);
      break;
    case StoreOp::kRemove:
      remove(request);
      break;
    case StoreOp::kGet:
      call.answer.values.push_back(find(sessions_, request.location.channel_id));
      break;
    case StoreOp::kLocate:
      for (const std::string& account : request.accounts) {
        call.answer.values.push_back(find(locations_, place_of(account, request)));
      }
      break;
  }
  return false;
}

void MemoryStore::add(const StoreRequest& request, StoreAnswer& answer) {
  const std::string place = place_of(request.accounts.front(), request);
  const std::optional<std::string> before = find(locations_, place);
  const std::optional<Location> old = before ? decode_location(*before) : std::nullopt;
  if (old && old->channel_id != request.location.channel_id) {
    sessions_.erase(old->channel_id);
    answer.values.push_back(before);
  }
  sessions_.insert_or_assign(request.location.channel_id, request.session);
  locations_.insert_or_assign(place, encode_location(request.location));
}

void MemoryStore::remove(const StoreRequest& request) {
  sessions_.erase(request.location.channel_id);
  const auto place = locations_.find(place_of(request.accounts.front(), request));
  if (place == locations_.end()) return;
  const std::optional<Location> location = decode_location(place->second);
  if (location && location->channel_id == request.location.channel_id) locations_.erase(place);
}

MakeStore memory_store() {
  return [](Shard& shard, MessageIds& ids) -> std::unique_ptr<SessionStore> {
    RINGGATE_CHECK(shard.options().shards == 1);
    ids.grant(NodeLease{});
    return std::make_unique<MemoryStore>();
  };
}

}  // namespace ringgate
