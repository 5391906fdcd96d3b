#include "control/observe/episode.h"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>

namespace ringgate {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class EpisodeTest : public testing::Test {
 protected:
  EpisodeTest() {
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log_));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~EpisodeTest() override { spdlog::set_default_logger(before_); }

  // What has been logged since the last call.
  std::string logged() {
    std::string text = log_.str();
    log_.str("");
    return text;
  }

  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST_F(EpisodeTest, HasALineWhenItBeginsAndOneWhenItIsOver) {
  Episode episode;
  episode.update(std::nullopt);
  EXPECT_THAT(logged(), IsEmpty());
  episode.update("the store is full");
  EXPECT_EQ(logged(), "warning the store is full\n");
  episode.update("the store is full");
  episode.update("the store is even fuller");
  EXPECT_THAT(logged(), IsEmpty()) << "once for each episode";
  EXPECT_EQ(episode.text(), "the store is even fuller");
  episode.update(std::nullopt);
  const std::string end = logged();
  EXPECT_THAT(end, StartsWith("info over after 0.0 s: the store is even fuller"));
  EXPECT_FALSE(episode.text());
  episode.update(std::nullopt);
  EXPECT_THAT(logged(), IsEmpty());
  episode.update("again");
  EXPECT_EQ(logged(), "warning again\n");
}

TEST_F(EpisodeTest, SeveralBeginAndEndByThemselves) {
  Episodes episodes;
  EXPECT_FALSE(episodes.text());
  episodes.update({{"full", "no room"}});
  EXPECT_EQ(logged(), "warning no room\n");
  episodes.update({{"full", "no room"}, {"store", "no store"}});
  EXPECT_EQ(logged(), "warning no store\n");
  EXPECT_EQ(episodes.text(), "no room\nno store");
  episodes.update({{"store", "no store"}});
  EXPECT_THAT(logged(), HasSubstr("over after"));
  EXPECT_EQ(episodes.text(), "no store");
  episodes.update({});
  EXPECT_THAT(logged(), HasSubstr("no store"));
  EXPECT_FALSE(episodes.text());
}

}  // namespace
}  // namespace ringgate
