#include "api/client_address.h"

#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

std::string client(std::vector<std::string> trusted, const std::string& peer,
                   std::vector<std::string> forwarded) {
  HttpRequest request;
  for (auto& value : forwarded) request.headers.add("x-forwarded-for", value);
  return client_address_from(trusted).value().of(request, peer);
}

TEST(ClientAddress, NobodyIsBelievedUnlessConfigured) {
  EXPECT_EQ(client({}, "10.0.0.1", {"203.0.113.5"}), "10.0.0.1");
  EXPECT_EQ(client({"10.0.0.2"}, "10.0.0.1", {"203.0.113.5"}), "10.0.0.1");
}

TEST(ClientAddress, TheFirstUntrustedFromTheRightIsTheClient) {
  const std::vector<std::string> trusted = {"10.0.0.0/8", "::1"};
  EXPECT_EQ(client(trusted, "10.0.0.1", {"203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(client(trusted, "::ffff:10.0.0.1", {"203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(client(trusted, "::1", {"1.1.1.1, 203.0.113.5 , 10.2.2.2"}), "203.0.113.5")
      << "what the client wrote itself does not count";
  EXPECT_EQ(client(trusted, "10.0.0.1", {"1.1.1.1", "203.0.113.5", "10.2.2.2"}), "203.0.113.5")
      << "fields of one name are one list";
  EXPECT_EQ(client(trusted, "10.0.0.1", {"203.0.113.5:4711"}), "203.0.113.5");
  EXPECT_EQ(client(trusted, "10.0.0.1", {"[2001:DB8::1]:4711"}), "2001:db8::1");
  EXPECT_EQ(client(trusted, "10.0.0.1", {"10.3.3.3, 10.2.2.2"}), "10.3.3.3");
}

TEST(ClientAddress, NonsenseLeavesTheProxyThatPassedItOn) {
  const std::vector<std::string> trusted = {"10.0.0.0/8"};
  for (const char* value : {"", ",", "unknown", "<script>", "[", "203.0.113.5,", "1.2.3.4.5"})
    EXPECT_EQ(client(trusted, "10.0.0.1", {value}), "10.0.0.1") << value;
  EXPECT_EQ(client(trusted, "10.0.0.1", {"unknown, 10.2.2.2"}), "10.2.2.2");
  EXPECT_FALSE(client_address_from({"10.0.0.0/8", "proxy.local"}));
}

// Behind one proxy, one guessing client must not lock everybody out, and cannot escape by inventing
// addresses.
TEST_F(ApiHouse, LockoutCountsTheClientBehindATrustedProxy) {
  AccessOptions options;
  options.clients = *client_address_from({"10.0.0.1"});
  Access behind(*database, process.clock(), process.random(), null_log(), options);
  const auto ask = [&](const std::string& forwarded) {
    HttpRequest request;
    request.headers.set("Authorization", "Bearer ph_wrong");
    request.headers.set("X-Forwarded-For", forwarded);
    return behind.authenticate(request, "10.0.0.1").error().code;
  };
  for (int i = 0; i < AuthLimiter::kFailures; ++i)
    EXPECT_EQ(ask("198.51.100." + std::to_string(i) + ", 203.0.113.5"), ErrorCode::unauthenticated);
  EXPECT_EQ(ask("198.51.100.99, 203.0.113.5"), ErrorCode::resource_exhausted);
  EXPECT_EQ(ask("203.0.113.6"), ErrorCode::unauthenticated);
}

}  // namespace
}  // namespace posthorn::api_testing
