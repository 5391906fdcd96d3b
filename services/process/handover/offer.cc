#include "services/process/handover/offer.h"

#include <fmt/format.h>

#include "control/base/text.h"
#include "control/discovery/instance.h"

namespace ringgate::handover {
namespace {

// So many one after the other before an id comes again. Each has ended long before.
constexpr std::uint64_t kGenerations = 100;

std::uint64_t generation_of(const Offer& old) {
  const std::string begin = old.service_id + "--";
  if (!old.gateway_id.starts_with(begin)) return 0;
  return parse_number(std::string_view(old.gateway_id).substr(begin.size())).value_or(0);
}

}  // namespace

std::string next_gateway_id(const std::string& service_id, const Offer& old) {
  if (old.service_id != service_id) return service_id;
  const std::uint64_t generation = (generation_of(old) + 1) % kGenerations;
  if (generation == 0) return service_id;
  std::string id = fmt::format("{}--{}", service_id, generation);
  return valid_service_id(id) ? id : std::string();
}

}  // namespace ringgate::handover
