#include "dataplane/map_aligned.h"

#include <sys/mman.h>

namespace ringgate {

std::uint8_t* map_aligned(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t reach = bytes + alignment;
  void* const mapped =
      mmap(nullptr, reach, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::uint8_t*>(mapped);
  const std::size_t above = reinterpret_cast<std::uintptr_t>(begin + reach) % alignment;
  std::uint8_t* const end = begin + reach - above;
  if (above > 0) munmap(end, above);
  if (end - bytes > begin) munmap(begin, static_cast<std::size_t>(end - bytes - begin));
  return end - bytes;
}

}  // namespace ringgate
