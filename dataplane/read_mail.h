// A message that is one plain struct.
#pragma once

#include <cstring>
#include <type_traits>

#include "codec/bytes.h"
#include "dataplane/check.h"

namespace ringgate {

template <class Message>
  requires std::is_trivially_copyable_v<Message>
[[nodiscard]] Message read_mail(ByteView bytes) {
  Message message;
  RINGGATE_CHECK(bytes.size() >= sizeof message);
  std::memcpy(&message, bytes.data(), sizeof message);
  return message;
}

}  // namespace ringgate
