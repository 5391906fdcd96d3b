// What a client asks a chat service, and what it is answered.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/raw_service.h"

namespace ringgate::test {

inline std::string ask(std::string_view command, std::uint32_t sequence,
                       const google::protobuf::MessageLite& body, std::string_view dest = {}) {
  return packet(header(command, sequence, dest), body.SerializeAsString());
}

template <class Answer>
Answer answer_to(Client& client, std::string_view command,
                 const google::protobuf::MessageLite& body) {
  client.send(ask(command, 77, body));
  const Event answer = client.next();
  if (!answer.is_answer(77)) throw std::runtime_error(std::string(command) + ": no success");
  return answer.parse<Answer>();
}

// All that the account has missed, page by page.
inline std::vector<std::int64_t> missed(Client& client) {
  std::vector<std::int64_t> ids;
  pkt::MessageIndexReq asked;
  for (bool is_over = false; !is_over;) {
    const auto page = answer_to<pkt::MessageIndexResp>(client, "chat.offline.index", asked);
    for (const pkt::MessageIndex& entry : page.indexes()) ids.push_back(entry.message_id());
    is_over = page.indexes().empty();
    if (!is_over) asked.set_message_id(ids.back());
  }
  return ids;
}

}  // namespace ringgate::test
