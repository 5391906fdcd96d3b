// Records of TLS: from the wire as they are, and sealed by a peer that may put anything into them.
//
// The first byte chooses suite, peer and which of the two. What is sealed is a script of parts,
// each with a head of three bytes: the type inside; how much padding, times 64; how much content,
// cut from what follows. After an own KeyUpdate the peer goes on with its next keys, as it has to.
#include <algorithm>
#include <memory>

#include "codec/tls/content_type.h"
#include "tests/codec/tls/record_maker.h"
#include "tests/codec/tls/record_stream.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;
using namespace ringgate::tls;

// Whatever is slow to make is made once.
Cipher& cipher() {
  static const auto kept = std::make_unique<Cipher>(Cipher::create().value());
  return *kept;
}

struct Connection {
  explicit Connection(std::uint8_t choice)
      : secrets(static_cast<Suite>(choice % kSuites)), to_server((choice & 0x40U) == 0) {}

  [[nodiscard]] Records end() const {
    const Secrets its = to_server ? secrets.of_server() : secrets.of_client();
    return Records::create(cipher().key_schedule(), its).value();
  }
  [[nodiscard]] const Bytes& peers_secret() const {
    return to_server ? secrets.client : secrets.server;
  }

  SomeSecrets secrets;
  bool to_server;
};

Bytes sealed_by_script(const Connection& connection, ByteView script) {
  constexpr std::size_t kHead = 3;
  RecordMaker make(connection.secrets.suite, connection.peers_secret());
  Bytes stream;
  while (script.size() >= kHead) {
    const std::uint8_t type = script[0];
    const std::size_t padding = std::size_t{script[1]} * 64;
    const std::size_t bytes = std::min<std::size_t>(script[2], script.size() - kHead);
    const ByteView content = script.subspan(kHead, bytes);
    script = script.subspan(kHead + bytes);
    const Bytes record = make.record(type, Bytes(content.begin(), content.end()), padding);
    stream.insert(stream.end(), record.begin(), record.end());
    const bool updates = type == kHandshakeType && content.size() >= 5 &&
                         content[content.size() - 5] == kKeyUpdateMessage;
    if (updates) make.next_keys();
  }
  return stream;
}

void check_chunkings(const Connection& connection, const Bytes& stream, const Transcript& whole) {
  fuzz_check(whole.broken_rule.empty(), whole.broken_rule);
  std::size_t next = 0;
  const auto by_content = [&] { return std::size_t{stream[next++ % stream.size()]} % 97; };
  const std::function<std::size_t()> chunkings[] = {[] { return 1U; }, [] { return 7U; },
                                                    by_content};
  for (const auto& chunking : chunkings) {
    if (stream.empty() || stream.size() > 2'000) continue;  // chunks of one cost the square
    Records records = connection.end();
    fuzz_check(read_records(records, cipher(), stream, chunking) == whole,
               "chunks read differently");
  }
}

// Of what is altered in one place, the data before that place is read, and no more.
void check_altered(const Connection& connection, const Bytes& good, const Transcript& whole,
                   std::uint8_t choice) {
  if (good.empty()) return;
  Bytes stream = good;
  const std::size_t at = std::size_t{choice} * 31 % stream.size();
  stream[at] = static_cast<std::uint8_t>(stream[at] ^ 0x10U);
  Records records = connection.end();
  const Transcript altered = read_records(records, cipher(), stream);
  fuzz_check(whole.data.starts_with(altered.data), "altered records bring other data");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4'096) return 0;
  const std::uint8_t choice = data[0];
  const ByteView rest(data + 1, size - 1);
  const Connection connection(choice);
  const bool as_it_is = choice >= 0x80;
  const Bytes stream =
      as_it_is ? Bytes(rest.begin(), rest.end()) : sealed_by_script(connection, rest);
  Records records = connection.end();
  const Transcript whole = read_records(records, cipher(), stream);
  check_chunkings(connection, stream, whole);
  check_altered(connection, stream, whole, choice);
  fuzz_check(!as_it_is || whole.data.empty(), "what nobody has sealed is read");
  return 0;
}
