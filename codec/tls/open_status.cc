#include "codec/tls/open_status.h"

#include <array>
#include <cstddef>

namespace ringgate::tls {
namespace {

struct Row {
  std::string_view name;
  std::optional<Alert> alert;
};

// In the order of the enum.
constexpr auto kRows = std::to_array<Row>({
    {"need_more", {}},
    {"data", {}},
    {"nothing", {}},
    {"key_update", {}},
    {"close_notify", {}},
    {"alert", {}},
    {"bad_record_type", Alert::kUnexpectedMessage},
    {"bad_version", Alert::kDecodeError},
    {"record_too_long", Alert::kRecordOverflow},
    {"record_too_short", Alert::kBadRecordMac},
    {"not_authentic", Alert::kBadRecordMac},
    {"text_too_long", Alert::kRecordOverflow},
    {"no_type", Alert::kUnexpectedMessage},
    {"bad_type", Alert::kUnexpectedMessage},
    {"empty_message", Alert::kUnexpectedMessage},
    {"bad_alert", Alert::kDecodeError},
    {"unexpected_message", Alert::kUnexpectedMessage},
    {"bad_message_length", Alert::kDecodeError},
    {"bad_key_update", Alert::kIllegalParameter},
    {"not_at_boundary", Alert::kUnexpectedMessage},
    {"interleaved", Alert::kUnexpectedMessage},
    {"too_many_quiet", Alert::kUnexpectedMessage},
    {"too_many_key_updates", Alert::kUnexpectedMessage},
    {"sequence_used_up", Alert::kInternalError},
    {"cipher_failed", Alert::kInternalError},
});
static_assert(kRows.size() == static_cast<std::size_t>(OpenStatus::kCipherFailed) + 1);

const Row& row_of(OpenStatus status) noexcept {
  return kRows[static_cast<std::size_t>(status)];
}

}  // namespace

std::optional<Alert> alert_of(OpenStatus status) noexcept {
  return row_of(status).alert;
}

std::string_view name_of(OpenStatus status) noexcept {
  return row_of(status).name;
}

}  // namespace ringgate::tls
