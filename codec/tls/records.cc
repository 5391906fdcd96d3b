// What both directions have in common; opening. records_write.cc seals.
#include "codec/tls/records.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "codec/tls/content_type.h"

namespace ringgate::tls {
namespace {

constexpr std::size_t kMessageHeadBytes = 4;
constexpr std::uint32_t kKeyUpdateBodyBytes = 1;
// The longest NewSessionTicket there can be: lifetime, age_add, nonce, ticket, extensions.
constexpr std::uint32_t kMaxTicketBytes = 4 + 4 + 1 + 0xff + 2 + 0xffff + 2 + 0xffff;

constexpr std::uint64_t kLastSequence = std::numeric_limits<std::uint64_t>::max();

// The head's bytes as far as they are there; kData stands for nothing wrong.
OpenStatus judge_head(ByteView input) noexcept {
  if (!input.empty() && input[0] != kDataType) return OpenStatus::kBadRecordType;
  if (input.size() > 1 && input[1] != 3) return OpenStatus::kBadVersion;
  if (input.size() > 2 && input[2] != 3) return OpenStatus::kBadVersion;
  if (input.size() < kRecordHeadBytes) return OpenStatus::kNeedMore;
  const std::size_t sealed_bytes = load_be<std::uint16_t>(input.data() + 3);
  if (sealed_bytes > kMaxSealedBytes) return OpenStatus::kRecordTooLong;
  if (sealed_bytes < kTagBytes) return OpenStatus::kRecordTooShort;
  return OpenStatus::kData;
}

bool take_secret(KeySchedule& schedule, Suite suite, ByteView secret, TrafficKeys& keys) noexcept {
  std::ranges::copy(secret, keys.secret.begin());
  return schedule.derive(suite, keys);
}

}  // namespace

Result<Records> Records::create(KeySchedule& schedule, const Secrets& secrets) {
  const std::size_t bytes = secret_bytes(secrets.suite);
  if (secrets.read.size() != bytes || secrets.write.size() != bytes) {
    return fail("a traffic secret of TLS has not the length of its cipher suite's hash");
  }
  Records records;
  records.suite_ = secrets.suite;
  records.peer_ = secrets.peer;
  records.read_sequence_ = secrets.read_sequence;
  records.write_sequence_ = secrets.write_sequence;
  records.max_text_bytes_ = secrets.max_text_bytes;
  if (!take_secret(schedule, secrets.suite, secrets.read, records.read_) ||
      !take_secret(schedule, secrets.suite, secrets.write, records.write_)) {
    return fail("OpenSSL cannot derive the keys of a TLS connection: it is out of memory");
  }
  return records;
}

Records::~Records() {
  OPENSSL_cleanse(&read_, sizeof read_);
  OPENSSL_cleanse(&write_, sizeof write_);
}

Records::Records(Records&& other) noexcept : Records() {
  *this = std::move(other);
}

Records& Records::operator=(Records&& other) noexcept {
  if (this == &other) return *this;
  read_ = other.read_;
  write_ = other.write_;
  read_sequence_ = other.read_sequence_;
  write_sequence_ = other.write_sequence_;
  message_left_ = other.message_left_;
  message_type_ = other.message_type_;
  message_head_bytes_ = other.message_head_bytes_;
  quiet_records_ = other.quiet_records_;
  updates_in_a_row_ = other.updates_in_a_row_;
  max_text_bytes_ = other.max_text_bytes_;
  suite_ = other.suite_;
  peer_ = other.peer_;
  answer_due_ = other.answer_due_;
  ask_due_ = other.ask_due_;
  OPENSSL_cleanse(&other.read_, sizeof other.read_);
  OPENSSL_cleanse(&other.write_, sizeof other.write_);
  return *this;
}

OpenStep Records::open(Cipher& cipher, MutableBytes input) noexcept {
  OpenStep step;
  step.status = judge_head(input);
  if (step.status == OpenStatus::kNeedMore) step.need = kRecordHeadBytes;
  if (step.status != OpenStatus::kData) return step;
  const std::size_t bytes = record_bytes(input);
  if (input.size() < bytes) {
    step.status = OpenStatus::kNeedMore;
    step.need = bytes;
    return step;
  }
  const MutableBytes sealed = input.first(bytes).subspan(kRecordHeadBytes);
  if (read_sequence_ == kLastSequence) {
    step.status = OpenStatus::kSequenceUsedUp;
  } else if (!cipher.open(suite_, read_, read_sequence_, input.first(kRecordHeadBytes), sealed)) {
    step.status = OpenStatus::kNotAuthentic;
  } else {
    ++read_sequence_;
    step.consumed = bytes;
    step.status = opened(cipher, sealed.first(sealed.size() - kTagBytes), step);
  }
  return step;
}

// TLSInnerPlaintext: content, its type, and zeros as many as the peer likes.
OpenStatus Records::opened(Cipher& cipher, MutableBytes text, OpenStep& step) noexcept {
  if (text.size() > kMaxTextBytes + 1) return OpenStatus::kTextTooLong;
  if (read_sequence_ == kRecordsPerKey) ask_due_ = true;
  while (!text.empty() && text.back() == 0) text = text.first(text.size() - 1);
  if (text.empty()) return OpenStatus::kNoType;
  const MutableBytes body = text.first(text.size() - 1);
  switch (text.back()) {
    case kDataType:
      return on_data(body, step);
    case kHandshakeType:
      return on_handshake(cipher, body);
    case kAlertType:
      return on_alert(body, step);
    default:
      return OpenStatus::kBadType;
  }
}

OpenStatus Records::on_data(MutableBytes data, OpenStep& step) noexcept {
  if (message_head_bytes_ > 0) return OpenStatus::kInterleaved;
  if (data.empty()) return quiet(OpenStatus::kNothing);
  quiet_records_ = 0;
  updates_in_a_row_ = 0;
  step.data = data;
  return OpenStatus::kData;
}

OpenStatus Records::quiet(OpenStatus status) noexcept {
  if (quiet_records_ == kMaxQuietRecords) return OpenStatus::kTooManyQuiet;
  ++quiet_records_;
  return status;
}

// The level says nothing since TLS 1.3. A user_canceled announces a close_notify. An alert may come
// in the midst of a message: whoever gives up does not finish it.
OpenStatus Records::on_alert(ByteView body, OpenStep& step) noexcept {
  if (body.empty()) return OpenStatus::kEmptyMessage;
  if (body.size() != 2) return OpenStatus::kBadAlert;
  step.alert = static_cast<Alert>(body[1]);
  if (step.alert == Alert::kCloseNotify) return OpenStatus::kCloseNotify;
  if (step.alert == Alert::kUserCanceled) return quiet(OpenStatus::kNothing);
  return OpenStatus::kAlert;
}

// Messages may share a record, and may be cut anywhere into several.
OpenStatus Records::on_handshake(Cipher& cipher, ByteView body) noexcept {
  if (body.empty()) return OpenStatus::kEmptyMessage;
  OpenStatus status = OpenStatus::kNothing;
  while (!body.empty()) {
    if (status == OpenStatus::kKeyUpdate) return OpenStatus::kNotAtBoundary;
    if (message_head_bytes_ < kMessageHeadBytes) {
      status = on_message_head(body.front());
      body = body.subspan(1);
    } else if (message_type_ == kKeyUpdateMessage) {
      message_head_bytes_ = 0;
      status = on_key_update(cipher, body.front());
      body = body.subspan(1);
    } else {
      const std::size_t passed = std::min<std::size_t>(message_left_, body.size());
      message_left_ -= static_cast<std::uint32_t>(passed);
      if (message_left_ == 0) message_head_bytes_ = 0;
      body = body.subspan(passed);
    }
    if (is_failure(status)) return status;
  }
  return quiet(status);
}

// Type and length are judged with the byte that decides them.
OpenStatus Records::on_message_head(std::uint8_t byte) noexcept {
  if (message_head_bytes_++ == 0) {
    message_type_ = byte;
    message_left_ = 0;
    const bool expected =
        byte == kKeyUpdateMessage || (byte == kTicketMessage && peer_ == Peer::kServer);
    return expected ? OpenStatus::kNothing : OpenStatus::kUnexpectedMessage;
  }
  message_left_ = message_left_ << 8U | byte;
  if (message_head_bytes_ < kMessageHeadBytes) return OpenStatus::kNothing;
  const bool fits = message_type_ == kKeyUpdateMessage
                        ? message_left_ == kKeyUpdateBodyBytes
                        : message_left_ > 0 && message_left_ <= kMaxTicketBytes;
  return fits ? OpenStatus::kNothing : OpenStatus::kBadMessageLength;
}

OpenStatus Records::on_key_update(Cipher& cipher, std::uint8_t request) noexcept {
  if (request > 1) return OpenStatus::kBadKeyUpdate;
  if (updates_in_a_row_++ == kMaxKeyUpdatesInARow) return OpenStatus::kTooManyKeyUpdates;
  if (!cipher.key_schedule().update(suite_, read_)) return OpenStatus::kCipherFailed;
  read_sequence_ = 0;
  ask_due_ = false;
  if (request == 1) answer_due_ = true;  // one answer stands for all that were asked for before it
  return OpenStatus::kKeyUpdate;
}

}  // namespace ringgate::tls
