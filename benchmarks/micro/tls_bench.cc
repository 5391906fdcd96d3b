// Micro-benchmarks of TLS records: a context that is kept for a connection beside one that is keyed
// for each record, and what a shard does with a record. Single thread, everything in cache.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <vector>

#include "codec/tls/records.h"

namespace ringgate::tls {
namespace {

constexpr std::array<const char*, kSuites> kNames = {"AES-128-GCM", "AES-256-GCM",
                                                     "ChaCha20-Poly1305"};

using Bytes = std::vector<std::uint8_t>;

Suite suite_of(const benchmark::State& state) {
  return static_cast<Suite>(state.range(0));
}
std::size_t bytes_of(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(1));
}

Records records_of(Cipher& cipher, Suite suite, Peer peer) {
  const Bytes client(secret_bytes(suite), 1);
  const Bytes server(secret_bytes(suite), 2);
  const bool to_client = peer == Peer::kClient;
  return Records::create(cipher.key_schedule(), {.suite = suite,
                                                 .peer = peer,
                                                 .read = to_client ? client : server,
                                                 .write = to_client ? server : client})
      .value();
}

void end(benchmark::State& state) {
  state.SetLabel(kNames[static_cast<std::size_t>(state.range(0))]);
  state.SetBytesProcessed(state.iterations() * state.range(1));
}

// What EVP costs when each connection keeps its context: the floor of `seal_keyed`.
void seal_kept(benchmark::State& state) {
  EVP_CIPHER* const aead =
      EVP_CIPHER_fetch(nullptr, kNames[static_cast<std::size_t>(state.range(0))], nullptr);
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  const Bytes key(kMaxKeyBytes, 3);
  Bytes nonce(kIvBytes, 4);
  const Bytes head(kRecordHeadBytes, 5);
  Bytes sealed(bytes_of(state) + 1 + kTagBytes);
  const auto text_bytes = static_cast<int>(sealed.size() - kTagBytes);
  bool good = EVP_EncryptInit_ex(context, aead, nullptr, key.data(), nonce.data()) == 1;
  int done = 0;
  for (auto _ : state) {
    ++nonce.back();
    good &= EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1;
    good &= EVP_EncryptUpdate(context, nullptr, &done, head.data(), kRecordHeadBytes) == 1;
    good &= EVP_EncryptUpdate(context, sealed.data(), &done, sealed.data(), text_bytes) == 1;
    good &= EVP_EncryptFinal_ex(context, sealed.data() + text_bytes, &done) == 1;
    good &= EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                                sealed.data() + text_bytes) == 1;
    benchmark::ClobberMemory();
  }
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(aead);
  if (!good) state.SkipWithError("OpenSSL failed");
  end(state);
}

// The same by a shard's Cipher, with keys that are others' each time.
void seal_keyed(benchmark::State& state) {
  Cipher cipher = Cipher::create().value();
  TrafficKeys keys{};
  const Bytes head(kRecordHeadBytes, 5);
  Bytes sealed(bytes_of(state) + 1 + kTagBytes);
  std::uint64_t sequence = 0;
  bool good = true;
  for (auto _ : state) {
    ++keys.key[0];
    good &= cipher.seal(suite_of(state), keys, sequence++, head, sealed);
    benchmark::ClobberMemory();
  }
  if (!good) state.SkipWithError("OpenSSL failed");
  end(state);
}

// Whole records, from the payload to the bytes that are sent.
void write_data(benchmark::State& state) {
  Cipher cipher = Cipher::create().value();
  Records records = records_of(cipher, suite_of(state), Peer::kClient);
  const Bytes payload(bytes_of(state), 'x');
  const ByteView part(payload);
  Bytes out(records.data_bytes(payload.size()) + kKeyUpdateBytes);
  bool good = true;
  for (auto _ : state) {
    good &= records.write_data(out.data(), cipher, {&part, 1}) != nullptr;
    benchmark::ClobberMemory();
  }
  if (!good) state.SkipWithError("OpenSSL failed");
  end(state);
}

// There and back: what a record costs that is opened, beyond `write_data`.
void write_and_open(benchmark::State& state) {
  Cipher cipher = Cipher::create().value();
  Records server = records_of(cipher, suite_of(state), Peer::kClient);
  Records client = records_of(cipher, suite_of(state), Peer::kServer);
  const Bytes payload(bytes_of(state), 'x');
  const ByteView part(payload);
  Bytes out(server.data_bytes(payload.size()));
  bool good = true;
  for (auto _ : state) {
    if (server.write_sequence() == kRecordsPerKey) {  // a KeyUpdate would come first
      state.PauseTiming();
      server = records_of(cipher, suite_of(state), Peer::kClient);
      client = records_of(cipher, suite_of(state), Peer::kServer);
      state.ResumeTiming();
    }
    good &= server.write_data(out.data(), cipher, {&part, 1}) != nullptr;
    good &= client.open(cipher, out).status == OpenStatus::kData;
    benchmark::ClobberMemory();
  }
  if (!good) state.SkipWithError("a record was refused");
  end(state);
}

void key_update(benchmark::State& state) {
  auto schedule = KeySchedule::create().value();
  TrafficKeys keys{};
  bool good = true;
  for (auto _ : state) good &= schedule.update(suite_of(state), keys);
  if (!good) state.SkipWithError("OpenSSL failed");
  state.SetLabel(kNames[static_cast<std::size_t>(state.range(0))]);
}

void each_suite_and_size(benchmark::internal::Benchmark* of) {
  for (std::int64_t suite = 0; suite < static_cast<std::int64_t>(kSuites); ++suite) {
    for (const std::int64_t bytes : {10, 64, 1024, 16'384}) of->Args({suite, bytes});
  }
}
BENCHMARK(seal_kept)->Apply(each_suite_and_size);
BENCHMARK(seal_keyed)->Apply(each_suite_and_size);
BENCHMARK(write_data)->Apply(each_suite_and_size);
BENCHMARK(write_and_open)->Apply(each_suite_and_size);
BENCHMARK(key_update)->DenseRange(0, kSuites - 1);

}  // namespace
}  // namespace ringgate::tls

BENCHMARK_MAIN();
