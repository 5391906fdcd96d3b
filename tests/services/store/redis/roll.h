// What a gateway of ours says of itself, and whether its clients are reached.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/services/handlers/test_clients.h"

namespace ringgate {

inline const std::string kBoot = "0123456789";

inline std::string channel_of(const std::string& gateway_id, const std::string& account,
                              const std::string& boot, int login = 1) {
  const std::string number = std::to_string(login);
  return gateway_id + "_" + account + "_" + boot + "000000" + std::string(9 - number.size(), '0') +
         number;
}

inline ReceivedPacket call_roll(TestGateway& gateway, const std::string& id,
                                const pkt::RollCallReq& request) {
  gateway.send({.command = "login.rollcall", .channel_id = id, .dest_server = id},
               request.SerializeAsString());
  return gateway.receive();
}

inline ReceivedPacket call_present(TestGateway& gateway, const std::string& id,
                                   const std::vector<TestClient>& clients) {
  pkt::RollCallReq request;
  for (const TestClient& one : clients) *request.add_present() = one.session();
  return call_roll(gateway, id, request);
}

// The epoch, when the store has answered.
inline std::uint64_t beat(TestGateway& gateway, const std::string& id) {
  for (int i = 0; i < 1000; ++i) {
    const ReceivedPacket answer = call_roll(gateway, id, {});
    if (answer.header.status() == pkt::Status::Success) {
      return answer.parse<pkt::RollCallResp>().epoch();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ADD_FAILURE() << "no roll can be called";
  return 0;
}

// Whether a talk reaches `account`, of the same gateway: its push and its answer, in whatever
// order. Nothing: its answer is not Success, as of a store that is only just back.
inline std::optional<bool> try_reach(const TestClient& from, const std::string& account) {
  from.talk(9, account, "hello");
  bool pushed = false;
  while (true) {
    const ReceivedPacket packet = from.gateway.receive();
    if (packet.header.flag() == pkt::Flag::Response) {
      if (packet.header.status() != pkt::Status::Success) return std::nullopt;
      return pushed;
    }
    pushed = true;
  }
}

// The same, and the answer is Success.
inline bool reaches(const TestClient& from, const std::string& account) {
  const std::optional<bool> reached = try_reach(from, account);
  EXPECT_TRUE(reached.has_value());
  return reached.value_or(false);
}

}  // namespace ringgate
