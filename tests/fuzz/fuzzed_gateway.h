// A gateway of two shards, with its real handler, over the kernel of the simulation; its clients
// and its services are a fuzzer's. What reaches them is judged here, as it comes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/pkt.pb.h"
#include "tests/simulation/gateway.h"
#include "tests/simulation/pipe.h"

namespace ringgate {

// The first byte of an input.
enum GatewaySetup : std::uint8_t {
  kWebSocketBit = 1,
  kLanesBit = 2,
  kRollCallsBit = 4,
  kDropsBit = 8,  // SlowConsumer: drop_oldest
  kRecorderBit = 16,
  kTightBit = 32,  // bounds that are reached soon
};

class FuzzedGateway {
 public:
  static constexpr std::size_t kClients = 4;
  static constexpr std::size_t kInstances = 2;  // of the one service, with a link to each shard
  static constexpr std::size_t kShards = 2;
  static constexpr std::size_t kMostBytes = 1 << 20;

  // One end of a connection to it.
  struct End {
    sim::Socket* socket = nullptr;  // null: it is not connected
    sim::Pipe inbox;
    bool upgraded = false;
    std::string channel;                // of a client
    std::vector<pkt::Header> requests;  // of a link, and not answered
  };

  explicit FuzzedGateway(std::uint8_t setup);
  FuzzedGateway(const FuzzedGateway&) = delete;
  FuzzedGateway& operator=(const FuzzedGateway&) = delete;

  // Connects it if it is not.
  [[nodiscard]] End& client(std::size_t number);
  [[nodiscard]] const std::string& channel(std::size_t number) const {
    return clients_[number % kClients].channel;
  }
  [[nodiscard]] End& link(std::size_t number) { return links_[number % links_.size()]; }
  void send(End& from, ByteView bytes);
  void send_frame(End& client, ByteView payload);  // of its transport
  void log_in(std::size_t number, std::uint8_t sequence);
  void end(End& one);  // nothing more comes of it
  void let_go(End& one);
  void be_deaf(End& client, bool deaf);
  // It is in the registry no more, and then it is again.
  void leave_registry(std::size_t instance, std::uint64_t drain_ms);

  // Until all is done that can be done now, or for so long.
  void settle();
  void pass(std::uint64_t ms);
  // All of them go; what is left then?
  void close();

 private:
  [[nodiscard]] sim::Gateway::Ways ways();
  [[nodiscard]] bool step();
  void read_client(End& client);
  void read_link(End& link);
  template <class Use>
  void for_each_frame(End& end, bool websocket, Use&& use);
  static void on_client_frame(End& client, Opcode opcode, ByteView payload);
  static void on_link_frame(End& link, Opcode opcode, ByteView payload);
  [[nodiscard]] std::uint64_t left();

  bool websocket_;
  bool records_;
  sim::Scheduler scheduler_;
  sim::Kernel kernel_;
  std::array<End, kClients> clients_;
  std::array<End, kInstances * kShards> links_;  // by instance and lane
  std::uint32_t epochs_ = 0;
  std::vector<sim::Instance> instances_;
  sim::Gateway gateway_;  // last: it dials
};

// A packet of these parts, without a frame; its header may be anything.
[[nodiscard]] std::vector<std::uint8_t> packet_of(ByteView header, ByteView body);

}  // namespace ringgate
