#include "services/flags/version.h"

namespace ringgate {
namespace {

std::string_view noted_commit;

}  // namespace

std::string_view version() noexcept {
  return RINGGATE_VERSION;
}

std::string_view build_commit() noexcept {
  return noted_commit;
}

std::string version_text() {
  std::string text(version());
  if (!noted_commit.empty()) text.append(" (").append(noted_commit).append(")");
  return text;
}

void note_build_commit(std::string_view commit) noexcept {
  noted_commit = commit;
}

}  // namespace ringgate
