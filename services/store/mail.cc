#include "services/store/mail.h"

#include <cstring>
#include <type_traits>

#include "codec/written.h"
#include "dataplane/check.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kNoValue = UINT32_MAX;

struct RequestHead {
  std::uint64_t id;
  StoreOp op;
  std::uint32_t accounts;
};

struct AnswerHead {
  std::uint64_t id;
  std::uint32_t error;  // 0: none, else StoreError + 1
  std::uint32_t values;
};

class Writer {
 public:
  explicit Writer(std::uint8_t* to) noexcept : to_(to) {}

  template <class Value>
    requires std::is_trivially_copyable_v<Value>
  void value(const Value& value) noexcept {
    std::memcpy(to_, &value, sizeof value);
    to_ += sizeof value;
  }
  [[nodiscard]] std::uint8_t* end() const noexcept { return to_; }
  void text(std::string_view text) noexcept {
    value(static_cast<std::uint32_t>(text.size()));
    if (!text.empty()) std::memcpy(to_, text.data(), text.size());
    to_ += text.size();
  }

 private:
  std::uint8_t* to_;
};

class Reader {
 public:
  explicit Reader(ByteView from) noexcept : from_(from) {}

  template <class Value>
  Value value() noexcept {
    Value value;
    RINGGATE_CHECK(from_.size() >= sizeof value);
    std::memcpy(&value, from_.data(), sizeof value);
    from_ = from_.subspan(sizeof value);
    return value;
  }
  std::string text() { return bytes(value<std::uint32_t>()); }
  std::optional<std::string> optional_text() {
    const auto size = value<std::uint32_t>();
    if (size == kNoValue) return std::nullopt;
    return bytes(size);
  }

 private:
  std::string bytes(std::size_t size) {
    RINGGATE_CHECK(from_.size() >= size);
    std::string text(as_text(from_.first(size)));
    from_ = from_.subspan(size);
    return text;
  }

  ByteView from_;
};

std::size_t text_bytes(std::string_view text) noexcept {
  return sizeof(std::uint32_t) + text.size();
}

}  // namespace

std::size_t request_mail_bytes(const StoreRequest& request) noexcept {
  std::size_t bytes = sizeof(RequestHead) + text_bytes(request.location.channel_id) +
                      text_bytes(request.location.gateway_id) + text_bytes(request.app) +
                      text_bytes(request.session);
  for (const std::string& account : request.accounts) bytes += text_bytes(account);
  return bytes;
}

std::uint8_t* write_request_mail(std::uint8_t* to, std::uint64_t id, const StoreRequest& request) {
  Writer out(to);
  out.value(RequestHead{id, request.op, static_cast<std::uint32_t>(request.accounts.size())});
  out.text(request.location.channel_id);
  out.text(request.location.gateway_id);
  out.text(request.app);
  out.text(request.session);
  for (const std::string& account : request.accounts) out.text(account);
  return written(to, request_mail_bytes(request), out.end());
}

StoreRequest read_request_mail(ByteView mail, std::uint64_t& id) {
  Reader in(mail);
  const auto head = in.value<RequestHead>();
  id = head.id;
  StoreRequest request;
  request.op = head.op;
  request.location.channel_id = in.text();
  request.location.gateway_id = in.text();
  request.app = in.text();
  request.session = in.text();
  for (std::uint32_t i = 0; i < head.accounts; ++i) request.accounts.push_back(in.text());
  return request;
}

std::vector<std::uint8_t> answer_mail(std::uint64_t id, const StoreAnswer& answer) {
  std::size_t bytes = sizeof(AnswerHead);
  for (const auto& value : answer.values) bytes += text_bytes(value ? *value : std::string_view());
  std::vector<std::uint8_t> mail(bytes);
  Writer out(mail.data());
  const std::uint32_t error = answer.error ? static_cast<std::uint32_t>(*answer.error) + 1 : 0;
  out.value(AnswerHead{id, error, static_cast<std::uint32_t>(answer.values.size())});
  for (const auto& value : answer.values) {
    if (value) {
      out.text(*value);
    } else {
      out.value(kNoValue);
    }
  }
  static_cast<void>(written(mail.data(), bytes, out.end()));
  return mail;
}

StoreAnswer read_answer_mail(ByteView mail, std::uint64_t& id) {
  Reader in(mail);
  const auto head = in.value<AnswerHead>();
  id = head.id;
  StoreAnswer answer;
  if (head.error != 0) answer.error = static_cast<StoreError>(head.error - 1);
  for (std::uint32_t i = 0; i < head.values; ++i) answer.values.push_back(in.optional_text());
  return answer;
}

}  // namespace ringgate
