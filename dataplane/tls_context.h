// What handshakes of a listener begin with: OpenSSL's context, with its certificates and rules.
// Immutable once it is made (control/tls/), and for any thread: OpenSSL counts its references, so
// that one that a reload replaced goes with the last connection and the last listener that has it.
#pragma once

#include <utility>

struct ssl_ctx_st;

namespace ringgate {

class TlsContext {
 public:
  TlsContext() = default;  // none: the listener is plain
  // Takes over a reference.
  static TlsContext of(ssl_ctx_st* context) noexcept {
    TlsContext made;
    made.context_ = context;
    return made;
  }
  TlsContext(const TlsContext& other) noexcept;
  TlsContext(TlsContext&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  TlsContext& operator=(TlsContext other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~TlsContext();

  [[nodiscard]] ssl_ctx_st* get() const noexcept { return context_; }
  explicit operator bool() const noexcept { return context_ != nullptr; }
  bool operator==(const TlsContext& other) const = default;

 private:
  ssl_ctx_st* context_ = nullptr;
};

}  // namespace ringgate
