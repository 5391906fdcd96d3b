#include "services/gateway/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "control/base/json_writer.h"
#include "control/base/text.h"
#include "services/auth/token.h"
#include "services/gateway/explain.h"
#include "services/gateway/recorder/words.h"
#include "services/gateway/upstreams/upstream.h"

namespace ringgate {
namespace {

constexpr const char* kJsonType = "application/json";
// Shards answer within a turn of their loop; one that does not is stuck, and /health says so.
constexpr std::chrono::milliseconds kShardPatience{1000};
constexpr std::chrono::milliseconds kPatience{2000};
constexpr std::chrono::milliseconds kHeaviestEvery{3000};
constexpr std::size_t kInstancesKept = 4096;  // the newest

// Empty: there was none.
std::string time_of_error(const InstanceStatus::Lane& lane) {
  using std::chrono::microseconds;
  if (lane.last_error.empty()) return {};
  return format_time(
      std::chrono::duration_cast<microseconds>(lane.last_error_at.time_since_epoch()).count());
}

void write_instance(JsonWriter& json, const InstanceStatus& instance, const LinkRow& row,
                    const InstanceRates& rates) {
  const Instance& service = instance.service;
  json.object("", [&] {
    json.text("service", service.name);
    json.text("id", service.id);
    json.text("address", format_endpoint({service.address, service.port}));
    json.text("zone", service.zone);
    json.text("state", describe(state_of(instance)));
    json.count("outstanding", row.outstanding);
    json.count("queuedBytes", row.queued_bytes);
    json.count("ejectedByShards", row.ejected);
    json.number("forwardsPerSecond", rates.forwarded, 1);
    json.number("failuresPerSecond", rates.failed, 1);
    json.number("answerMs", rates.answer_ms < 0 ? std::nullopt : std::optional(rates.answer_ms));
    json.array("links", [&] {
      for (const InstanceStatus::Lane& lane : instance.lanes) {
        json.object("", [&] {
          json.count("shard", lane.shard);
          json.text("state", describe(lane.state));
          json.text("lastError", lane.last_error);
          json.text_or_null("lastErrorAt", time_of_error(lane));
        });
      }
    });
  });
}

std::string_view value_of(const http::Request& request, std::string_view key) {
  const auto at = request.query.find(std::string(key));
  return at == request.query.end() ? std::string_view() : at->second;
}

Result<ChannelFilter> read_filter(const http::Request& request) {
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

http::Reply GatewayAdmin::services() {
  return ask(Inspection::kLinks, {});
}

http::Reply GatewayAdmin::status(const http::Request& request, const StatusFacts& facts) {
  const std::string_view since = value_of(request, "since");
  const std::optional<std::uint64_t> from = since.empty() ? 0 : parse_number(since);
  if (!from) return {400, "since is a number: next of an earlier answer\n"};
  const auto body_of = [](const http::Reply& reply) {
    return reply.status == 200 ? reply.body : std::string();
  };
  const StatusParts parts{body_of(ask(Inspection::kLinks, {})), heaviest()};
  return {200, status_json(facts, history_, *from, parts), kJsonType};
}

// Shards look at all of their clients for it: whoever asks every second gets what was asked lately.
std::string GatewayAdmin::heaviest() {
  const auto now = std::chrono::steady_clock::now();
  {
    const MutexLock lock(heaviest_mutex_);
    if (!heaviest_.empty() && now - heaviest_at_ < kHeaviestEvery) return heaviest_;
    heaviest_at_ = now;  // others take the old one meanwhile
  }
  const http::Reply reply = ask(Inspection::kHeaviest, {});
  const MutexLock lock(heaviest_mutex_);
  if (reply.status == 200) heaviest_ = reply.body;
  return heaviest_;
}

http::Reply GatewayAdmin::channels(const http::Request& request, Inspection inspection) {
  const Result<ChannelFilter> filter = read_filter(request);
  if (!filter) return {400, filter.error().message + "\n"};
  return ask(inspection, *filter);
}

http::Reply GatewayAdmin::explain(const http::Request& request, const Config& config) {
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
        *links_.catalogue(), config.routes, config.gateway_id(),
        [&](const CatalogueEntry& entry) { return connected.contains(entry.upstream); }};
    answer->set_value({200, to_json(explain_route(world, query)) + "\n", kJsonType});
  });
}

http::Reply GatewayAdmin::ask(Inspection inspection, const ChannelFilter& filter) {
  return wait_for([this, inspection, filter](const Answer& answer) {
    InspectMail mail{};
    mail.inspection = inspection;
    mail.filter = filter;
    begin(mail).answer = answer;
  });
}

std::optional<ShardAnswers> GatewayAdmin::ask_rows(const InspectMail& mail, const Adjust& adjust) {
  const auto promise = std::make_shared<std::promise<ShardAnswers>>();
  std::future<ShardAnswers> answers = promise->get_future();
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): none leaks
  loop_.post([this, mail, adjust, promise] { begin(mail, adjust).rows_wanted = promise; });
  if (answers.wait_for(kPatience) != std::future_status::ready) return std::nullopt;
  return answers.get();
}

// Runs `begin` on the control thread, and waits for what it answers now or later.
http::Reply GatewayAdmin::wait_for(const std::function<void(const Answer&)>& begin) {
  const auto answer = std::make_shared<std::promise<http::Reply>>();
  std::future<http::Reply> reply = answer->get_future();
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): none leaks
  loop_.post([begin, answer] { begin(answer); });
  if (reply.wait_for(kPatience) == std::future_status::ready) return reply.get();
  return {503, "the gateway is busy or ending; it may still happen\n"};
}

// --- The control thread -------------------------------------------------------------------------

GatewayAdmin::Question& GatewayAdmin::begin(InspectMail mail, const Adjust& adjust) {
  const std::uint32_t number = next_question_++;
  Question& question = questions_[number];
  question.inspection = mail.inspection;
  question.not_answered = shards_.size();
  question.timer = loop_.after(kShardPatience, [this, number] { end(number); });
  mail.question = number;
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
    if (adjust) adjust(shard, mail);
    shards_.post(shard, kMailInspect, mail);
  }
  return question;
}

void GatewayAdmin::note_instances() {
  for (const InstanceStatus& instance : links_.instances()) {
    instances_[instance.upstream] = instance.service.id;
  }
  while (instances_.size() > kInstancesKept) instances_.erase(instances_.begin());
}

void GatewayAdmin::take(std::uint32_t shard, ByteView message) {
  const InspectedHead head = kMailInspected.read(message);
  const auto found = questions_.find(head.question);
  if (found == questions_.end()) return;  // too late
  Question& question = found->second;
  question.more = question.more || head.more != 0;
  question.channel_count += head.channels;
  if (question.rows_wanted != nullptr) {
    question.rows.answers.push_back({shard, head, {message.begin(), message.end()}});
  } else if (question.inspection == Inspection::kLinks) {
    for (; message.size() >= sizeof(LinkRow); message = message.subspan(sizeof(LinkRow))) {
      LinkRow row{};
      std::memcpy(&row, message.data(), sizeof row);
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
  Question& question = found->second;
  loop_.cancel(question.timer);
  if (question.rows_wanted != nullptr) {
    question.rows.missing = question.not_answered;
    for (const auto& [upstream, id] : instances_) {
      question.rows.instances[static_cast<std::uint16_t>(upstream)] = id;
    }
    question.rows_wanted->set_value(std::move(question.rows));
    questions_.erase(found);
    return;
  }
  JsonWriter json;
  json.object("", [&] {
    if (question.inspection == Inspection::kLinks) {
      write_services(json, question);
    } else {
      write_channels(json, question);
    }
    // An answer that does not hold everything says so.
    if (question.more) json.flag("more", true);
    if (question.not_answered > 0) json.count("shardsWithoutAnswer", question.not_answered);
  });
  question.answer->set_value({200, json.take() + "\n", kJsonType});
  questions_.erase(found);
}

void GatewayAdmin::write_channels(JsonWriter& json, const Question& question) {
  json.array("channels", [&] {
    if (!question.channels.empty()) json.raw("", question.channels);
  });
  json.count(question.inspection == Inspection::kKick ? "kicked" : "count", question.channel_count);
}

void GatewayAdmin::write_services(JsonWriter& json, const Question& question) const {
  json.array("services", [&] {
    for (const InstanceStatus& instance : links_.instances()) {
      const auto row = question.links.find(instance.upstream);
      write_instance(json, instance, row == question.links.end() ? LinkRow{} : row->second,
                     history_.rates_of(instance.upstream));
    }
  });
}

}  // namespace ringgate
