#include <gmock/gmock.h>
#include <stdlib.h>

#include "platform/environment.h"
#include "platform/metrics.h"

namespace posthorn {
namespace {

using testing::HasSubstr;

TEST(Metrics, CountersGaugesAndHistogramsAreServed) {
  auto metrics = make_metrics();
  metrics->counter("posthorn_sends_total", "Sends by outcome", {{"outcome", "accepted"}}).add();
  metrics->counter("posthorn_sends_total", "Sends by outcome", {{"outcome", "accepted"}}).add(2);
  metrics->counter("posthorn_sends_total", "Sends by outcome", {{"outcome", "unknown"}}).add();
  metrics->gauge("posthorn_queue", "Waiting sends").set(7);
  metrics->histogram("posthorn_commit_seconds", "Time of a commit").observe(0.003);
  const std::string text = metrics->prometheus_text();
  EXPECT_THAT(text, HasSubstr("# TYPE posthorn_sends_total counter"));
  EXPECT_THAT(text, HasSubstr("posthorn_sends_total{outcome=\"accepted\"} 3"));
  EXPECT_THAT(text, HasSubstr("posthorn_sends_total{outcome=\"unknown\"} 1"));
  EXPECT_THAT(text, HasSubstr("posthorn_queue 7"));
  EXPECT_THAT(text, HasSubstr("posthorn_commit_seconds_bucket{le=\"0.0025\"} 0"));
  EXPECT_THAT(text, HasSubstr("posthorn_commit_seconds_bucket{le=\"0.005\"} 1"));
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameSeries) {
  auto metrics = make_metrics();
  Counter& one = metrics->counter("a_total", "h", {{"x", "1"}, {"y", "2"}});
  EXPECT_EQ(&one, &metrics->counter("a_total", "h", {{"y", "2"}, {"x", "1"}}));
  EXPECT_NE(&one, &metrics->counter("a_total", "h", {{"x", "1"}, {"y", "3"}}));
}

TEST(Metrics, LabelValuesAreEscaped) {
  auto metrics = make_metrics();
  metrics->gauge("g", "h", {{"name", "a\"b\\c\nd"}}).set(1);
  EXPECT_THAT(metrics->prometheus_text(), HasSubstr(R"(g{name="a\"b\\c\nd"} 1)"));
}

TEST(Environment, ReadsVariables) {
  ::setenv("POSTHORN_TEST_ONE", "a=b", 1);
  ::setenv("POSTHORN_TEST_TWO", "", 1);
  ::unsetenv("POSTHORN_TEST_THREE");
  EXPECT_EQ(environment_variable("POSTHORN_TEST_ONE"), "a=b");
  EXPECT_EQ(environment_variable("POSTHORN_TEST_TWO"), "");
  EXPECT_EQ(environment_variable("POSTHORN_TEST_THREE"), std::nullopt);
  const auto found = environment_with_prefix("POSTHORN_TEST_");
  EXPECT_EQ(found,
            (std::map<std::string, std::string>{{"POSTHORN_TEST_ONE", "a=b"}, {"POSTHORN_TEST_TWO", ""}}));
}

}  // namespace
}  // namespace posthorn
