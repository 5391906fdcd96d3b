#include "codec/proto_log.h"

#include <google/protobuf/stubs/logging.h>

#include <atomic>
#include <string>

// The linker is told to look for this name (codec/CMakeLists.txt), which brings this file in.
extern "C" {
extern constinit std::atomic<std::uint64_t> ringgate_protobuf_complaints;
constinit std::atomic<std::uint64_t> ringgate_protobuf_complaints = 0;
}

namespace ringgate {
namespace {

// What is fatal to the library is thrown by it afterwards, with the message.
void count_complaint(google::protobuf::LogLevel /*level*/, const char* /*file*/, int /*line*/,
                     const std::string& /*message*/) {
  ringgate_protobuf_complaints.fetch_add(1, std::memory_order_relaxed);
}

[[maybe_unused]] google::protobuf::LogHandler* const kBefore =
    google::protobuf::SetLogHandler(&count_complaint);

}  // namespace

std::uint64_t protobuf_complaints() noexcept {
  return ringgate_protobuf_complaints.load(std::memory_order_relaxed);
}

}  // namespace ringgate
