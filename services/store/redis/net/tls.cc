#include "services/store/redis/net/tls.h"

#include <array>
#include <utility>

#include "codec/bytes.h"
#include "control/base/text_file.h"
#include "control/tls/client_context.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20U;

constexpr tls::ClientSettings::Names kNames{
    .ca = "RedisCA",
    .insecure = "",
    .certificate = "RedisCertificate",
    .key = "RedisCertificateKey",
    .other_name = "it has to name the host of RedisURL, or what sentinels and the cluster announce",
    .no_tls = kWriteRedis,
};

Result<void> read_file(std::string_view key, const std::string& file, std::string& into) {
  if (file.empty()) return {};
  auto text = read_text_file(file, kMaxFileBytes);
  if (!text) return usage_error("{}: {}", key, text.error().message);
  into.append(*text).push_back('\0');
  return {};
}

}  // namespace

Result<std::shared_ptr<const RedisTlsContext>> RedisTlsContext::load(const RedisTlsFiles& files) {
  std::shared_ptr<RedisTlsContext> made(new RedisTlsContext);
  for (const auto& [key, file] :
       {std::pair(kNames.ca, &files.ca), std::pair(kNames.certificate, &files.certificate),
        std::pair(kNames.key, &files.key)}) {
    if (auto read = read_file(key, *file, made->read_); !read) {
      return std::unexpected(read.error());
    }
  }
  tls::ClientSettings settings;
  settings.ca = files.ca;
  settings.certificate = files.certificate;
  settings.key = files.key;
  settings.names = kNames;
  auto context = tls::new_client_context(settings);
  if (!context) return std::unexpected(context.error());
  made->context_ = std::move(*context);
  return made;
}

Result<RedisTlsStream> RedisTlsStream::begin(const RedisTlsContext& context,
                                             const Endpoint& server) {
  auto stream = tls::ClientStream::begin(context.get(), server, kNames);
  if (!stream) return std::unexpected(stream.error());
  return RedisTlsStream(std::move(*stream));
}

Result<void> RedisTlsStream::send_waiting() {
  if (!is_secure() || waiting_.empty()) return {};
  auto written = stream_->write(as_bytes(waiting_));
  waiting_.clear();
  return written;
}

Result<void> RedisTlsStream::write(std::string_view bytes) {
  waiting_.append(bytes);
  return send_waiting();
}

Result<bool> RedisTlsStream::feed(std::string_view bytes,
                                  const std::function<void(std::string_view)>& take) {
  if (auto fed = stream_->feed(as_bytes(bytes)); !fed) return std::unexpected(fed.error());
  if (auto sent = send_waiting(); !sent) return std::unexpected(sent.error());
  std::array<std::uint8_t, 16 * 1024> plain;
  while (true) {
    const auto got = stream_->read(plain);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return !stream_->has_ended();
    take(as_text(ByteView(plain).first(*got)));
  }
}

}  // namespace ringgate
