// Sealing: what is sent is gathered where it will be sent from, and encrypted there.
#include <algorithm>
#include <array>
#include <cstring>

#include "codec/tls/content_type.h"
#include "codec/tls/records.h"
#include "codec/written.h"

namespace ringgate::tls {
namespace {

constexpr std::uint8_t kFatal = 2;
constexpr std::uint8_t kWarning = 1;

// Takes the payload's bytes in order, without regard to where a part ends.
class Gathering {
 public:
  explicit Gathering(std::span<const ByteView> parts) noexcept : parts_(parts) {}

  std::uint8_t* take(std::uint8_t* to, std::size_t bytes) noexcept {
    while (bytes > 0) {
      const ByteView part = parts_.front().subspan(taken_);
      const std::size_t taken = std::min(bytes, part.size());
      if (taken > 0) std::memcpy(to, part.data(), taken);
      to += taken;
      bytes -= taken;
      taken_ += taken;
      if (taken == part.size()) {
        parts_ = parts_.subspan(1);
        taken_ = 0;
      }
    }
    return to;
  }

 private:
  std::span<const ByteView> parts_;
  std::size_t taken_ = 0;  // of the first
};

std::size_t size_of(std::span<const ByteView> parts) noexcept {
  std::size_t bytes = 0;
  for (const ByteView part : parts) bytes += part.size();
  return bytes;
}

}  // namespace

bool Records::update_due() const noexcept {
  return answer_due_ || ask_due_ || write_sequence_ >= kRecordsPerKey;
}

std::size_t Records::data_bytes(std::size_t payload_bytes) const noexcept {
  if (payload_bytes == 0) return 0;
  const std::size_t records = (payload_bytes - 1) / max_text_bytes_ + 1;
  return payload_bytes + records * kOverheadBytes + (update_due() ? kKeyUpdateBytes : 0);
}

std::size_t Records::data_fitting(std::size_t room) const noexcept {
  const std::size_t before = update_due() ? kKeyUpdateBytes : 0;
  if (room < before) return 0;
  const std::size_t whole = max_text_bytes_ + kOverheadBytes;
  const std::size_t rest = (room - before) % whole;
  return (room - before) / whole * max_text_bytes_ +
         (rest > kOverheadBytes ? rest - kOverheadBytes : 0);
}

// The text of a record lies kRecordHeadBytes behind `record`, and ends at `end`.
std::uint8_t* Records::seal(std::uint8_t* record, std::uint8_t* end, std::uint8_t type,
                            Cipher& cipher, bool keyed) noexcept {
  std::uint8_t* const text = record + kRecordHeadBytes;
  *end++ = type;
  end += kTagBytes;
  const MutableBytes sealed(text, end);
  record[0] = kDataType;
  store_be<std::uint16_t>(record + 1, kRecordVersion);
  store_be<std::uint16_t>(record + 3, static_cast<std::uint16_t>(sealed.size()));
  const ByteView head(record, kRecordHeadBytes);
  const std::uint64_t sequence = write_sequence_++;
  const bool done = keyed ? cipher.seal_next(suite_, write_, sequence, head, sealed)
                          : cipher.seal(suite_, write_, sequence, head, sealed);
  return done ? end : nullptr;
}

std::uint8_t* Records::write_data(std::uint8_t* to, Cipher& cipher,
                                  std::span<const ByteView> payload) noexcept {
  std::size_t left = size_of(payload);
  if (left == 0) return to;
  const std::size_t promised = data_bytes(left);
  std::uint8_t* end = update_due() ? write_key_update(to, cipher, ask_due_) : to;
  Gathering gathering(payload);
  bool keyed = false;
  while (left > 0 && end != nullptr) {
    const std::size_t taken = std::min<std::size_t>(left, max_text_bytes_);
    std::uint8_t* const text_end = gathering.take(end + kRecordHeadBytes, taken);
    end = seal(end, text_end, kDataType, cipher, keyed);
    keyed = true;
    left -= taken;
  }
  return end == nullptr ? nullptr : written(to, promised, end);
}

std::uint8_t* Records::write_alert(std::uint8_t* to, Cipher& cipher, Alert alert) noexcept {
  const bool warning = alert == Alert::kCloseNotify || alert == Alert::kUserCanceled;
  std::uint8_t* text = to + kRecordHeadBytes;
  *text++ = warning ? kWarning : kFatal;
  *text++ = static_cast<std::uint8_t>(alert);
  std::uint8_t* const end = seal(to, text, kAlertType, cipher, false);
  return end == nullptr ? nullptr : written(to, kAlertBytes, end);
}

// Sealed with the old key, and the last that is.
std::uint8_t* Records::write_key_update(std::uint8_t* to, Cipher& cipher, bool ask) noexcept {
  const std::array<std::uint8_t, 5> message = {kKeyUpdateMessage, 0, 0, 1,
                                               static_cast<std::uint8_t>(ask ? 1 : 0)};
  std::uint8_t* const text = std::ranges::copy(message, to + kRecordHeadBytes).out;
  std::uint8_t* const end = seal(to, text, kHandshakeType, cipher, false);
  if (end == nullptr || !cipher.key_schedule().update(suite_, write_)) return nullptr;
  write_sequence_ = 0;
  answer_due_ = false;
  if (ask) ask_due_ = false;
  return written(to, kKeyUpdateBytes, end);
}

}  // namespace ringgate::tls
