#include "core/time_text.h"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

TEST(IsoTime, RoundTrips) {
  for (const char* text :
       {"1970-01-01T00:00:00Z", "2026-03-29T09:00:00Z", "2024-02-29T23:59:59Z", "2100-12-31T00:00:01Z"}) {
    const auto parsed = parse_iso_time(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(iso_time(*parsed), text);
  }
}

TEST(IsoTime, TakesOffsetsAndShortForms) {
  struct Case {
    const char* text;
    const char* utc;
  };
  for (const auto& [text, utc] : {Case{"2026-03-29T09:00+02:00", "2026-03-29T07:00:00Z"},
                                  Case{"2026-01-01T00:30:15-05:30", "2026-01-01T06:00:15Z"},
                                  Case{"2026-01-01T00:00+01:00", "2025-12-31T23:00:00Z"},
                                  Case{"2026-03-29T09:00:00.123456Z", "2026-03-29T09:00:00Z"}}) {
    const auto parsed = parse_iso_time(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(iso_time(*parsed), utc) << text;
  }
}

TEST(IsoTime, RefusesEverythingElse) {
  for (const char* text :
       {"", "now", "2026-03-29", "2026-03-29T09:00", "2026-02-30T09:00:00Z", "2026-13-01T09:00:00Z",
        "2026-03-29T24:00:00Z", "2026-03-29T09:60:00Z", "2026-03-29T09:00:61Z", "2026-03-29T09:00:00.Z",
        "2026-03-29T09:00:00+2:00", "2026-03-29T09:00:00+15:00", "2026-03-29T09:00:00Zx",
        "2026-3-29T09:00:00Z", " 2026-03-29T09:00:00Z", "99999-03-29T09:00:00Z", "2026-03-29t09:00:00Z"}) {
    EXPECT_FALSE(parse_iso_time(text)) << text;
  }
}

}  // namespace
}  // namespace posthorn
