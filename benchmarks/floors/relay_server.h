// The floor that a request and its answer are measured against: what a gateway cannot do without,
// and nothing else. For every 13 bytes of a client it puts 113, the size of a small request with
// the gateway's header, on its one link to a service; for every 113 that come back it sends 13
// bytes to the client whose turn it is. It looks at nothing.
//
// The service is a process of its own (answer_links), so that the processor time of a RelayServer
// is the gateway's part alone. One thread owns it, as an EchoServer; clients that leave are not
// told apart from those that take their places, so that it is for runs in which all stay.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "benchmarks/common/address.h"
#include "benchmarks/floors/echo_server.h"
#include "codec/error.h"

namespace ringgate::bench {

inline constexpr std::size_t kRelayBytes = 113;
inline constexpr std::size_t kRequestsPerSend = 512;

class RelayServer final : public EchoServer {
 public:
  RelayServer(int listener, const Address& service);
  ~RelayServer() override;

  // The service listens already.
  [[nodiscard]] Result<void> open() override;

 private:
  void on_completion(const io_uring_cqe& cqe) override;
  void on_messages(std::uint32_t slot, std::uint32_t count) override;
  void end_batch() override;
  void on_answers(const io_uring_cqe& cqe);

  Address service_;
  int link_ = -1;
  bool sending_ = false;
  std::size_t owed_requests_ = 0;      // to the link
  std::size_t partial_bytes_ = 0;      // of an answer
  std::deque<std::uint32_t> waiting_;  // slots, in the order of their requests
  std::array<std::uint8_t, kRequestsPerSend * kRelayBytes> requests_{};
};

// The service: sends back what comes, a thread for each link, until `stop` or a failure.
[[nodiscard]] Result<void> answer_links(int listener, const std::atomic<bool>& stop);

}  // namespace ringgate::bench
