// The records of a connection of TLS 1.3 after its handshake (RFC 8446, section 5): opened where
// they were received, sealed where they are sent from. No I/O.
//
// Records is what a connection needs to keep, both directions, and belongs to its connection's
// shard. It has no memory of its own. The cryptography is that of the shard's Cipher, which each
// call is given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/tls/alert.h"
#include "codec/tls/cipher.h"
#include "codec/tls/key_schedule.h"
#include "codec/tls/open_status.h"
#include "codec/tls/suite.h"

namespace ringgate::tls {

inline constexpr std::size_t kRecordHeadBytes = 5;
inline constexpr std::size_t kMaxTextBytes = 16'384;                 // 2^14, of plaintext
inline constexpr std::size_t kMaxSealedBytes = kMaxTextBytes + 256;  // of what is in a record
inline constexpr std::size_t kOverheadBytes = kRecordHeadBytes + 1 + kTagBytes;  // of ours
inline constexpr std::size_t kMaxRecordBytes = kRecordHeadBytes + kMaxSealedBytes;

// Of the record that begins so, its head included; `head` has kRecordHeadBytes at least.
[[nodiscard]] inline std::size_t record_bytes(ByteView head) noexcept {
  return kRecordHeadBytes + load_be<std::uint16_t>(head.data() + 3);
}

inline constexpr std::size_t kAlertBytes = kOverheadBytes + 2;
inline constexpr std::size_t kKeyUpdateBytes = kOverheadBytes + 5;

// After so many records a key is changed, and the peer asked to change its own. AES-GCM is good for
// 2^24.5 (RFC 8446, section 5.5); one number does for all suites.
inline constexpr std::uint64_t kRecordsPerKey = std::uint64_t{1} << 24;

// In a row, without a byte of data: empty ones, padding, key updates, tickets.
inline constexpr unsigned kMaxQuietRecords = 64;
// Of these, key updates, which cost a few records' worth of time.
inline constexpr unsigned kMaxKeyUpdatesInARow = 32;

enum class Peer : std::uint8_t {
  kClient,  // may send KeyUpdate, and no other handshake message
  kServer,  // tickets too: they are passed over
};

// What a handshake leaves behind. The secrets are those of the application traffic, n = 0; a
// sequence is the number of records that have been read or written with them: a server that has
// sent two tickets, each a record, has written 2.
struct Secrets {
  Suite suite = Suite::kAes128GcmSha256;
  Peer peer = Peer::kClient;
  ByteView read;   // secret_bytes(suite)
  ByteView write;  // the same
  std::uint64_t read_sequence = 0;
  std::uint64_t write_sequence = 0;
  // What our records may hold at most: the peer may have asked for less (RFC 6066, section 4).
  std::uint16_t max_text_bytes = kMaxTextBytes;
};

struct OpenStep {
  OpenStatus status = OpenStatus::kNeedMore;
  Alert alert = Alert::kCloseNotify;  // the peer's, with kAlert
  std::size_t consumed = 0;
  std::size_t need = 0;
  MutableBytes data;  // plaintext, within the input; nobody has to keep it as it is
};

class Records {
 public:
  // Any thread, with a KeySchedule of its own. The error is a sentence: a secret has not the length
  // of its suite, or OpenSSL failed.
  [[nodiscard]] static Result<Records> create(KeySchedule& schedule, const Secrets& secrets);

  // Wipes the keys, as moving wipes them where they were.
  ~Records();
  Records(Records&& other) noexcept;
  Records& operator=(Records&& other) noexcept;
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  // Looks at the start of `input`, and opens the record there, in place, once all of it is there.
  // A head is judged byte by byte. On kNeedMore nothing has been touched, and `need` is
  // kRecordHeadBytes while the head is incomplete, afterwards the size of the record, which
  // kMaxRecordBytes bounds. After kCloseNotify, kAlert or a failure it is not called again.
  [[nodiscard]] OpenStep open(Cipher& cipher, MutableBytes input) noexcept;

  // How many bytes write_data writes for so many of payload: one record for each kMaxTextBytes, or
  // the secrets' max_text_bytes, none for an empty payload. A KeyUpdate that is due comes before
  // them and counts.
  [[nodiscard]] std::size_t data_bytes(std::size_t payload_bytes) const noexcept;
  // The longest payload whose data_bytes are no more than `room`.
  [[nodiscard]] std::size_t data_fitting(std::size_t room) const noexcept;

  // Seals the payload, which is gathered from its parts, and returns the end of what was written:
  // exactly data_bytes. Null: OpenSSL failed, nothing of it may be sent, and the connection ends.
  // So say the others, too. The parts do not overlap with `to`.
  [[nodiscard]] std::uint8_t* write_data(std::uint8_t* to, Cipher& cipher,
                                         std::span<const ByteView> payload) noexcept;

  // An alert: kAlertBytes. kCloseNotify ends what we send; any other ends the connection. Nothing
  // is written after either.
  [[nodiscard]] std::uint8_t* write_alert(std::uint8_t* to, Cipher& cipher, Alert alert) noexcept;

  // A KeyUpdate, asking for the peer's if `ask`: kKeyUpdateBytes. Nobody has to call this: where
  // one is due, write_data begins with it. It is due when the peer has asked for it, when our key
  // has sealed kRecordsPerKey records, and when the peer's has: then it asks.
  [[nodiscard]] std::uint8_t* write_key_update(std::uint8_t* to, Cipher& cipher, bool ask) noexcept;

  [[nodiscard]] Suite suite() const noexcept { return suite_; }
  [[nodiscard]] std::uint64_t read_sequence() const noexcept { return read_sequence_; }
  [[nodiscard]] std::uint64_t write_sequence() const noexcept { return write_sequence_; }

 private:
  Records() noexcept = default;
  [[nodiscard]] OpenStatus opened(Cipher& cipher, MutableBytes text, OpenStep& step) noexcept;
  [[nodiscard]] OpenStatus on_data(MutableBytes data, OpenStep& step) noexcept;
  [[nodiscard]] OpenStatus on_alert(ByteView body, OpenStep& step) noexcept;
  [[nodiscard]] OpenStatus on_handshake(Cipher& cipher, ByteView body) noexcept;
  [[nodiscard]] OpenStatus on_message_head(std::uint8_t byte) noexcept;
  [[nodiscard]] OpenStatus on_key_update(Cipher& cipher, std::uint8_t request) noexcept;
  [[nodiscard]] OpenStatus quiet(OpenStatus status) noexcept;
  [[nodiscard]] bool update_due() const noexcept;
  [[nodiscard]] std::uint8_t* seal(std::uint8_t* record, std::uint8_t* end, std::uint8_t type,
                                   Cipher& cipher, bool keyed) noexcept;

  TrafficKeys read_{};
  TrafficKeys write_{};
  std::uint64_t read_sequence_ = 0;
  std::uint64_t write_sequence_ = 0;
  // Of the handshake message that is being read: how much of its body is missing, and of its head
  // there.
  std::uint32_t message_left_ = 0;
  std::uint8_t message_type_ = 0;
  std::uint8_t message_head_bytes_ = 0;
  std::uint8_t quiet_records_ = 0;
  std::uint8_t updates_in_a_row_ = 0;
  std::uint16_t max_text_bytes_ = kMaxTextBytes;
  Suite suite_ = Suite::kAes128GcmSha256;
  Peer peer_ = Peer::kClient;
  bool answer_due_ = false;  // a KeyUpdate, since the peer asked for it
  bool ask_due_ = false;     // a KeyUpdate that asks for the peer's
};
static_assert(sizeof(Records) <= 216, "memory per idle connection is a target of the design");

}  // namespace ringgate::tls
