// The text of a registry file, and what registries demand of a service. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/error.h"
#include "control/service.h"

namespace ringgate {

// Sorted by id. The message of an error says what is wrong with which entry, not in which file.
Result<std::vector<Service>> parse_services(std::string_view json);

// One service per line; parse_services() gives the same services back.
std::string format_services(const std::vector<Service>& services);

// What parse_services() demands of one service.
Result<void> check_service(const Service& service);

// A JSON string, RFC 8259 section 7, of UTF-8.
std::string json_text(std::string_view text);

}  // namespace ringgate
