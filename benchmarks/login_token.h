// What a client logs in with: a JWT (HS256, claims acc, app, exp) and the LoginReq around it.
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringgate::bench {

// `account` and `app` must need no escaping in JSON; `expires_s` is Unix time.
[[nodiscard]] std::string sign_token(std::string_view account, std::string_view app,
                                     std::int64_t expires_s, std::string_view secret);

// An encoded LoginReq with only its token.
[[nodiscard]] std::string encode_login_request(std::string_view token);

}  // namespace ringgate::bench
