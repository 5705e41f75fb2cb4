#include <gtest/gtest.h>

#include "platform/crypto.h"

namespace posthorn {
namespace {

// Counts up, so that every nonce differs and tests repeat.
class CountingRandom : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(next_byte_++);
  }

 private:
  unsigned char next_byte_ = 0;
};

std::string unhex(std::string_view hex) {
  return *from_hex(hex);
}

TEST(Sha256, MatchesFips180Examples) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 pieces;
  for (int i = 0; i < 1000; ++i) pieces.update(std::string(1000, 'a'));
  EXPECT_EQ(to_hex(pieces.finish()), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

struct HmacCase {
  std::string key, data, digest;
};
class HmacVectors : public testing::TestWithParam<HmacCase> {};
TEST_P(HmacVectors, MatchesRfc4231) {
  HmacSha256 mac{Secret(GetParam().key)};
  EXPECT_EQ(to_hex(mac(GetParam().data)), GetParam().digest);
  EXPECT_EQ(to_hex(mac(GetParam().data)), GetParam().digest) << "the second use of one context";
}
INSTANTIATE_TEST_SUITE_P(
    Rfc4231, HmacVectors,
    testing::Values(HmacCase{std::string(20, '\x0b'), "Hi There",
                             "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
                    HmacCase{"Jefe", "what do ya want for nothing?",
                             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
                    HmacCase{std::string(20, '\xaa'), std::string(50, '\xdd'),
                             "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
                    HmacCase{std::string(131, '\xaa'),
                             "Test Using Larger Than Block-Size Key - Hash Key First",
                             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
                    HmacCase{"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"}));

TEST(Hmac, DifferentDataAndKeysDiffer) {
  HmacSha256 a{Secret("one")};
  HmacSha256 b{Secret("two")};
  EXPECT_NE(a("x"), b("x"));
  EXPECT_NE(a("x"), a("y"));
  a = std::move(b);
  EXPECT_EQ(a("x"), HmacSha256(Secret("two"))("x"));
}

TEST(ConstantTimeEqual, ComparesWhole) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "ab"));
}

TEST(Hex, RoundTripsAndRefuses) {
  EXPECT_EQ(to_hex(std::string_view("\0\x7f\xff", 3)), "007fff");
  EXPECT_EQ(unhex("007fff"), std::string("\0\x7f\xff", 3));
  for (const char* bad : {"0", "0g", "AB", " 0", "0x"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Base64Url, MatchesRfc4648) {
  const std::array<std::pair<std::string, std::string>, 8> cases{{{"", ""},
                                                                  {"f", "Zg"},
                                                                  {"fo", "Zm8"},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg"},
                                                                  {"fooba", "Zm9vYmE"},
                                                                  {"foobar", "Zm9vYmFy"},
                                                                  {"\xfb\xff\xfe", "-__-"}}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(to_base64url(bytes), text);
    EXPECT_EQ(from_base64url(text).value_or("?"), bytes);
  }
  for (const char* bad : {"Z", "Zg==", "Zh", "Zm9", "+/+/", "Zg\n", "Z g"})
    EXPECT_FALSE(from_base64url(bad)) << bad;
}

class SecretBoxTest : public testing::Test {
 protected:
  CountingRandom random_;
  SecretBox box_{Secret(std::string(32, 'k')), random_};
};

TEST_F(SecretBoxTest, OpensWhatItSealed) {
  for (const std::string& plain : {std::string(), std::string("EAAG-token"), std::string(10'000, 'x')}) {
    auto opened = box_.open(box_.seal(Secret(plain), "accounts.token.7"), "accounts.token.7");
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->reveal(), plain);
  }
}

TEST_F(SecretBoxTest, SealsDifferentlyEachTimeAndHidesTheText) {
  const std::string first = box_.seal(Secret("EAAG-token"), "c");
  EXPECT_NE(first, box_.seal(Secret("EAAG-token"), "c"));
  EXPECT_EQ(first.find("EAAG"), std::string::npos);
}

TEST_F(SecretBoxTest, EveryChangedBitIsNoticed) {
  const std::string sealed = box_.seal(Secret("token"), "accounts.token.7");
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string changed = sealed;
    changed[bit / 8] = static_cast<char>(static_cast<unsigned char>(changed[bit / 8]) ^ (1U << (bit % 8)));
    auto opened = box_.open(changed, "accounts.token.7");
    ASSERT_FALSE(opened) << bit;
    ASSERT_EQ(opened.error().code, ErrorCode::data_loss);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(box_.open(std::string_view(sealed).substr(0, size), "accounts.token.7"));
  }
}

TEST_F(SecretBoxTest, AnotherPlaceOrKeyDoesNotOpen) {
  const std::string sealed = box_.seal(Secret("token"), "accounts.token.7");
  EXPECT_FALSE(box_.open(sealed, "accounts.token.8"));
  EXPECT_FALSE(SecretBox(Secret(std::string(32, 'j')), random_).open(sealed, "accounts.token.7"));
  EXPECT_THROW(SecretBox(Secret("short"), random_), std::invalid_argument);
}

}  // namespace
}  // namespace posthorn
