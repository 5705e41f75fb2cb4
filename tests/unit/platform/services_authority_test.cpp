#include <gtest/gtest.h>

#include "platform/authority.h"

namespace posthorn {
namespace {

TEST(Authority, PutsIpV6AddressesIntoBrackets) {
  EXPECT_EQ(bracketed_host("example.org"), "example.org");
  EXPECT_EQ(bracketed_host("203.0.113.5"), "203.0.113.5");
  EXPECT_EQ(bracketed_host("::1"), "[::1]");
  EXPECT_EQ(bracketed_host(""), "");
}

TEST(Authority, NamesThePortWhereItIsNotTheSchemesOwn) {
  struct Case {
    Endpoint endpoint;
    const char* expected;
  };
  for (const Case& one :
       {Case{{"example.org", 443, true}, "example.org"}, Case{{"example.org", 80, false}, "example.org"},
        Case{{"example.org", 80, true}, "example.org:80"},
        Case{{"example.org", 443, false}, "example.org:443"},
        Case{{"2001:db8::1", 443, true}, "[2001:db8::1]"},
        Case{{"2001:db8::1", 8443, true}, "[2001:db8::1]:8443"},
        Case{{"127.0.0.1", 0, false}, "127.0.0.1:0"}}) {
    std::string out = "> ";
    append_authority(out, one.endpoint);
    EXPECT_EQ(out, std::string("> ") + one.expected);
  }
}

}  // namespace
}  // namespace posthorn
