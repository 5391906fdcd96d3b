#include "services/gateway/parts/header_reader.h"

namespace ringgate {

HeaderRead HeaderReader::read(ByteView header, std::uint32_t max_metas, HeaderScan& scan) {
  switch (scan_header(header, max_metas, scan)) {
    case ScanStatus::kCanonical:
      return HeaderRead::kFast;
    case ScanStatus::kTooManyMetas:
      return HeaderRead::kTooManyMetas;
    case ScanStatus::kNotCanonical:
      break;
  }
  scan = HeaderScan{};
  if (has_more_metas(header, max_metas)) return HeaderRead::kTooManyMetas;
  if (!slow_path_.parse(header, scan)) return HeaderRead::kBad;
  return scan.metas > max_metas ? HeaderRead::kTooManyMetas : HeaderRead::kSlow;
}

ByteView HeaderReader::rewrite_for_forward(ByteView header, HeaderRead read,
                                           const ClientIdentity& identity) {
  HeaderScan again;
  if (read != HeaderRead::kSlow && !slow_path_.parse(header, again)) return {};
  return slow_path_.rewrite_for_forward(identity);
}

}  // namespace ringgate
