// The server's side of a TLS handshake, over memory: what came is given to it, and it says what is
// to be sent. OpenSSL does all of it.
//
// When a handshake of TLS 1.3 is done, the traffic secrets are known (OpenSSL tells them to its key
// log), and the object can go: records are codec/tls/'s work from then on. Of TLS 1.2 OpenSSL's
// object is kept: release() gives it to a TlsSession.
//
// One thread at a time. It allocates, and a step costs up to 200 us: the shard has few of them at
// any moment. OpenSSL's queue of errors is empty after each call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "codec/bytes.h"
#include "dataplane/tls_context.h"

struct bio_st;
struct ssl_st;

namespace ringgate {

enum class TlsStatus : std::uint8_t { kNeedMore, kDone, kFailed };

// Why a handshake failed.
enum class TlsFailure : std::uint8_t {
  kNone,
  kPlainText,          // HTTP, or what is no TLS at all
  kVersion,            // the client has only older ones than TlsMin
  kNoCommonCipher,     // or no group, or no signature algorithm
  kClientCertificate,  // one that is not good, for another reason than the next
  kNoClientCertificate,
  kClientCertificateAuthority,  // nobody whom we trust has signed it
  kClientCertificateExpired,
  kClientCertificatePurpose,  // its extended key usages are without clientAuth
  kPeerAlert,                 // the client has given up: it does not trust our certificate, say
  kTooLong,                   // more bytes than a handshake may have
  kBadMessage,                // anything else that the client did wrong
  kNoMemory,
};

class TlsHandshake {
 public:
  // In all: a chain of certificates of the client's, and the early data of a client whose offer of
  // it was not taken, fit.
  static constexpr std::size_t kMaxBytes = 128 * 1024;

  // What a handshake of TLS 1.3 leaves behind: the secrets of application traffic, n = 0. Wiped
  // when it goes.
  struct Keys {
    Keys() = default;
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;
    ~Keys();

    std::uint16_t suite = 0;  // its number on the wire
    std::uint8_t secret_bytes = 0;
    std::array<std::uint8_t, 48> read{};
    std::array<std::uint8_t, 48> write{};
    std::uint64_t read_sequence = 0;
    std::uint64_t write_sequence = 0;  // the tickets, each a record
    // Of a record of ours: OpenSSL agrees to a client's max_fragment_length, so it holds.
    std::uint16_t max_text_bytes = 16 * 1024;
  };

  // For whoever makes a context: without this its handshakes find no secrets.
  static void prepare(ssl_ctx_st* context) noexcept;

  // Null: out of memory.
  [[nodiscard]] static std::unique_ptr<TlsHandshake> begin(const TlsContext& context);
  ~TlsHandshake();
  TlsHandshake(const TlsHandshake&) = delete;
  TlsHandshake& operator=(const TlsHandshake&) = delete;

  // Takes all of `input`, which may be cut anywhere. After anything but kNeedMore it is not called
  // again.
  [[nodiscard]] TlsStatus step(ByteView input);

  // What is to be sent now, also after a failure: an alert, or a few words to whoever speaks HTTP.
  [[nodiscard]] std::size_t output_bytes() const noexcept;
  void take_output(MutableBytes to) noexcept;  // output_bytes() of it

  // After kDone, what came behind the handshake and is still sealed.
  [[nodiscard]] std::size_t rest_bytes() const noexcept;
  void take_rest(MutableBytes to) noexcept;  // rest_bytes() of it

  [[nodiscard]] TlsFailure failure() const noexcept { return failure_; }
  // After kDone.
  [[nodiscard]] bool is_1_3() const noexcept;
  [[nodiscard]] bool is_resumed() const noexcept;
  [[nodiscard]] const Keys& keys() const noexcept { return keys_; }  // of TLS 1.3

  // Of TLS 1.2, after kDone and when output and rest have been taken: OpenSSL's object is the
  // caller's, with the two memories that it reads from and writes to.
  struct Released {
    ssl_st* ssl;
    bio_st* in;
    bio_st* out;
  };
  [[nodiscard]] Released release() noexcept;

 private:
  TlsHandshake() = default;
  static void on_key_log(const ssl_st* ssl, const char* line);
  static void on_message(int write, int version, int type, const void* bytes, std::size_t size,
                         ssl_st* ssl, void* self);
  void take_secret(const char* line);
  [[nodiscard]] TlsStatus done() noexcept;
  [[nodiscard]] TlsStatus failed();
  void answer_plain_text();

  ssl_st* ssl_ = nullptr;
  bio_st* in_ = nullptr;   // the SSL's
  bio_st* out_ = nullptr;  // the SSL's
  std::size_t taken_ = 0;  // bytes that OpenSSL has read
  std::uint64_t sealed_records_ = 0;
  TlsFailure failure_ = TlsFailure::kNone;
  bool begins_as_http_ = false;
  Keys keys_;
};

// A connection of TLS 1.2 after its handshake. It belongs to its connection's shard. Each record
// costs OpenSSL's allocations, and the object some ten kilobytes: why TlsMin may be 1.3.
class TlsSession {
 public:
  explicit TlsSession(TlsHandshake::Released released) noexcept;
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Sealed bytes that came. False: out of memory.
  [[nodiscard]] bool feed(ByteView input) noexcept;
  enum class Read : std::uint8_t { kData, kNeedMore, kEnd, kFailed };
  // What was in them, up to `to`'s size at a time.
  [[nodiscard]] Read read(MutableBytes to, std::size_t& bytes) noexcept;
  // Seals; false: it failed, and nothing may be sent any more.
  [[nodiscard]] bool write(ByteView payload) noexcept;
  // close_notify.
  void close() noexcept;

  [[nodiscard]] std::size_t output_bytes() const noexcept;
  void take_output(MutableBytes to) noexcept;  // output_bytes() of it

 private:
  ssl_st* ssl_;
  bio_st* in_;   // the SSL's
  bio_st* out_;  // the SSL's
};

}  // namespace ringgate
