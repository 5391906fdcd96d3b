#include "benchmarks/ringbench/client_tls.h"

#include <fmt/format.h>
#include <sys/uio.h>

#include <array>
#include <cstring>

#include "control/base/termination.h"
#include "control/tls/client_failure.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kFirstPieceBytes = 512;

// Of one thread: a record of OpenSSL's.
std::array<std::uint8_t, tls::kMaxTextBytes>& scratch() {
  thread_local std::array<std::uint8_t, tls::kMaxTextBytes> bytes;
  return bytes;
}

std::unexpected<Error> ended(const tls::OpenStep& step) {
  const std::string_view alert = tls::name_of(step.alert);
  if (step.status == tls::OpenStatus::kAlert) {
    return fail(fmt::format("the TLS alert {}{}", alert,
                            tls::advice_for(static_cast<int>(step.alert), {})));
  }
  return fail("a TLS record that cannot be opened");
}

}  // namespace

Result<std::unique_ptr<ClientTls>> ClientTls::begin(const TlsStart& start, std::uint64_t now_ns) {
  auto stream = tls::ClientStream::begin(start.context.get(), start.server, {}, start.session);
  if (!stream) return std::unexpected(stream.error());
  return std::unique_ptr<ClientTls>(new ClientTls(std::move(*stream), now_ns));
}

void ClientTls::clear(BlockPool& pool) noexcept {
  wire_.complete_send(pool, 0);
  wire_.clear(pool);
  sealed_.clear(pool);
}

std::string ClientTls::cut_off() const {
  const Stream* const stream = std::get_if<Stream>(&layer_);
  return stream == nullptr ? "end of stream" : (*stream)->cut_off().message;
}

void ClientTls::take_output(BlockPool& pool, tls::ClientStream& stream) {
  const std::size_t bytes = stream.output_bytes();
  if (bytes == 0) return;
  stream.take_output(MutableBytes(wire_.reserve(pool, bytes, kFirstPieceBytes), bytes));
}

Result<bool> ClientTls::shake_hands(BlockPool& pool, tls::Cipher& cipher, ByteView received) {
  tls::ClientStream& stream = *std::get<Stream>(layer_);
  Result<void> fed;
  if (!received.empty()) fed = stream.feed(received);
  take_output(pool, stream);
  if (!fed) return std::unexpected(fed.error());
  if (!stream.is_ready()) return false;
  resumed_ = stream.is_resumed();
  if (stream.secrets().bytes == 0) return true;
  if (auto taken = take_over(pool, cipher); !taken) return std::unexpected(taken.error());
  return true;
}

// What came behind the handshake, a ticket mostly, is the first of the records.
Result<void> ClientTls::take_over(BlockPool& pool, tls::Cipher& cipher) {
  tls::ClientStream& stream = *std::get<Stream>(layer_);
  const tls::ClientStream::Secrets& secrets = stream.secrets();
  const auto suite = tls::suite_of(secrets.suite);
  if (!suite) return fail("a TLS cipher suite that ringbench does not know was agreed on");
  auto records = tls::Records::create(cipher.key_schedule(),
                                      {.suite = *suite,
                                       .peer = tls::Peer::kServer,
                                       .read = ByteView(secrets.read).first(secrets.bytes),
                                       .write = ByteView(secrets.write).first(secrets.bytes)});
  if (!records) return std::unexpected(records.error());
  std::string rest(stream.rest_bytes(), '\0');
  stream.take_rest({reinterpret_cast<std::uint8_t*>(rest.data()), rest.size()});
  if (!sealed_.append(pool, as_bytes(rest))) return fail(kOutOfMemory);
  layer_ = std::move(*records);
  return {};
}

Result<ByteView> ClientTls::open(BlockPool& pool, tls::Cipher& cipher, MutableBytes& received) {
  if (auto* const stream = std::get_if<Stream>(&layer_)) {
    return open_by_openssl(pool, **stream, received);
  }
  return open_record(pool, cipher, std::get<tls::Records>(layer_), received);
}

Result<ByteView> ClientTls::open_record(BlockPool& pool, tls::Cipher& cipher, tls::Records& records,
                                        MutableBytes& received) {
  if (opened_ > 0) sealed_.drop_front(pool, opened_);
  opened_ = 0;
  if (sealed_.size > 0 && !received.empty()) {
    if (!sealed_.append(pool, received)) return fail(kOutOfMemory);
    received = {};
  }
  const bool kept = sealed_.size > 0;
  MutableBytes rest = kept ? sealed_.bytes() : received;
  std::size_t used = 0;
  tls::OpenStep step;
  do {
    step = records.open(cipher, rest.subspan(used));
    used += step.consumed;
  } while (step.status == tls::OpenStatus::kNothing || step.status == tls::OpenStatus::kKeyUpdate);
  if (step.status != tls::OpenStatus::kData && step.status != tls::OpenStatus::kNeedMore) {
    // The end of the stream follows a close_notify.
    received = {};
    if (step.status == tls::OpenStatus::kCloseNotify) return ByteView();
    return ended(step);
  }
  if (kept) {
    opened_ = static_cast<std::uint32_t>(used);
  } else if (step.status == tls::OpenStatus::kNeedMore) {
    if (!sealed_.append(pool, rest.subspan(used))) return fail(kOutOfMemory);
    received = {};
  } else {
    received = rest.subspan(used);
  }
  if (step.status == tls::OpenStatus::kData) return ByteView(step.data);
  return ByteView();
}

Result<ByteView> ClientTls::open_by_openssl(BlockPool& pool, tls::ClientStream& stream,
                                            MutableBytes& received) {
  if (!received.empty()) {
    const auto fed = stream.feed(received);
    received = {};
    if (!fed) return std::unexpected(fed.error());
  }
  const auto bytes = stream.read(scratch());
  take_output(pool, stream);
  if (!bytes) return std::unexpected(bytes.error());
  return ByteView(scratch()).first(*bytes);
}

bool ClientTls::seal(BlockPool& pool, tls::Cipher& cipher, SendQueue& plain) {
  iovec piece{};
  while (!plain.empty() && plain.start_send({&piece, 1}) > 0) {
    const ByteView part(static_cast<const std::uint8_t*>(piece.iov_base), piece.iov_len);
    bool good = false;
    if (auto* const stream = std::get_if<Stream>(&layer_)) {
      good = (*stream)->write(part).has_value();
      take_output(pool, **stream);
    } else {
      auto& records = std::get<tls::Records>(layer_);
      const std::size_t bytes = records.data_bytes(part.size());
      good = records.write_data(wire_.reserve(pool, bytes, kFirstPieceBytes), cipher, {&part, 1}) !=
             nullptr;
    }
    plain.complete_send(pool, part.size());
    if (!good) return false;
  }
  return true;
}

}  // namespace ringgate::bench
