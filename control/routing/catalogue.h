// The catalogue: which service instances exist, which may be chosen, and how one is chosen. An
// immutable snapshot that control makes and every shard reads as plain memory; a shard's
// acknowledgement of a newer version frees the older one, and the selectors that only it held.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ringgate {

class SelectorSet;

struct CatalogueEntry {
  std::uint32_t upstream = 0;  // the number under which shards and control speak of it
  std::string name;            // of the service: "chat"
  std::string service_id;      // of the instance: "chat01"
  std::string zone;
  bool adult = false;
  bool draining = false;                   // no new requests
  std::size_t max_frame_bytes = SIZE_MAX;  // that it takes on a link, as far as it says
  // A ping does it no harm while it answers requests, as is known of services that take lanes:
  // there are others that write their pong into the middle of an answer.
  bool may_be_pinged = false;
  bool takes_roll_calls = false;
};

struct Catalogue {
  std::uint64_t version = 0;
  std::vector<CatalogueEntry> entries;  // sorted by name, then service_id
  // Null: hash for every service. Only control copies this pointer; shards look through it.
  std::shared_ptr<const SelectorSet> selectors;
};

using Candidates = std::vector<const CatalogueEntry*>;

// The instances of a service that packets can go to, sorted by service id: the adults for which
// `connected` holds; young ones only when there is no adult, since all-young is not an outage. They
// point into the catalogue.
template <class Connected>
[[nodiscard]] Candidates candidates_of(const Catalogue& catalogue, std::string_view service,
                                       Connected&& connected) {
  Candidates candidates;
  for (const bool adult : {true, false}) {
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (entry.name != service || entry.draining || entry.adult != adult) continue;
      if (connected(entry)) candidates.push_back(&entry);
    }
    if (!candidates.empty()) break;
  }
  return candidates;
}

}  // namespace ringgate
