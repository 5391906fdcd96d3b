// Records as a peer may make them: of any type, with any padding, and wrong ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "codec/check.h"
#include "codec/tls/cipher.h"
#include "codec/tls/content_type.h"
#include "codec/tls/key_schedule.h"
#include "codec/tls/records.h"
#include "tests/codec/hex.h"

namespace ringgate::tls {

inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

// In this order, in which what makes them is also evaluated.
inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Secrets of no connection, for both of its ends.
struct SomeSecrets {
  explicit SomeSecrets(Suite its_suite)
      : suite(its_suite), client(secret_bytes(suite), 0xc1), server(secret_bytes(suite), 0x5e) {}

  [[nodiscard]] Secrets of_server() const {
    return {.suite = suite, .peer = Peer::kClient, .read = client, .write = server};
  }
  [[nodiscard]] Secrets of_client() const {
    return {.suite = suite, .peer = Peer::kServer, .read = server, .write = client};
  }

  Suite suite;
  Bytes client;
  Bytes server;
};

class RecordMaker {
 public:
  RecordMaker(Suite suite, const Bytes& secret, std::uint64_t sequence = 0)
      : suite_(suite), sequence_(sequence) {
    std::ranges::copy(secret, keys_.secret.begin());
    RINGGATE_CHECK(cipher_.key_schedule().derive(suite, keys_));
  }

  // Seals `text` as it is: content, type, padding.
  [[nodiscard]] Bytes of_text(const Bytes& text) {
    const std::size_t sealed = text.size() + kTagBytes;
    Bytes record = {kDataType, 3, 3, static_cast<std::uint8_t>(sealed >> 8U),
                    static_cast<std::uint8_t>(sealed & 0xffU)};
    record.insert(record.end(), text.begin(), text.end());
    record.resize(kRecordHeadBytes + sealed);
    RINGGATE_CHECK(cipher_.seal(suite_, keys_, sequence_++,
                                ByteView(record).first(kRecordHeadBytes),
                                MutableBytes(record).subspan(kRecordHeadBytes)));
    return record;
  }
  [[nodiscard]] Bytes record(std::uint8_t type, Bytes content, std::size_t padding = 0) {
    content.push_back(type);
    content.resize(content.size() + padding);
    return of_text(content);
  }
  [[nodiscard]] Bytes data(std::string_view text, std::size_t padding = 0) {
    return record(kDataType, bytes_of(text), padding);
  }
  [[nodiscard]] Bytes key_update(bool ask = false) {
    const std::uint8_t request = ask ? 1 : 0;
    Bytes made = record(kHandshakeType, {kKeyUpdateMessage, 0, 0, 1, request});
    next_keys();
    return made;
  }
  void next_keys() {
    RINGGATE_CHECK(cipher_.key_schedule().update(suite_, keys_));
    sequence_ = 0;
  }

 private:
  Suite suite_;
  std::uint64_t sequence_;
  TrafficKeys keys_{};
  Cipher cipher_ = Cipher::create().value();
};

}  // namespace ringgate::tls
