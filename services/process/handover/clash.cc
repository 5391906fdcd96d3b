#include "services/process/handover/clash.h"

#include <string_view>

namespace ringgate::handover {
namespace {

constexpr std::string_view kUnix = "unix:";

std::string_view host_of(std::string_view printed) {
  return printed.substr(0, printed.rfind(':'));
}

std::string_view port_of(std::string_view printed) {
  return printed.substr(printed.rfind(':') + 1);
}

bool is_everywhere(std::string_view printed) {
  return host_of(printed) == "[::]" || host_of(printed) == "0.0.0.0";
}

bool clash(const std::string& ours, const std::string& theirs) {
  if (ours == theirs || ours.starts_with(kUnix) || theirs.starts_with(kUnix)) return false;
  if (theirs.starts_with(kHttpPort) || port_of(ours) != port_of(theirs)) return false;
  return is_everywhere(ours) || is_everywhere(theirs);
}

}  // namespace

std::vector<std::string> neighbours_of(const std::vector<std::string>& printed) {
  std::vector<std::string> all;
  for (const std::string& ours : printed) {
    if (ours.starts_with(kUnix)) continue;
    for (const char* const host : {"[::]", "0.0.0.0", "127.0.0.1", "[::1]"}) {
      const std::string theirs = host + (":" + std::string(port_of(ours)));
      if (clash(ours, theirs)) all.push_back(theirs);
    }
  }
  return all;
}

std::optional<std::pair<std::string, std::string>> clash_of(const std::vector<std::string>& printed,
                                                            const Offer& offer) {
  for (const std::string& ours : printed) {
    for (const Sockets& theirs : offer.sockets) {
      if (clash(ours, theirs.name)) return std::pair(ours, theirs.name);
    }
  }
  return std::nullopt;
}

}  // namespace ringgate::handover
