#include "control/discovery/id_claims.h"

#include <fcntl.h>

#include <cerrno>

namespace ringgate {
namespace {

constexpr mode_t kNewFileMode = 0644;

// FNV-1a: the same in every build. Two ids would have to agree in 62 bits to be taken for one.
off_t place_of(std::string_view id) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : id) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  }
  return static_cast<off_t>(hash >> 2U);
}

}  // namespace

IdClaims::IdClaims(const std::filesystem::path& registry_file)
    : file_(registry_file.string() + ".ids") {}

IdClaim IdClaims::take(std::string_view id) {
  if (!fd_) fd_ = UniqueFd(open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFileMode));
  if (!fd_) return IdClaim::kUnknown;
  // Of the open file, not of the process (fcntl(2)): another descriptor's end does not end it.
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = place_of(id);
  lock.l_len = 1;
  if (fcntl(fd_.get(), F_OFD_SETLK, &lock) == 0) return IdClaim::kOurs;
  return errno == EAGAIN || errno == EACCES ? IdClaim::kTaken : IdClaim::kUnknown;
}

}  // namespace ringgate
