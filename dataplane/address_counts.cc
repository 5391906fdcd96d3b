#include "dataplane/address_counts.h"

#include "codec/text_hash.h"

namespace ringgate {

std::size_t AddressCounts::Hash::operator()(const PeerAddress::Source& source) const noexcept {
  return TextHash{}({reinterpret_cast<const char*>(source.data()), source.size()});
}

}  // namespace ringgate
