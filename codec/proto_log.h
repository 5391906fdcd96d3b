// libprotobuf logs what it does not like (text that is not UTF-8, above all) by a blocking write to
// stderr, on the thread that parses. In a program of ours it is only counted: whatever links
// ringgate::codec_proto has that from before main() on.
#pragma once

#include <cstdint>

namespace ringgate {

// How often since the start. Any thread.
std::uint64_t protobuf_complaints() noexcept;

}  // namespace ringgate
