#include "services/gateway/inspection/heaviest.h"

#include <algorithm>
#include <vector>

#include "control/base/json_writer.h"
#include "services/gateway/channel.h"

namespace ringgate {
namespace {

struct Weighed {
  const Connection* connection;
  std::uint64_t queued_bytes;
  std::uint32_t sending_us;  // since the send in flight began
};

// The first kHeaviest by `weight`.
template <class Weight>
class Heaviest {
 public:
  explicit Heaviest(Weight weight) : weight_(weight) { some_.reserve(kHeaviest + 1); }
  void add(const Weighed& one) {
    if (some_.size() == kHeaviest && weight_(one) <= weight_(some_.back())) return;
    const auto place = std::ranges::upper_bound(some_, weight_(one), std::greater<>(), weight_);
    some_.insert(place, one);
    if (some_.size() > kHeaviest) some_.pop_back();
  }
  [[nodiscard]] const std::vector<Weighed>& all() const { return some_; }

 private:
  Weight weight_;
  std::vector<Weighed> some_;
};

std::string describe_client(const Weighed& one, const GatewayContext& context) {
  const Channel* const channel = channel_of(*one.connection);
  JsonWriter json;
  json.object("", [&] {
    json.text("account", channel == nullptr ? "" : channel->account(context.options.gateway_id));
    json.text("app", channel == nullptr ? "" : channel->app());
    json.text("channel", channel == nullptr ? "" : channel->id());
    json.text("remoteIP", one.connection->peer.ip());
    json.text("transport", describe(one.connection->transport));
    json.count("shard", context.shard.index());
    json.count("queuedBytes", one.queued_bytes);
    json.count("sendingMs", one.sending_us / 1000);
    json.count("outstanding", channel == nullptr ? 0 : channel->outstanding);
  });
  return json.take();
}

}  // namespace

HeaviestClients heaviest_clients(GatewayContext& context) {
  Heaviest fattest([](const Weighed& one) { return one.queued_bytes; });
  Heaviest slowest([](const Weighed& one) { return std::uint64_t{one.sending_us}; });
  Shard& shard = context.shard;
  shard.table().for_each_client([&](const Connection& connection) {
    const bool sends = (connection.ops & Connection::kSendOp) != 0;
    const Weighed one{&connection, connection.output.queued_bytes(),
                      sends ? connection.sent_after_us(shard.now_ms(), shard.now_us()) : 0};
    if (!connection.open() || one.queued_bytes == 0) return;
    fattest.add(one);
    slowest.add(one);
  });
  std::vector<Weighed> all = fattest.all();
  for (const Weighed& one : slowest.all()) {
    if (std::ranges::find(all, one.connection, &Weighed::connection) == all.end()) {
      all.push_back(one);
    }
  }
  HeaviestClients told;
  for (const Weighed& one : all) {
    if (told.count++ > 0) told.rows += ", ";
    told.rows += describe_client(one, context);
  }
  return told;
}

}  // namespace ringgate
