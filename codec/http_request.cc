// Where the head ends is found here, byte by byte; what is in it is parsed by Beast, in one go.
#include "codec/http_request.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "codec/ignoring_case.h"
#include "codec/percent.h"

namespace ringgate {
namespace {

namespace http = boost::beast::http;

using Request = http::request<http::empty_body>;

struct Refusal {
  int http_status = 0;  // 0: none
  std::string_view problem;
};

std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

bool is_in_a_head(std::uint8_t byte) noexcept {
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t' || byte == '\r' || byte == '\n';
}

Refusal refusal_of(const boost::beast::error_code& error) {
  if (error == http::error::body_limit) return {413, "the body is above 4 KiB"};
  if (error == http::error::bad_version) return {505, "the version has to be HTTP/1.0 or HTTP/1.1"};
  return {400, "this is no valid HTTP request"};
}

// Fields that two parties could read differently if they came twice.
Refusal check_repeated(const Request& request) {
  if (request.count(http::field::host) > 1) return {400, "there has to be one Host"};
  if (request.count(http::field::content_length) > 1 ||
      view(request[http::field::content_length]).find(',') != std::string_view::npos) {
    return {400, "there is more than one Content-Length"};
  }
  if (request.count(http::field::origin) > 1) return {400, "there is more than one Origin"};
  if (request.count(http::field::authorization) > 1) {
    return {400, "there is more than one Authorization"};
  }
  return {};
}

Refusal check_fields(const Request& request) {
  if (const Refusal repeated = check_repeated(request); repeated.http_status != 0) return repeated;
  if (request.version() == 11 && request.count(http::field::host) == 0) {
    return {400, "there has to be one Host"};
  }
  if (request.count(http::field::transfer_encoding) > 0) {
    if (request.version() == 10) return {400, "HTTP/1.0 has no Transfer-Encoding"};
    if (!equals_ignoring_case(view(request[http::field::transfer_encoding]), "chunked")) {
      return {501, "the only Transfer-Encoding is chunked"};
    }
  }
  if (request.version() == 11 && request.count(http::field::expect) > 0 &&
      !equals_ignoring_case(view(request[http::field::expect]), "100-continue")) {
    return {417, "nothing can be expected but 100-continue"};
  }
  if (request.method() == http::verb::connect) return {501, "there are no tunnels here"};
  return {};
}

std::string text_of(const Request& request, http::field field) {
  return std::string(view(request[field]));
}

// False where a % is not followed by two digits.
bool read_query(std::string_view query, ReceivedRequest::Parameters& parameters) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    std::optional<std::string> name = percent_decode(part.substr(0, equals), true);
    std::optional<std::string> value =
        percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    if (!name || !value) return false;
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

// The target's forms: RFC 9112, 3.2.
Refusal read_target(std::string_view target, ReceivedRequest& request) {
  constexpr std::string_view kScheme = "http://";
  if (target == "*" && request.method == "OPTIONS") {
    request.path = "*";
    return {};
  }
  if (equals_ignoring_case(target.substr(0, kScheme.size()), kScheme)) {
    target.remove_prefix(kScheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    if (end == 0) return {400, "the target has no host"};
    request.host = std::string(target.substr(0, end));
    target.remove_prefix(end);
  } else if (!target.starts_with('/')) {
    return {400, "the target has to be a path"};
  }
  if (target.find('#') != std::string_view::npos) return {400, "a target has no fragment"};
  const std::size_t path_end = std::min(target.find('?'), target.size());
  std::optional<std::string> path = percent_decode(target.substr(0, path_end), false);
  target.remove_prefix(std::min(path_end + 1, target.size()));
  if (!path || !read_query(target, request.parameters)) {
    return {400, "a % in the target is not followed by two hexadecimal digits"};
  }
  request.path = path->empty() ? "/" : std::move(*path);
  return {};
}

}  // namespace

HttpReadStatus HttpRequestReader::feed(ByteView input) {
  if (stage_ == Stage::kRefused) return HttpReadStatus::kRefused;
  if (stage_ == Stage::kDone) return HttpReadStatus::kDone;
  if (stage_ == Stage::kBody) return read_body(input);
  input = input.subspan(read_head(input));
  if (stage_ == Stage::kRefused) return HttpReadStatus::kRefused;
  if (stage_ == Stage::kHead) return HttpReadStatus::kNeedMore;
  HttpReadStatus status = end_head();
  if (status != HttpReadStatus::kNeedMore) return status;
  status = read_body(input);
  if (status != HttpReadStatus::kNeedMore || !expects_continue_) return status;
  return HttpReadStatus::kNeedContinue;
}

HttpReadStatus HttpRequestReader::refuse(int http_status, std::string_view problem) {
  stage_ = Stage::kRefused;
  http_status_ = http_status;
  problem_ = problem;
  collected_ = {};
  return HttpReadStatus::kRefused;
}

std::size_t HttpRequestReader::read_head(ByteView input) {
  std::size_t taken = 0;
  while (taken < input.size() && take_head_byte(input[taken])) ++taken;
  return stage_ == Stage::kHeadEnded ? taken + 1 : taken;
}

// Whether the head goes on after it.
bool HttpRequestReader::take_head_byte(std::uint8_t byte) {
  if (head_bytes_ == kMaxHttpHeadBytes) {
    if (head_lines_ == 0) {
      refuse(414, "the request line is above 8 KiB");
    } else {
      refuse(431, "the request's header is above 8 KiB");
    }
    return false;
  }
  ++head_bytes_;
  if (!is_in_a_head(byte) || after_cr_ != (byte == '\n')) {
    refuse(400,
           byte == '\n' || after_cr_ ? "a line has to end with CR LF" : "this is no HTTP request");
    return false;
  }
  after_cr_ = byte == '\r';
  if (line_bytes_ == 0 && head_lines_ > 0 && (byte == ' ' || byte == '\t')) {
    refuse(400, "a header field may not go on in the next line");
    return false;
  }
  collected_.push_back(static_cast<char>(byte));
  if (byte != '\r' && byte != '\n') ++line_bytes_;
  if (byte == '\n') end_head_line();
  return stage_ == Stage::kHead;
}

void HttpRequestReader::end_head_line() {
  if (line_bytes_ > 0) {
    line_bytes_ = 0;
    if (++head_lines_ > kMaxHttpHeadLines) refuse(431, "there are more than 100 header lines");
  } else if (head_lines_ > 0) {
    stage_ = Stage::kHeadEnded;
  } else {
    collected_.clear();  // empty lines before a request are passed over: RFC 9112, 2.2
  }
}

HttpReadStatus HttpRequestReader::end_head() {
  http::request_parser<http::empty_body> beast;
  beast.header_limit(kMaxHttpHeadBytes + 1);
  beast.body_limit(kMaxHttpBodyBytes);
  boost::beast::error_code error;
  beast.put(boost::asio::const_buffer(collected_.data(), collected_.size()), error);
  collected_ = {};
  if (error || !beast.is_header_done()) {
    const Refusal refusal = refusal_of(error);
    return refuse(refusal.http_status, refusal.problem);
  }
  const Request& parsed = beast.get();
  Refusal refusal = check_fields(parsed);
  if (refusal.http_status != 0) return refuse(refusal.http_status, refusal.problem);
  request_.method = std::string(view(parsed.method_string()));
  request_.is_known = parsed.method() != http::verb::unknown;
  if (parsed.count(http::field::host) > 0) request_.host = text_of(parsed, http::field::host);
  request_.origin = text_of(parsed, http::field::origin);
  request_.authorization = text_of(parsed, http::field::authorization);
  refusal = read_target(view(parsed.target()), request_);
  if (refusal.http_status != 0) return refuse(refusal.http_status, refusal.problem);
  expects_continue_ = parsed.version() == 11 && parsed.count(http::field::expect) > 0;
  if (beast.is_done()) {
    stage_ = Stage::kDone;
    return HttpReadStatus::kDone;
  }
  stage_ = Stage::kBody;
  body_ = beast.chunked() ? HttpBody::of_chunks() : HttpBody::of_length(*beast.content_length());
  return HttpReadStatus::kNeedMore;
}

HttpReadStatus HttpRequestReader::read_body(ByteView input) {
  switch (body_.feed(input)) {
    case HttpBodyStatus::kNeedMore:
      return HttpReadStatus::kNeedMore;
    case HttpBodyStatus::kDone:
      stage_ = Stage::kDone;
      request_.has_body = !body_.is_empty();
      return HttpReadStatus::kDone;
    case HttpBodyStatus::kMalformed:
      return refuse(400, "the body's chunks are not as they should be");
    case HttpBodyStatus::kTooLong:
      break;
  }
  return refuse(413, "the body is above 4 KiB, or in too small chunks");
}

}  // namespace ringgate
