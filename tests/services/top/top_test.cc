// What `ringgate top` makes of what a gateway says.
#include <gmock/gmock.h>

#include <sstream>

#include "services/top/http_get.h"
#include "services/top/render.h"
#include "services/top/status_view.h"
#include "services/top/width.h"

namespace ringgate::top {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kStatus =
    R"({"version": "0.1.0", "serviceId": "g1", "serviceName": "tgateway",
  "now": 1764264000000, "uptimeSeconds": 7300, "shards": 2, "room": 131072, "historySeconds": 600,
  "ready": true, "problem": null,
  "history": {"next": 2, "fields": ["time", "news", "clients", "errors", "bytesIn"],
    "samples": [[1000, 1, 10, 0, 2048], [2000, 1, 1234, 3.5, 1048576]]},
  "heaviest": {"channels": [{"account": "thin", "app": "kim", "remoteIP": "10.0.0.8",
    "queuedBytes": 10, "sendingMs": 20, "outstanding": 0}, {"account": "fat", "app": "kim",
    "remoteIP": "10.0.0.9", "queuedBytes": 2097152, "sendingMs": 4200, "outstanding": 1}]},
  "closes": [{"reason": "idle_timeout", "lastMinute": 2, "all": 40}],
  "links": {"services": [
    {"service": "chat", "id": "chat01", "address": "10.0.0.1:9", "state": "adult", "outstanding": 3,
     "queuedBytes": 2048, "ejectedByShards": 0, "forwardsPerSecond": 12.5, "failuresPerSecond": 0,
     "answerMs": 3.25, "links": [{"shard": 0, "state": "up", "lastError": ""}]},
    {"service": "login", "id": "login\u001b[2J01", "address": "10.0.0.2:9", "state": "adult",
     "outstanding": 0, "queuedBytes": 0, "ejectedByShards": 0, "forwardsPerSecond": 0,
     "failuresPerSecond": 0, "answerMs": null,
     "links": [{"shard": 0, "state": "waiting", "lastError": "connection refused"}]}]}})";

TEST(Top, ShowsWhatTheGatewaySays) {
  StatusView view;
  ASSERT_TRUE(view.take(kStatus));
  EXPECT_EQ(view.next, 2U);
  const std::string text = render(view, {.columns = 132});
  EXPECT_THAT(text, AllOf(HasSubstr("ringgate g1 (tgateway) 0.1.0  ready  up 2 h  2 shards"),
                          HasSubstr("open 1.2k"), HasSubstr("300 3.5"), HasSubstr("in 1.0 MiB"),
                          HasSubstr("3.25 ms"), HasSubstr("chat01           adult      1/1"),
                          HasSubstr("down       0/1"), HasSubstr("connection refused"),
                          HasSubstr("idle_timeout"), HasSubstr("▁█")));
  EXPECT_LT(text.find("fat "), text.find("thin ")) << text;
  EXPECT_THAT(text, AllOf(HasSubstr("2.0 MiB"), HasSubstr("4 s")));
  EXPECT_THAT(text, Not(HasSubstr("\033"))) << "text of others draws nothing";
}

// Whatever is in it, it stays within the screen.
TEST(Top, FitsTheScreen) {
  StatusView view;
  ASSERT_TRUE(view.take(kStatus));
  view.problems = {std::string(500, 'x')};
  for (int i = 0; i < 100; ++i) view.instances.push_back(view.instances.front());
  for (const Screen& screen : {Screen{40, 10, false}, Screen{80, 24, false}, Screen{1, 3, false}}) {
    std::istringstream lines(render(view, screen));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const auto characters = std::ranges::count_if(
          line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
      EXPECT_LE(static_cast<std::size_t>(characters), screen.columns) << line;
    }
    EXPECT_LE(count, screen.rows);
  }
}

TEST(Top, AWideCharacterTakesTwoColumnsAndOneThatCombinesNone) {
  EXPECT_EQ(columns_of("alice"), 5U);
  EXPECT_EQ(columns_of("müller"), 6U);
  EXPECT_EQ(columns_of("u\u0308"), 1U);
  EXPECT_EQ(columns_of("王小明"), 6U);
  EXPECT_EQ(columns_of("\U0001F600"), 2U);
  EXPECT_EQ(columns_of("a\xff\xe7"), 3U);
  EXPECT_EQ(cut_to("王小明", 5), "王小");
  EXPECT_EQ(cut_to("u\u0308u", 1), "u\u0308");
  EXPECT_EQ(cell("王", 4), "王  ");
  EXPECT_EQ(cell("王小明", 6), "王小明");
  EXPECT_EQ(cell("王小明", 4), "王… ");
  EXPECT_EQ(cell("a-long-name", 6), "a-lon…");
}

// Whatever is in the first columns, the later ones are where their heads are.
TEST(Top, NamesStayInTheirColumns) {
  StatusView view;
  ASSERT_TRUE(view.take(kStatus));
  const std::string narrow = render(view, {.columns = 132});
  view.instances.front().id = std::string(60, 'x');
  view.instances.front().service = "王小明王小明王小明";
  view.clients.front().account = "\U0001F600 u\u0308 " + std::string(60, 'y');
  view.clients.front().app = "王小明王小明王小明";
  view.clients.front().address = "2001:db8:85a3:8d3:1319:8a2e:370:7348";
  const std::string wide = render(view, {.columns = 132});
  const auto place = [](const std::string& text, const std::string& what) {
    const std::size_t at = text.find(what);
    const std::size_t begin = text.rfind('\n', at) + 1;
    return columns_of(text.substr(begin, at - begin));
  };
  for (const char* what : {"3.25 ms", "2.0 MiB", "4 s"}) {
    ASSERT_NE(wide.find(what), std::string::npos) << wide;
    EXPECT_EQ(place(wide, what), place(narrow, what)) << what << "\n" << wide;
  }
  view.problems = {"王" + std::string(20, 'x')};
  std::istringstream lines(render(view, {.columns = 41}));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), 41U) << line;
}

TEST(Top, HistoryGoesOnOrBeginsAnew) {
  StatusView view;
  ASSERT_TRUE(view.take(kStatus));
  const auto more = [&](const std::string& next, const std::string& samples) {
    return view.take(R"({"historySeconds": 3, "history": {"next": )" + next +
                     R"(, "fields": ["time", "clients"], "samples": [)" + samples + "]}}");
  };
  ASSERT_TRUE(more("3", "[3000, 5]"));
  EXPECT_EQ(view.samples.size(), 3U);
  ASSERT_TRUE(more("4", "[4000, 6]"));
  EXPECT_EQ(view.samples.size(), 3U) << "no more than the gateway remembers";
  ASSERT_TRUE(more("9", "[9000, 7]"));
  EXPECT_EQ(view.samples.size(), 1U) << "some are missing";
  EXPECT_FALSE(view.take("[]"));
  EXPECT_FALSE(view.take("nonsense"));
}

TEST(Top, NumbersAreShort) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(7), "7");
  EXPECT_EQ(short_number(2.25), "2.2");
  EXPECT_EQ(short_number(999), "999");
  EXPECT_EQ(short_number(1500), "1.5k");
  EXPECT_EQ(short_number(2.5e9), "2.5G");
  EXPECT_EQ(short_bytes(512), "512 B");
  EXPECT_EQ(short_bytes(1536), "1.5 KiB");
  EXPECT_EQ(short_time(90), "90 s");
  EXPECT_EQ(short_time(3600), "60 min");
  EXPECT_EQ(short_time(400'000), "4 days");
}

TEST(Top, AnAdminPortIsReadAsItIsWritten) {
  const auto plain = parse_admin_port("127.0.0.1:8082");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  const auto sealed = parse_admin_port("https://gw:8082/");
  ASSERT_TRUE(sealed);
  EXPECT_TRUE(sealed->tls);
  EXPECT_EQ(sealed->at.host, "gw");
  EXPECT_EQ(parse_admin_port(":8082")->at.host, "127.0.0.1");
  EXPECT_FALSE(parse_admin_port("127.0.0.1"));
  EXPECT_FALSE(parse_admin_port("127.0.0.1:0"));
  for (const char* const other :
       {"tcp://localhost:1", "wss://[::1]:1", "http://tls://localhost:1"}) {
    const auto refused = parse_admin_port(other);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message,
                HasSubstr("write HOST:PORT, http://HOST:PORT or https://"));
  }
}

}  // namespace
}  // namespace ringgate::top
