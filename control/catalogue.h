// The catalogue: which service instances exist and which may be chosen. An immutable snapshot that
// control makes and every shard reads as plain memory; a shard's acknowledgement of a newer version
// frees the older one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringgate {

struct CatalogueEntry {
  std::uint32_t upstream = 0;  // the number under which shards and control speak of it
  std::string name;            // of the service: "chat"
  std::string service_id;      // of the instance: "chat01"
  std::string zone;
  bool adult = false;
  bool draining = false;  // no new requests
};

struct Catalogue {
  std::uint64_t version = 0;
  std::vector<CatalogueEntry> entries;  // sorted by name, then service_id
};

}  // namespace ringgate
