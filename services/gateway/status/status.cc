#include "services/gateway/status/status.h"

#include "control/base/json_writer.h"
#include "control/base/text.h"
#include "services/flags/version.h"
#include "services/gateway/counters.h"
#include "services/gateway/status/history.h"

namespace ringgate {

std::string status_json(const StatusFacts& facts, const StatusHistory& history, std::uint64_t since,
                        const StatusParts& parts) {
  JsonWriter json;
  json.object("", [&] {
    json.text("version", version_text());
    json.text("serviceId", facts.service_id);
    json.text("serviceName", facts.service_name);
    json.count("now", static_cast<std::uint64_t>(facts.now_unix_ms));
    json.count("uptimeSeconds", facts.uptime_s);
    json.count("shards", facts.shards);
    json.count("room", facts.room);
    json.count("historySeconds", facts.history_s);
    json.flag("ready", !facts.problem);
    json.text_or_null("problem", facts.problem.value_or(""));
    history.write(json, since,
                  [](CloseReason reason) { return describe(reason, kGatewayNames).name; });
    const auto put = [&json](std::string_view key, const std::string& part) {
      part.empty() ? json.null(key) : json.raw(key, trim(part));
    };
    put("links", parts.services);
    put("heaviest", parts.heaviest);
  });
  return json.take() + "\n";
}

}  // namespace ringgate
