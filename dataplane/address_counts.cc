#include "dataplane/address_counts.h"

#include <functional>
#include <string_view>

namespace ringgate {

std::size_t AddressCounts::Hash::operator()(const PeerAddress::Source& source) const noexcept {
  return std::hash<std::string_view>{}(
      {reinterpret_cast<const char*>(source.data()), source.size()});
}

}  // namespace ringgate
