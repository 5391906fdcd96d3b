#include "control/discovery/instance.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <ctime>

#include "control/base/address.h"

namespace ringgate {
namespace {

// ", since 2026-11-27 09:12:03 UTC"; nothing where it is not said.
std::string since(const Instance& service) {
  const auto meta = service.meta.find(kStartedMeta);
  if (meta == service.meta.end()) return {};
  constexpr std::int64_t kYear10000 = 253'402'300'800'000;
  const std::string& text = meta->second;
  std::int64_t ms = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), ms);
  const bool is_whole = failure == std::errc() && end == text.data() + text.size();
  if (!is_whole || ms <= 0 || ms >= kYear10000) return {};
  return fmt::format(", since {:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(static_cast<std::time_t>(ms / 1000)));
}

}  // namespace

std::string identity_text(const std::string& id, const std::string& started) {
  return id + " " + started + "\n";
}

std::string identity_text(const Instance& service) {
  const auto started = service.meta.find(kStartedMeta);
  return identity_text(service.id, started == service.meta.end() ? "" : started->second);
}

Error id_is_taken(const Instance& living) {
  const std::string where = living.address.empty()
                                ? ", which is starting or ending"
                                : ", at " + format_endpoint({living.address, living.port});
  return Error{
      fmt::format("ServiceID {} is that of another living process{}{}; give this one a ServiceID "
                  "of its own, or end the other one first",
                  living.id, where, since(living))};
}

}  // namespace ringgate
