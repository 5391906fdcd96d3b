#include "control/http/reply.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <string_view>

namespace ringgate::http {
namespace {

struct Reason {
  int status;
  std::string_view text;
};

constexpr auto kReasons = std::to_array<Reason>({
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
});

std::string_view reason_of(int status) {
  const auto* const at = std::ranges::find(kReasons, status, &Reason::status);
  return at == kReasons.end() ? "Unknown" : at->text;
}

}  // namespace

std::string response(const Reply& reply, bool with_body) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\n", reply.status, reason_of(reply.status));
  fmt::format_to(out, "Date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", fmt::gmtime(std::time(nullptr)));
  fmt::format_to(out, "Connection: close\r\n");
  if (reply.status != 204) {
    fmt::format_to(out, "Content-Type: {}\r\nContent-Length: {}\r\n", reply.content_type,
                   reply.body.size());
  }
  for (const auto& [name, value] : reply.headers) fmt::format_to(out, "{}: {}\r\n", name, value);
  text += "\r\n";
  if (with_body && reply.status != 204) text += reply.body;
  return text;
}

}  // namespace ringgate::http
