#include "services/gateway/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "control/base/json.h"
#include "dataplane/upstream.h"
#include "services/auth/token.h"
#include "services/gateway/explain.h"

namespace ringgate {
namespace {

constexpr const char* kJsonType = "application/json";
// Shards answer within a turn of their loop; one that does not is stuck, and /health says so.
constexpr std::chrono::milliseconds kShardPatience{1000};
constexpr std::chrono::milliseconds kPatience{2000};

void append_field(std::string& json, std::string_view key, std::string_view value) {
  append_json_string(json, key);
  json += ": ";
  append_json_string(json, value);
}

void append_instance(std::string& json, const InstanceStatus& instance, const LinkRow& row) {
  const Service& service = instance.service;
  json += '{';
  append_field(json, "service", service.name);
  json += ", ";
  append_field(json, "id", service.id);
  json += ", ";
  append_field(json, "address", format_endpoint({service.address, service.port}));
  json += ", ";
  append_field(json, "zone", service.zone);
  json += ", ";
  append_field(json, "state", instance_state(instance));
  json += fmt::format(
      ", \"outstanding\": {}, \"queuedBytes\": {}, \"ejectedByShards\": {}, \"links\": [",
      row.outstanding, row.queued_bytes, row.ejected);
  for (const InstanceStatus::Lane& lane : instance.lanes) {
    if (!json.ends_with('[')) json += ", ";
    json += fmt::format("{{\"shard\": {}, ", lane.shard);
    append_field(json, "state", describe(lane.state));
    json += ", ";
    append_field(json, "lastError", lane.last_error);
    json += '}';
  }
  json += "]}";
}

std::string_view value_of(const HttpRequest& request, std::string_view key) {
  const auto at = request.query.find(std::string(key));
  return at == request.query.end() ? std::string_view() : at->second;
}

Result<ChannelFilter> read_filter(const HttpRequest& request) {
  const std::string_view account = value_of(request, "account");
  const std::string_view app = value_of(request, "app");
  const std::string_view channel = value_of(request, "channel");
  if (request.query.contains("channel") == request.query.contains("account") ||
      (request.query.contains("channel") && request.query.contains("app"))) {
    return usage_error("say whose: ?account=NAME, ?account=NAME&app=NAME or ?channel=ID");
  }
  ChannelFilter filter{};
  if (request.query.contains("channel")) {
    if (channel.empty() || !filter.channel.set(channel)) {
      return usage_error("a channel is 1 to 255 bytes");
    }
    return filter;
  }
  if (!is_valid_account(account) || !filter.account.set(account)) {
    return usage_error("an account is 1 to {} bytes of UTF-8 without commas and control characters",
                       kMaxAccountBytes);
  }
  if (request.query.contains("app") && (!is_valid_app(app) || !filter.app.set(app))) {
    return usage_error("an app is 1 to {} bytes of UTF-8 without commas and control characters",
                       kMaxAppBytes);
  }
  return filter;
}

}  // namespace

// --- The monitor's threads ----------------------------------------------------------------------

HttpReply GatewayAdmin::services() {
  return ask(Inspection::kLinks, {});
}

HttpReply GatewayAdmin::channels(const HttpRequest& request, Inspection inspection) {
  const Result<ChannelFilter> filter = read_filter(request);
  if (!filter) return {400, filter.error().message + "\n"};
  return ask(inspection, *filter);
}

HttpReply GatewayAdmin::explain(const HttpRequest& request, const Config& config) {
  const auto value = [&request](const char* key, const char* otherwise) {
    const auto at = request.query.find(key);
    return at == request.query.end() ? std::string(otherwise) : at->second;
  };
  const RouteQuery query{value("app", ""), value("account", ""), value("service", "chat"),
                         value("channel", "")};
  if (const Result<void> good = check_query(query); !good) {
    return {400, good.error().message + "\n"};
  }
  return wait_for([this, query, &config](const Answer& answer) {
    if (links_.catalogue() == nullptr) {
      answer->set_value({503, "the registry has not answered yet\n"});
      return;
    }
    const std::set<std::uint32_t> connected = ejections_.usable(links_.instances());
    const RouteWorld world{
        *links_.catalogue(), config.routes, config.service_id,
        [&](const CatalogueEntry& entry) { return connected.contains(entry.upstream); }};
    answer->set_value({200, to_json(explain_route(world, query)) + "\n", kJsonType});
  });
}

HttpReply GatewayAdmin::ask(Inspection inspection, const ChannelFilter& filter) {
  return wait_for(
      [this, inspection, filter](const Answer& answer) { begin(inspection, filter, answer); });
}

// Runs `begin` on the control thread, and waits for what it answers now or later.
HttpReply GatewayAdmin::wait_for(const std::function<void(const Answer&)>& begin) {
  const auto answer = std::make_shared<std::promise<HttpReply>>();
  std::future<HttpReply> reply = answer->get_future();
  loop_.post([begin, answer] { begin(answer); });
  if (reply.wait_for(kPatience) == std::future_status::ready) return reply.get();
  return {503, "the gateway is busy or ending; it may still happen\n"};
}

// --- The control thread -------------------------------------------------------------------------

void GatewayAdmin::begin(Inspection inspection, const ChannelFilter& filter, const Answer& answer) {
  const std::uint32_t number = next_question_++;
  Question& question = questions_[number];
  question.inspection = inspection;
  question.answer = answer;
  question.not_answered = shards_.size();
  question.timer = loop_.after(kShardPatience, [this, number] { end(number); });
  InspectMail mail{};
  mail.question = number;
  mail.inspection = inspection;
  mail.filter = filter;
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
    shards_.post(shard, kMailInspect, mail);
  }
}

void GatewayAdmin::take(ByteView message) {
  const auto head = read_mail<InspectedHead>(message);
  message = message.subspan(sizeof head);
  const auto found = questions_.find(head.question);
  if (found == questions_.end()) return;  // too late
  Question& question = found->second;
  question.more = question.more || head.more != 0;
  question.channel_count += head.channels;
  if (question.inspection == Inspection::kLinks) {
    for (; message.size() >= sizeof(LinkRow); message = message.subspan(sizeof(LinkRow))) {
      const auto row = read_mail<LinkRow>(message);
      LinkRow& sum = question.links[row.upstream];
      sum.outstanding += row.outstanding;
      sum.queued_bytes += row.queued_bytes;
      sum.ejected += row.ejected;
    }
  } else if (!message.empty()) {
    if (!question.channels.empty()) question.channels += ", ";
    question.channels += as_text(message);
  }
  if (--question.not_answered == 0) end(head.question);
}

void GatewayAdmin::end(std::uint32_t number) {
  const auto found = questions_.find(number);
  if (found == questions_.end()) return;
  const Question& question = found->second;
  loop_.cancel(question.timer);
  std::string json =
      question.inspection == Inspection::kLinks ? services_json(question) : channels_json(question);
  // An answer that does not hold everything says so.
  if (question.more) json += ", \"more\": true";
  if (question.not_answered > 0) {
    json += fmt::format(", \"shardsWithoutAnswer\": {}", question.not_answered);
  }
  question.answer->set_value({200, json + "}\n", kJsonType});
  questions_.erase(found);
}

std::string GatewayAdmin::channels_json(const Question& question) {
  return fmt::format("{{\"channels\": [{}], \"{}\": {}", question.channels,
                     question.inspection == Inspection::kKick ? "kicked" : "count",
                     question.channel_count);
}

std::string GatewayAdmin::services_json(const Question& question) const {
  std::string json = "{\"services\": [";
  for (const InstanceStatus& instance : links_.instances()) {
    if (!json.ends_with('[')) json += ", ";
    const auto row = question.links.find(instance.upstream);
    append_instance(json, instance, row == question.links.end() ? LinkRow{} : row->second);
  }
  return json + "]";
}

}  // namespace ringgate
