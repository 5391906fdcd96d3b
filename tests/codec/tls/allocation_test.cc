// Counts what records take from the heap, by operator new and by OpenSSL: nothing.
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <string>

#include "tests/codec/tls/record_maker.h"
#include "tests/common/counted_new.h"

namespace ringgate::tls {
namespace {

std::atomic<std::size_t> taken{0};

void* counted_malloc(std::size_t bytes, const char* /*file*/, int /*line*/) {
  ++taken;
  return std::malloc(bytes);
}
void* counted_realloc(void* from, std::size_t bytes, const char* /*file*/, int /*line*/) {
  ++taken;
  return std::realloc(from, bytes);
}
void uncounted_free(void* memory, const char* /*file*/, int /*line*/) {
  std::free(memory);
}

// Only before OpenSSL takes its first.
const bool kCounting =
    CRYPTO_set_mem_functions(counted_malloc, counted_realloc, uncounted_free) == 1;

std::size_t all_allocations() {
  return taken.load() + test::allocations();
}

TEST(TlsAllocation, CounterSeesOpenssl) {
  ASSERT_TRUE(kCounting);
  const std::size_t before = taken.load();
  const auto cipher = Cipher::create();
  ASSERT_TRUE(cipher);
  EXPECT_GT(taken.load(), before);
}

class TlsAllocations : public ::testing::TestWithParam<Suite> {};

INSTANTIATE_TEST_SUITE_P(Suites, TlsAllocations,
                         ::testing::Values(Suite::kAes128GcmSha256, Suite::kAes256GcmSha384,
                                           Suite::kChaCha20Poly1305Sha256));

TEST_P(TlsAllocations, RecordsTakeNothing) {
  auto cipher = Cipher::create();
  const SomeSecrets secrets(GetParam());
  auto server = Records::create(cipher->key_schedule(), secrets.of_server());
  auto client = Records::create(cipher->key_schedule(), secrets.of_client());
  ASSERT_TRUE(cipher && server && client);
  const std::string text(40'000, 'x');
  const std::array<ByteView, 3> parts = {as_bytes("head"), as_bytes(text), as_bytes("tail")};
  Bytes out(server->data_bytes(4 + text.size() + 4));
  std::size_t wrong = 0;
  const std::size_t before = all_allocations();
  for (int i = 0; i < 100; ++i) {
    wrong += server->write_data(out.data(), *cipher, parts) == nullptr;
    MutableBytes input(out);
    while (!input.empty()) {
      const OpenStep step = client->open(*cipher, input);
      wrong += step.status != OpenStatus::kData;
      input = input.subspan(step.consumed);
    }
    cipher->forget();
  }
  EXPECT_EQ(all_allocations(), before);
  EXPECT_EQ(wrong, 0U);
}

// Whoever sends garbage costs no memory either, and leaves nothing in OpenSSL's queue of errors.
TEST_P(TlsAllocations, GarbageTakesNothing) {
  auto cipher = Cipher::create();
  const SomeSecrets secrets(GetParam());
  auto server = Records::create(cipher->key_schedule(), secrets.of_server());
  ASSERT_TRUE(cipher && server);
  Bytes garbage(100, 0x5a);
  std::ranges::copy(Bytes{kDataType, 3, 3, 0, 95}, garbage.begin());
  ASSERT_EQ(server->open(*cipher, garbage).status, OpenStatus::kNotAuthentic);
  const std::size_t before = all_allocations();
  std::size_t wrong = 0;
  for (int i = 0; i < 100; ++i) {
    wrong += server->open(*cipher, garbage).status != OpenStatus::kNotAuthentic;
  }
  EXPECT_EQ(all_allocations(), before);
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace ringgate::tls
