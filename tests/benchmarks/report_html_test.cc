#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "benchmarks/ringbench/report_page.h"
#include "sample_measurement.h"

namespace ringgate::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string between(const std::string& page, std::string_view begin, std::string_view end) {
  const std::size_t from = page.find(begin);
  if (from == std::string::npos) return "";
  const std::size_t start = from + begin.size();
  return page.substr(start, page.find(end, start) - start);
}

std::string data_of(const std::string& page, std::string_view id) {
  return between(page, fmt::format("<script type=\"application/json\" id=\"{}\">", id),
                 "</script>");
}

class ReportHtmlTest : public testing::Test {
 protected:
  simdjson::dom::element parse(const std::string& json) {
    simdjson::dom::element root;
    EXPECT_EQ(parser_.parse(json).get(root), simdjson::SUCCESS) << json;
    return root;
  }

  std::unique_ptr<Sample> sample_ = make_sample();
  simdjson::dom::parser parser_;
};

TEST_F(ReportHtmlTest, NeedsNothingFromElsewhere) {
  const std::string page = as_html(sample_->measured, sample_->options);
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  for (const char* const never :
       {"http://", "https://", "src=", "@import", "url(", "innerHTML", "eval(", "RINGBENCH_"}) {
    EXPECT_THAT(page, Not(HasSubstr(never)));
  }
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, HasSubstr("id=\"percentiles\""));
  // The only link is an icon that is empty.
  EXPECT_EQ(page.find("href="), page.rfind("href="));
  EXPECT_THAT(page, HasSubstr("href=\"data:,\""));
}

TEST_F(ReportHtmlTest, HoldsTheSameJson) {
  const std::string page = as_html(sample_->measured, sample_->options);
  EXPECT_EQ(data_of(page, "report"), as_json(sample_->measured, sample_->options));
  std::string_view scenario;
  ASSERT_EQ(parse(data_of(page, "report"))["scenario"].get(scenario), simdjson::SUCCESS);
  EXPECT_EQ(scenario, "talk");
}

TEST_F(ReportHtmlTest, HoldsACurveForEachAction) {
  const auto curves = parse(data_of(as_html(sample_->measured, sample_->options), "curves"));
  ASSERT_EQ(curves.get_array().size(), 2U);
  double before = 0;
  double last_nines = 0;
  for (const auto point : curves.at(0)["points"].get_array()) {
    const double us = point.at(1).get_double();
    EXPECT_GE(us, before);
    before = us;
    last_nines = point.at(0).get_double();
  }
  EXPECT_NEAR(last_nines, 4.301, 0.001);  // of 20,000
  const auto& times = sample_->measured.tally.of(Action::kTalk).times.answered;
  EXPECT_NEAR(before, static_cast<double>(times.max_ns()) / 1000, 0.01);
}

TEST_F(ReportHtmlTest, AwkwardTextsDoNotEndTheData) {
  sample_->options.target.text = "ws://h:1/</script><script>alert(1)//RINGBENCH_CURVES<!--&amp;";
  const std::string page = as_html(sample_->measured, sample_->options);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  std::string_view target;
  ASSERT_EQ(parse(data_of(page, "report"))["target"].get(target), simdjson::SUCCESS);
  EXPECT_EQ(target, sample_->options.target.text);
  EXPECT_EQ(parse(data_of(page, "curves")).get_array().size(), 2U);
  EXPECT_THAT(between(page, "<title>", "</title>"), HasSubstr("&lt;/script&gt;&lt;script&gt;"));
  EXPECT_THAT(between(page, "<title>", "</title>"), HasSubstr("&lt;!--&amp;amp;"));
}

TEST(ReportPage, HasEachPlaceToFillInOnce) {
  const std::string_view page = report_page_html();
  for (const char* const name :
       {"RINGBENCH_TITLE", "RINGBENCH_TEXT", "RINGBENCH_REPORT", "RINGBENCH_CURVES"}) {
    EXPECT_NE(page.find(name), std::string_view::npos) << name;
    EXPECT_EQ(page.find(name), page.rfind(name)) << name;
  }
}

}  // namespace
}  // namespace ringgate::bench
