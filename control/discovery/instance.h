// One instance of a service as the registry knows it. A plain value, copied between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"

namespace ringgate {

// What a link is taken to carry at least: an ordinary login with what a gateway adds to it.
inline constexpr std::size_t kLeastLinkFrame = 4096;

struct Instance {
  std::string id;       // Unique over all services, for example chat01.
  std::string name;     // What it is, for example chat.
  std::string address;  // A name or a numeric address that its peers can dial.
  std::uint16_t port = 0;
  std::string protocol = "tcp";  // "tcp" or "ws"; only tcp services are dialled.
  std::string zone;
  std::vector<std::string> tags;
  std::map<std::string, std::string> meta;

  // One link per shard may be opened to a service that says lanes = 1.
  bool lanes() const {
    const auto entry = meta.find("lanes");
    return entry != meta.end() && entry->second == "1";
  }

  // Links to one that says tls = 1 are TLS.
  bool is_tls() const {
    const auto entry = meta.find("tls");
    return entry != meta.end() && entry->second == "1";
  }

  // A gateway of ours tells one that says roll_call = 1 who is connected.
  bool takes_roll_calls() const {
    const auto entry = meta.find("roll_call");
    return entry != meta.end() && entry->second == "1";
  }

  bool operator==(const Instance&) const = default;
};

// The meta that tells one start of a service from another: Unix milliseconds of it.
inline constexpr const char* kStartedMeta = "started";

// The meta of a process with an admin port: "http://host:port" or https, without a path. The host
// may be missing: then it is that of the instance.
inline constexpr const char* kAdminMeta = "admin_url";

// What the process of that service says at kIdentityPath of its monitor port: its id and the meta
// `started`. So whoever reads a registry can tell whether the one that registered lives.
inline constexpr const char* kIdentityPath = "/id";
[[nodiscard]] std::string identity_text(const std::string& id, const std::string& started);
[[nodiscard]] std::string identity_text(const Instance& service);

// Why a process may not live under an id that another living one has.
[[nodiscard]] Error id_is_taken(const Instance& living);

// 1-64 characters of [A-Za-z0-9._-]: ids travel in comma-joined metas and end up in metric labels.
inline bool valid_service_id(std::string_view text) noexcept {
  constexpr std::size_t kMaxServiceId = 64;
  if (text.empty() || text.size() > kMaxServiceId) return false;
  for (const char c : text) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alnum && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

}  // namespace ringgate
