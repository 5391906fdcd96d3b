#include "codec/http_request.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ringgate {
namespace {

struct Outcome {
  HttpReadStatus status = HttpReadStatus::kNeedMore;
  int http_status = 0;
  bool asked_to_continue = false;
  ReceivedRequest request;
};

Outcome read(std::string_view text, std::size_t chunk_bytes) {
  HttpRequestReader reader;
  Outcome outcome;
  while (!text.empty() && (outcome.status == HttpReadStatus::kNeedMore)) {
    const std::string_view part = text.substr(0, chunk_bytes);
    outcome.status = reader.feed(as_bytes(part));
    text.remove_prefix(part.size());
    if (outcome.status == HttpReadStatus::kNeedContinue) {
      outcome.asked_to_continue = true;
      outcome.status = HttpReadStatus::kNeedMore;
    }
  }
  outcome.http_status = reader.http_status();
  outcome.request = reader.request();
  return outcome;
}

// However it is cut.
Outcome read(std::string_view text) {
  Outcome whole = read(text, text.size());
  for (const std::size_t chunk_bytes : {1U, 2U, 3U, 7U, 64U, 1000U}) {
    const Outcome cut = read(text, chunk_bytes);
    EXPECT_EQ(cut.status, whole.status) << text << " in chunks of " << chunk_bytes;
    EXPECT_EQ(cut.http_status, whole.http_status) << text << " in chunks of " << chunk_bytes;
    EXPECT_EQ(cut.request.path, whole.request.path) << text << " in chunks of " << chunk_bytes;
    EXPECT_EQ(cut.request.parameters, whole.request.parameters) << text;
  }
  return whole;
}

// Whole requests are 200 here.
int status_of(std::string_view text) {
  const Outcome outcome = read(text);
  return outcome.status == HttpReadStatus::kDone ? 200 : outcome.http_status;
}

std::string get(std::string_view target, std::string_view more = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: here:1\r\n" + std::string(more) +
         "\r\n";
}

TEST(HttpRequest, SaysWhatIsAskedFor) {
  const Outcome got = read(get("/a%20b?x=1&y=%C3%A4%2C%2B+z&flag",
                               "Origin: http://o\r\n"
                               "authorization: Bearer t\r\n"));
  ASSERT_EQ(got.status, HttpReadStatus::kDone);
  EXPECT_EQ(got.request.method, "GET");
  EXPECT_TRUE(got.request.is_known);
  EXPECT_EQ(got.request.path, "/a b");
  const ReceivedRequest::Parameters wanted = {{"x", "1"}, {"y", "ä,+ z"}, {"flag", ""}};
  EXPECT_EQ(got.request.parameters, wanted);
  EXPECT_EQ(got.request.host, "here:1");
  EXPECT_EQ(got.request.origin, "http://o");
  EXPECT_EQ(got.request.authorization, "Bearer t");
  EXPECT_EQ(read(get("/björn?a=ä")).request.parameters.front().second, "ä");
}

TEST(HttpRequest, TargetsHaveFourForms) {
  const Outcome absolute = read(get("HTTP://other:2/health?a=b"));
  EXPECT_EQ(absolute.request.path, "/health");
  EXPECT_EQ(absolute.request.host, "other:2") << "RFC 9112, 3.2.2: Host does not count then";
  EXPECT_EQ(read(get("http://other")).request.path, "/");
  EXPECT_EQ(read(get("http://other?a=b")).request.parameters.size(), 1U);
  EXPECT_EQ(read("OPTIONS * HTTP/1.0\r\n\r\n").request.path, "*");
  EXPECT_EQ(status_of(get("*")), 400);
  EXPECT_EQ(status_of(get("health")), 400);
  EXPECT_EQ(status_of(get("https://here/health")), 400);
  EXPECT_EQ(status_of(get("http:///health")), 400);
  EXPECT_EQ(status_of("CONNECT here:1 HTTP/1.1\r\nHost: here:1\r\n\r\n"), 501);
  EXPECT_EQ(status_of(get("/a#b")), 400);
  for (const char* const bad : {"/%", "/%4", "/%4x", "/?a=%zz", "/?%=1"}) {
    EXPECT_EQ(status_of(get(bad)), 400) << bad;
  }
}

TEST(HttpRequest, VersionsAndHosts) {
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_FALSE(read("GET / HTTP/1.0\r\n\r\n").request.host);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 200) << "an empty one is one";
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/0.9\r\n\r\n"), 505);
  EXPECT_GE(status_of("GET /\r\n\r\n"), 400);
  EXPECT_GE(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  EXPECT_FALSE(read("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").request.is_known);
}

TEST(HttpRequest, BytesThatNoHeadHasAreRefusedAtOnce) {
  EXPECT_EQ(status_of(std::string_view("GET /\0", 6)), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\n"), 400) << "LF alone";
  EXPECT_EQ(status_of("GET / HTTP/1.1\rX"), 400) << "CR alone";
  EXPECT_EQ(status_of("\x16\x03\x01"), 400) << "TLS";
  EXPECT_EQ(status_of(get("/", "A: b\x01\r\n")), 400);
  EXPECT_EQ(status_of(get("/", "A: b\r\n c\r\n")), 400) << "folded";
  EXPECT_EQ(status_of(get("/", "A : b\r\n")), 400);
  EXPECT_EQ(status_of(get("/", "no colon\r\n")), 400);
  EXPECT_EQ(status_of("\r\n\r\n" + get("/")), 200) << "empty lines before it are passed over";
}

TEST(HttpRequest, ItsHeadIsBounded) {
  const std::string fits(kMaxHttpHeadBytes - get("/", "A: \r\n").size(), 'x');
  EXPECT_EQ(status_of(get("/", "A: " + fits + "\r\n")), 200);
  EXPECT_EQ(status_of(get("/", "A: " + fits + "x\r\n")), 431);
  EXPECT_EQ(status_of(get("/" + std::string(kMaxHttpHeadBytes, 'x'))), 414);
  std::string lines;
  for (std::size_t i = 2; i < kMaxHttpHeadLines; ++i) lines += "A: b\r\n";
  EXPECT_EQ(status_of(get("/", lines)), 200);
  EXPECT_EQ(status_of(get("/", lines + "A: b\r\n")), 431);
  EXPECT_GE(status_of(std::string(3 * kMaxHttpHeadBytes, '\r')), 400);
  std::string empty;
  while (empty.size() <= kMaxHttpHeadBytes) empty += "\r\n";
  EXPECT_GE(status_of(empty), 400) << "also before the request";
}

std::string post(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

TEST(HttpRequest, ItsBodyIsReadAndBounded) {
  EXPECT_EQ(status_of(post("", "")), 200);
  EXPECT_EQ(status_of(post("Content-Length: 3\r\n", "abc")), 200);
  EXPECT_EQ(read(post("Content-Length: 3\r\n", "ab")).status, HttpReadStatus::kNeedMore);
  EXPECT_EQ(status_of(post("Content-Length: 4096\r\n", std::string(4096, 'x'))), 200);
  EXPECT_EQ(status_of(post("Content-Length: 4097\r\n", "")), 413);
  EXPECT_EQ(status_of(post("Content-Length: 99999999999999999999999\r\n", "")), 400);
  for (const char* const bad : {"-1", "+1", "0x10", "1 1", "", "3, 3"}) {
    EXPECT_EQ(status_of(post("Content-Length: " + std::string(bad) + "\r\n", "abc")), 400) << bad;
  }
  EXPECT_EQ(status_of(post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")), 400);
}

TEST(HttpRequest, SaysWhetherThereIsABody) {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_FALSE(read(post("", "")).request.has_body);
  EXPECT_FALSE(read(post("Content-Length: 0\r\n", "")).request.has_body);
  EXPECT_FALSE(read(post(chunked, "0\r\n\r\n")).request.has_body);
  EXPECT_TRUE(read(post("Content-Length: 1\r\n", "x")).request.has_body);
  EXPECT_TRUE(read(post(chunked, "1\r\nx\r\n0\r\n\r\n")).request.has_body);
}

TEST(HttpRequest, ChunksAreReadAndBounded) {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_EQ(status_of(post(chunked, "0\r\n\r\n")), 200);
  EXPECT_EQ(status_of(post(chunked, "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nTrailer: x\r\n\r\n")), 200);
  EXPECT_EQ(read(post(chunked, "3\r\nabc\r\n")).status, HttpReadStatus::kNeedMore);
  EXPECT_EQ(status_of(post(chunked, "2000\r\n")), 413);
  EXPECT_EQ(status_of(post(chunked, "x\r\n")), 400);
  EXPECT_EQ(status_of(post(chunked, "ffffffffffffffffff\r\n")), 413);
  std::string bytewise;
  while (bytewise.size() <= kMaxHttpBodyWireBytes) bytewise += "1\r\nx\r\n";
  EXPECT_EQ(status_of(post(chunked, bytewise)), 413);
  const std::string endless(2 * kMaxHttpBodyWireBytes, 'x');
  EXPECT_EQ(status_of(post(chunked, "1;" + endless)), 413) << "an extension";
  EXPECT_EQ(status_of(post(chunked, "0\r\nA: " + endless)), 413) << "a trailer";
  for (const char* const bad : {"\r\n", "3\nabc", "3\r\nabcd", "3\r\nabc\n0\r\n\r\n", "-1\r\n",
                                "0\r\nA: b\n\r\n", "0\r\n\n", "3;\x01\r\n", "3\r\nabc\r\n\r\n"}) {
    EXPECT_EQ(status_of(post(chunked, bad)), 400) << bad;
  }
  EXPECT_EQ(status_of(post(chunked + "Content-Length: 5\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(post("Content-Length: 5\r\n" + chunked, "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(post("Transfer-Encoding: gzip\r\n", "")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")), 501);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n"), 400);
}

TEST(HttpRequest, WhoeverWaitsToContinueIsToldSoOnce) {
  const std::string expect = "Expect: 100-continue\r\nContent-Length: 3\r\n";
  const Outcome waits = read(post(expect, ""), 4096);
  EXPECT_EQ(waits.status, HttpReadStatus::kNeedMore);
  EXPECT_TRUE(waits.asked_to_continue);
  EXPECT_FALSE(read(post(expect, "abc"), 4096).asked_to_continue) << "it did not wait";
  EXPECT_EQ(status_of(post(expect, "abc")), 200);
  EXPECT_EQ(status_of(post("Expect: 100-Continue\r\n", "")), 200) << "and there is no body";
  EXPECT_EQ(status_of(post("Expect: 100-continue\r\nContent-Length: 5000\r\n", "")), 413);
  EXPECT_EQ(status_of(post("Expect: more\r\n", "")), 417);
  EXPECT_FALSE(read("POST / HTTP/1.0\r\n" + expect + "\r\n", 4096).asked_to_continue);
}

TEST(HttpRequest, WhatFollowsIsIgnored) {
  const Outcome got = read(get("/one") + get("/two"));
  EXPECT_EQ(got.status, HttpReadStatus::kDone);
  EXPECT_EQ(got.request.path, "/one");
  EXPECT_EQ(read(get("/one", "Content-Length: 0\r\n") + std::string(20000, '\0')).status,
            HttpReadStatus::kDone);
}

}  // namespace
}  // namespace ringgate
