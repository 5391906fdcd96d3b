// An HTTP/1 request as a server takes it (RFC 9112): bytes in, the request or a refusal out. No
// sockets.
//
// One HttpRequestReader per connection, on the connection's thread. It reads one request: whatever
// follows it is nobody's, so the answer has to close the connection. It holds at most
// kMaxHttpHeadBytes; the body is read and thrown away (HttpBody): nothing that is asked here has
// one. This is set-up, not the data path: it allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/bytes.h"
#include "codec/http_body.h"

namespace ringgate {

// Of the request line and all header fields, with the empty line after them.
inline constexpr std::size_t kMaxHttpHeadBytes = 8192;
inline constexpr std::size_t kMaxHttpHeadLines = 100;

struct ReceivedRequest {
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  std::string method;     // as it was sent: methods are case-sensitive
  bool is_known = false;  // a method that is registered somewhere, if not for us
  // Percent-decoded; "*" of OPTIONS for the whole server. Without the query.
  std::string path;
  // In order, decoded as forms write them: "+" is a blank.
  Parameters parameters;
  // Of the target where it is a whole URL (RFC 9112, 3.2.2), else the Host field. HTTP/1.1 has one,
  // HTTP/1.0 may have none.
  std::optional<std::string> host;
  std::string origin;         // Empty: none.
  std::string authorization;  // Empty: none.
  bool has_body = false;      // one that is not empty
  // "10.0.0.7:4711": who sent it. Filled in by whoever has the socket.
  std::string peer{};
};

enum class HttpReadStatus : std::uint8_t {
  kNeedMore,
  kNeedContinue,  // the client waits for "100 Continue" before it sends the body; said once
  kDone,          // take request()
  kRefused,       // answer with http_status() and problem()
};

class HttpRequestReader {
 public:
  // The verdict depends on the bytes alone, not on how they are cut. A byte that no head has is
  // refused at once. What comes after the verdict is ignored.
  [[nodiscard]] HttpReadStatus feed(ByteView input);

  // Whether a byte of a request has come.
  [[nodiscard]] bool has_begun() const noexcept { return head_bytes_ > 0; }
  [[nodiscard]] const ReceivedRequest& request() const noexcept { return request_; }
  // Of a refused request: 400, 413, 414, 417, 431, 501 or 505, and what is wrong in a few words.
  [[nodiscard]] int http_status() const noexcept { return http_status_; }
  [[nodiscard]] std::string_view problem() const noexcept { return problem_; }

 private:
  enum class Stage : std::uint8_t { kHead, kHeadEnded, kBody, kDone, kRefused };

  HttpReadStatus refuse(int http_status, std::string_view problem);
  std::size_t read_head(ByteView input);  // bytes taken; then see stage_
  bool take_head_byte(std::uint8_t byte);
  void end_head_line();
  HttpReadStatus end_head();
  HttpReadStatus read_body(ByteView input);

  Stage stage_ = Stage::kHead;
  std::string collected_;  // the head
  std::size_t head_bytes_ = 0;
  std::size_t head_lines_ = 0;
  std::size_t line_bytes_ = 0;  // of the line that has begun, without its end
  bool after_cr_ = false;
  bool expects_continue_ = false;
  HttpBody body_;  // from the head's end
  ReceivedRequest request_;
  int http_status_ = 0;
  std::string_view problem_;  // a literal
};

}  // namespace ringgate
