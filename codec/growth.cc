#include "codec/growth.h"

#include <string_view>

#include "codec/header_scan.h"
#include "codec/names.h"
#include "codec/varint.h"

namespace ringgate {
namespace {

// Of a field whose number is below 16.
constexpr std::size_t field_bytes(std::size_t length) noexcept {
  return 1 + varint_bytes(length) + length;
}

constexpr std::size_t meta_bytes(std::string_view key, std::size_t value_bytes) noexcept {
  constexpr std::size_t kTypeBytes = 2;
  return field_bytes(field_bytes(key.size()) + field_bytes(value_bytes) + kTypeBytes);
}

// See client_suffix_bytes().
constexpr std::size_t kFlagAndStatusBytes = 4;
constexpr std::size_t kMaxClientSuffixBytes =
    field_bytes(kMaxChannelIdBytes) + kFlagAndStatusBytes + meta_bytes(kMetaApp, kMaxAppBytes) +
    meta_bytes(kMetaAccount, kMaxAccountBytes) + meta_bytes(kMetaDestServer, kMaxServiceIdBytes);

// What a Session has that its LoginReq did not: channelId, gateId, account, remoteIP and app.
constexpr std::size_t kMaxAddressTextBytes = 45;
constexpr std::size_t kMaxSessionGrowthBytes =
    field_bytes(kMaxChannelIdBytes) + field_bytes(kMaxServiceIdBytes) +
    field_bytes(kMaxAccountBytes) + field_bytes(kMaxAddressTextBytes) + field_bytes(kMaxAppBytes);

}  // namespace

std::size_t max_header_growth_bytes(std::size_t max_metas) noexcept {
  return kMaxClientSuffixBytes + max_metas * kMaxGrowthOfMetaBytes;
}

std::size_t max_forward_growth_bytes(std::size_t max_metas) noexcept {
  return max_header_growth_bytes(max_metas) + kMaxSessionGrowthBytes;
}

}  // namespace ringgate
