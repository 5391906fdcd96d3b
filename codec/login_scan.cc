#include "codec/login_scan.h"

#include <algorithm>

#include "codec/field_walk.h"
#include "codec/names.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kToken = 1;
constexpr std::uint32_t kIsp = 2;
constexpr std::uint32_t kZone = 3;
constexpr std::uint32_t kTag = 4;

}  // namespace

LoginScanStatus scan_login(ByteView body, std::uint32_t max_tags, LoginScan& scan) noexcept {
  max_tags = std::min(max_tags, kMostLoginTags);
  scan.token = scan.isp = scan.zone = {};
  scan.tag_count = 0;
  FieldWalk walk(body);
  WireField field;
  for (std::uint32_t fields = 0; walk.next(field); ++fields) {
    if (fields == kMaxLoginFields) return LoginScanStatus::kTooManyTags;
    if (field.type == WireType::kGroupBegin || field.type == WireType::kGroupEnd) {
      return LoginScanStatus::kBad;
    }
    if (field.type != WireType::kBytes || field.number > kTag) continue;
    const std::string_view text = as_text(field.bytes);
    if (field.number == kToken) {
      scan.token = text;
      continue;
    }
    if (!is_valid_label(text)) return LoginScanStatus::kBadLabel;
    if (field.number == kIsp) scan.isp = text;
    if (field.number == kZone) scan.zone = text;
    if (field.number != kTag) continue;
    if (scan.tag_count == max_tags) return LoginScanStatus::kTooManyTags;
    scan.tag[scan.tag_count++] = text;
  }
  return walk.well_formed() ? LoginScanStatus::kOk : LoginScanStatus::kBad;
}

}  // namespace ringgate
