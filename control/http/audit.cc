#include "control/http/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "control/base/text.h"
#include "control/observe/log_event.h"

namespace ringgate::http {
namespace {

// A head has 8 KiB at most; nobody needs all of it in a line.
constexpr std::size_t kMostWhat = 512;

std::string_view first_line(const Reply& reply) {
  return std::string_view(reply.body).substr(0, reply.body.find('\n'));
}

}  // namespace

Asked Asked::of(const ReceivedRequest& request, const std::vector<std::string>& known) {
  std::string what = request.path;
  for (const auto& [name, value] : request.parameters) {
    what.append(what.contains('?') ? "&" : "?").append(name).append("=");
    what += std::ranges::find(known, name) == known.end() ? "…" : value;
  }
  if (what.size() > kMostWhat) what.resize(kMostWhat);
  return {request.method, printable(what), request.peer, !request.authorization.empty()};
}

void tell_asked(const Asked& asked, const Reply& reply) {
  const bool is_action = asked.method == "POST";
  const LogEvent event = is_action ? LogEvent::kAdminAction : LogEvent::kAdminRead;
  if (!is_told(event)) return;
  log_event(event,
            {{"from", asked.from},
             {"method", asked.method},
             {"what", asked.what},
             {"with_token", asked.with_token},
             {"status", static_cast<std::uint32_t>(reply.status)}},
            fmt::format("admin: {} {} from {} {}: {}", asked.method, asked.what, asked.from,
                        asked.with_token ? "with the token" : "without a token", reply.status));
}

void RefusedLog::tell(const Asked& asked, const Reply& reply) {
  if (!limits_.take(LogEvent::kAdminRefused, std::chrono::steady_clock::now())) return;
  const std::string why = printable(first_line(reply));
  log_event(LogEvent::kAdminRefused,
            {{"from", asked.from},
             {"method", asked.method},
             {"what", asked.what},
             {"with_token", asked.with_token},
             {"status", static_cast<std::uint32_t>(reply.status)},
             {"why", why}},
            fmt::format("admin: {} {} from {} refused with {}: {}", asked.method, asked.what,
                        asked.from, reply.status, why));
}

}  // namespace ringgate::http
