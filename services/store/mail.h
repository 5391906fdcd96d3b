// Store requests and answers as bytes, between a shard and the store's thread in one process.
//
// Pure functions, any thread. What is decoded was encoded here: a mistake is a bug of ours.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/bytes.h"
#include "services/store/sessions.h"

namespace ringgate {

// `id` is the asking shard's, to find the call again.
[[nodiscard]] std::size_t request_mail_bytes(const StoreRequest& request) noexcept;
// Returns the end of it.
std::uint8_t* write_request_mail(std::uint8_t* to, std::uint64_t id, const StoreRequest& request);
[[nodiscard]] StoreRequest read_request_mail(ByteView mail, std::uint64_t& id);

[[nodiscard]] std::vector<std::uint8_t> answer_mail(std::uint64_t id, const StoreAnswer& answer);
[[nodiscard]] StoreAnswer read_answer_mail(ByteView mail, std::uint64_t& id);

}  // namespace ringgate
