#include "codec/unmask.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ringgate {
namespace {

#if defined(__x86_64__)

bool processor_has_avx2() noexcept {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") != 0;
}

// Asked once. Whoever comes before it is set reads false and takes the scalar twin.
const bool kHasAvx2 = processor_has_avx2();

constexpr std::size_t kVectorBytes = 32;

#endif

}  // namespace

void unmask_scalar(MutableBytes bytes, WsMaskKey key, std::size_t offset) noexcept {
  // A word is two keys long: its place in the key is the same for every word.
  const std::uint64_t mask = mask_word(key, offset);
  std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof mask; left -= sizeof mask, at += sizeof mask) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    word ^= mask;
    std::memcpy(at, &word, sizeof word);
  }
  const std::size_t place = offset + (bytes.size() - left);
  for (std::size_t i = 0; i < left; ++i) at[i] ^= key[(place + i) % key.size()];
}

#if defined(__x86_64__)

bool can_unmask_avx2() noexcept {
  return kHasAvx2;
}

__attribute__((target("avx2"))) void unmask_avx2(MutableBytes bytes, WsMaskKey key,
                                                 std::size_t offset) noexcept {
  std::uint64_t word = mask_word(key, offset);
  long long lane;
  std::memcpy(&lane, &word, sizeof lane);
  const __m256i mask = _mm256_set1_epi64x(lane);
  const std::size_t whole = bytes.size() - bytes.size() % kVectorBytes;
  for (std::size_t i = 0; i < whole; i += kVectorBytes) {
    auto* const at = reinterpret_cast<__m256i*>(bytes.data() + i);
    _mm256_storeu_si256(at, _mm256_xor_si256(_mm256_loadu_si256(at), mask));
  }
  unmask_scalar(bytes.subspan(whole), key, offset + whole);
}

void unmask_long(MutableBytes bytes, WsMaskKey key, std::size_t offset) noexcept {
  if (kHasAvx2 && bytes.size() >= kVectorBytes) {
    unmask_avx2(bytes, key, offset);
  } else {
    unmask_scalar(bytes, key, offset);
  }
}

#else

bool can_unmask_avx2() noexcept {
  return false;
}

void unmask_avx2(MutableBytes bytes, WsMaskKey key, std::size_t offset) noexcept {
  unmask_scalar(bytes, key, offset);
}

void unmask_long(MutableBytes bytes, WsMaskKey key, std::size_t offset) noexcept {
  unmask_scalar(bytes, key, offset);
}

#endif

}  // namespace ringgate
