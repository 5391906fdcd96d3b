// Headers: the scan and the slow path against protobuf (see tests/codec/header_oracle.h).
#include "tests/codec/header_oracle.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static ringgate::SlowPath slow;
  const ringgate::Bytes header(data, data + size);
  const std::string wrong = ringgate::judge_header(header, slow);
  ringgate::fuzz_check(wrong.empty(), wrong);
  return 0;
}
