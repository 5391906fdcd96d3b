// What tests of whole stores wait for.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/common/until.h"
#include "tests/services/store/redis/chat.h"

namespace ringgate {

inline bool is_well(const ChatService& chat) {
  return until([&] { return chat.store->health().is_well(); });
}

// Until its sentence has these words.
inline std::string problem_with(const ChatService& chat, const std::string& words) {
  std::string problem;
  until([&] {
    problem = chat.store->health().problem().value_or("");
    return problem.find(words) != std::string::npos;
  });
  return problem;
}

// What a login and a talk take.
inline void expect_serves(ChatService& chat) {
  TestGateway gateway(chat.port(), "g1");
  const TestClient alice{gateway, "g1", "alice", "g1_alice_1"};
  EXPECT_TRUE(sign_in(alice));
  EXPECT_TRUE(can_talk(alice));
}

}  // namespace ringgate
