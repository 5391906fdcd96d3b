// What registries say of services: a registry file, and the two answers of Consul. Whatever is
// taken keeps the rules for services; and what is written of it is read again as the same.
#include <algorithm>
#include <string>

#include "control/discovery/consul/json.h"
#include "control/discovery/json.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

void check_list(const InstanceList& list) {
  for (const Instance& service : list.services) {
    fuzz_check(valid_service_id(service.id), "an id that is none");
    fuzz_check(service.port != 0, "a service without a port");
  }
  fuzz_check(std::ranges::is_sorted(list.services, {}, &Instance::id), "services out of order");
  fuzz_check(std::ranges::adjacent_find(list.services, {}, &Instance::id) == list.services.end(),
             "an id that is there twice");
  for (const RefusedInstance& refused : list.refused) {
    fuzz_check(!refused.why.empty(), "refused, and nobody knows why");
  }
}

void check_file(std::string_view text) {
  const auto list = parse_services(text);
  if (!list) {
    fuzz_check(!list.error().message.empty(), "an error without words");
    return;
  }
  check_list(*list);
  for (const Instance& service : list->services) {
    fuzz_check(check_service(service).has_value(), "a service that the file may not have");
  }
  const auto again = parse_services(format_services(list->services, list->refused));
  fuzz_check(again.has_value(), "what was written cannot be read");
  fuzz_check(again->services == list->services, "what was written says something else");
  fuzz_check(again->refused.size() == list->refused.size(), "what was refused is lost");
}

void check_consul(std::string_view text) {
  const auto list = consul::parse_health(text);
  if (list) check_list(*list);
  // What an agent has under an id of ours: only ever compared with what we have put there.
  static_cast<void>(consul::parse_agent_service(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_file(text);
  check_consul(text);
  return 0;
}
