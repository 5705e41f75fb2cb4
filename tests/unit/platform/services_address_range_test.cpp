#include <gtest/gtest.h>

#include "platform/address_range.h"

namespace posthorn {
namespace {

bool contains(const char* range, const char* address) {
  const auto parsed = AddressRange::parse(range);
  EXPECT_TRUE(parsed) << range;
  return parsed && parsed->contains(address);
}

TEST(AddressRange, ContainsWhatItsBitsSay) {
  struct Case {
    const char *range, *address;
    bool inside;
  };
  for (const auto& [range, address, inside] :
       {Case{"10.0.0.1", "10.0.0.1", true}, Case{"10.0.0.1", "10.0.0.2", false},
        Case{"10.0.0.0/8", "10.255.255.255", true}, Case{"10.0.0.0/8", "11.0.0.0", false},
        Case{"10.1.2.3/8", "10.9.9.9", true}, Case{"192.168.4.0/22", "192.168.7.255", true},
        Case{"192.168.4.0/22", "192.168.8.0", false}, Case{"0.0.0.0/0", "203.0.113.5", true},
        Case{"0.0.0.0/0", "2001:db8::1", false}, Case{"10.0.0.0/8", "::ffff:10.1.1.1", true},
        Case{"fd00::/8", "fdff::1", true}, Case{"fd00::/8", "fe00::1", false}, Case{"::1", "::1", true},
        Case{"::/0", "2001:db8::1", true}, Case{"2001:db8::/33", "2001:db8:8000::", false},
        Case{"10.0.0.0/8", "", false}, Case{"10.0.0.0/8", "10.0.0.1:80", false},
        Case{"10.0.0.0/8", "host", false}})
    EXPECT_EQ(contains(range, address), inside) << range << " and " << address;
}

TEST(AddressRange, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129",
                           "10.0.0.0/8x", "localhost", "1.2.3.4/+8"})
    EXPECT_FALSE(AddressRange::parse(text)) << text;
}

TEST(AddressRange, OneSpellingForEachAddress) {
  EXPECT_EQ(canonical_address("2001:DB8:0:0::1"), "2001:db8::1");
  EXPECT_EQ(canonical_address("::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(canonical_address("010.0.0.1x"), std::nullopt);
  EXPECT_EQ(canonical_address(std::string_view("10.0.0.1\0x", 10)), std::nullopt);
}

}  // namespace
}  // namespace posthorn
