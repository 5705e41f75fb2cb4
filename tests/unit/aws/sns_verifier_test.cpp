// Which messages that came over HTTP are believed.
#include "unit/aws/sns_house.h"

namespace posthorn::aws {
namespace {

using testing::HasSubstr;

const std::string kFile = std::string(kHost) + std::string(kPath);

class SnsVerifierTest : public SnsHouse {};

TEST_F(SnsVerifierTest, BelievesTheThreeTypesAndFetchesTheCertificateOnce) {
  auto with_subject = notification("{\"a\":\"ü\\n\"}\n");
  with_subject["Subject"] = "s";
  const auto first = verify(with_subject);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->message.message, "{\"a\":\"ü\\n\"}\n");
  EXPECT_FALSE(first->seen);
  const auto subscribe = verify(confirmation("SubscriptionConfirmation"));
  ASSERT_TRUE(subscribe) << subscribe.error().message;
  EXPECT_EQ(subscribe->message.token, "2336412f37");
  const auto unsubscribe = verify(confirmation("UnsubscribeConfirmation"));
  ASSERT_TRUE(unsubscribe) << unsubscribe.error().message;
  EXPECT_EQ(unsubscribe->message.type, SnsType::unsubscribe_confirmation);
  EXPECT_EQ(files_.asked[kFile], 1);
}

TEST_F(SnsVerifierTest, SignedFieldsCannotBeChanged) {
  for (const char* field : {"Message", "MessageId", "Timestamp", "Subject"}) {
    auto message = notification();
    message["Subject"] = "s";
    auto changed = boost::json::parse(test::signed_body(message, keys_.key)).as_object();
    changed[field] = field == std::string("Timestamp") ? iso_time(client_.clock().wall_now() - 5s) : "other";
    const auto out = verify(boost::json::serialize(changed));
    ASSERT_FALSE(out) << field;
    EXPECT_EQ(out.error().field, "Signature") << field;
    EXPECT_EQ(out.error().code, ErrorCode::permission_denied);
  }
}

// What is signed is lines: the same lines cut elsewhere bear the same signature, and another MessageId.
TEST_F(SnsVerifierTest, TheSameLinesCutElsewhereAreNoOtherMessage) {
  auto message = notification("hello");
  message["Subject"] = "s";
  const auto genuine = boost::json::parse(test::signed_body(message, keys_.key)).as_object();
  ASSERT_TRUE(verify(boost::json::serialize(genuine)));
  auto cut = genuine;
  cut.erase("Subject");
  cut["MessageId"] = std::string(genuine.at("MessageId").as_string()) + "\nSubject\ns";
  auto moved = genuine;
  moved["Message"] = "hello\nMessageId\nx";
  moved["MessageId"] = genuine.at("MessageId");
  auto early =
      boost::json::parse(test::signed_body(confirmation("SubscriptionConfirmation"), keys_.key)).as_object();
  early["Token"] = std::string(early.at("Token").as_string()) + "\nTopicArn\nx";
  for (const auto& [twisted, field] : std::initializer_list<std::pair<boost::json::object, std::string>>{
           {cut, "MessageId"}, {early, "Token"}}) {
    const auto out = verify(boost::json::serialize(twisted));
    ASSERT_FALSE(out) << field;
    EXPECT_EQ(out.error().field, field);
  }
  EXPECT_EQ(verify(boost::json::serialize(moved)).error().field, "Signature");
}

TEST_F(SnsVerifierTest, AttributesAreOutsideTheSignatureAndIgnored) {
  auto message = boost::json::parse(test::signed_body(notification(), keys_.key)).as_object();
  message["MessageAttributes"] = {{"role", {{"Type", "String"}, {"Value", "admin"}}}};
  EXPECT_TRUE(verify(boost::json::serialize(message)));
}

TEST_F(SnsVerifierTest, AForeignTopicIsRefusedHoweverWellSignedAndNothingIsFetched) {
  auto message = notification();
  message["TopicArn"] = "arn:aws:sns:us-east-1:999999999999:whatsapp";
  const auto out = verify(message);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(out.error().field, "TopicArn");
  EXPECT_TRUE(files_.asked.empty());
}

TEST_F(SnsVerifierTest, WithoutTopicsNobodyMaySpeak) {
  options_.topics.clear();
  EXPECT_EQ(refusal(notification()), ErrorCode::permission_denied);
}

TEST_F(SnsVerifierTest, AForgedSignatureIsRefused) {
  const auto out = verify(test::signed_body(notification(), keys_.other_key));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().field, "Signature");
}

TEST_F(SnsVerifierTest, VersionOneOnlyWhereItIsAllowed) {
  auto message = notification();
  message["SignatureVersion"] = "1";
  const auto refused = verify(message);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "SignatureVersion");
  EXPECT_THAT(refused.error().message, HasSubstr("SignatureVersion to 2"));
  options_.allow_version_1 = true;
  verifier_.reset();
  EXPECT_TRUE(verify(message));
  EXPECT_TRUE(verify(notification()));
  auto relabelled = boost::json::parse(test::signed_body(message, keys_.key)).as_object();
  relabelled["SignatureVersion"] = "2";
  EXPECT_FALSE(verify(boost::json::serialize(relabelled)));
}

TEST_F(SnsVerifierTest, StaleAndFutureMessagesAreRefused) {
  struct Age {
    Duration age;
    bool good;
  };
  for (const Age& one : {Age{0s, true}, Age{69min, true}, Age{71min, false}, Age{24h, false},
                         Age{-14min, true}, Age{-16min, false}}) {
    auto message = notification();
    message["Timestamp"] = iso_time(client_.clock().wall_now() - one.age);
    const auto out = verify(message);
    EXPECT_EQ(out.has_value(), one.good) << one.age.count();
    if (!out) EXPECT_EQ(out.error().field, "Timestamp");
  }
}

TEST_F(SnsVerifierTest, ASecondDeliveryIsKnownOnceTheFirstWasTakenIn) {
  const std::string body = test::signed_body(notification(), keys_.key);
  const auto first = verify(body);
  ASSERT_TRUE(first);
  EXPECT_FALSE(verify(body)->seen) << "the first was not taken in yet";
  verifier().remember(first->message);
  EXPECT_TRUE(verify(body)->seen);
  world_.run_for(71min);
  const auto replayed = verify(body);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().field, "Timestamp");
}

TEST_F(SnsVerifierTest, RemembersNoMoreThanItMay) {
  options_.remembered = 2;
  std::vector<std::string> bodies;
  for (const char* id : {"a", "b", "c"}) {
    auto message = notification();
    message["MessageId"] = id;
    bodies.push_back(test::signed_body(message, keys_.key));
    verifier().remember(verify(bodies.back())->message);
  }
  EXPECT_FALSE(verify(bodies[0])->seen);
  EXPECT_TRUE(verify(bodies[1])->seen);
  EXPECT_TRUE(verify(bodies[2])->seen);
}

TEST_F(SnsVerifierTest, TheCertificateMustBeAtAmazonInTheTopicsRegion) {
  for (const char* url : {
           "http://sns.us-east-1.amazonaws.com/a.pem",
           "https://sns.us-east-1.amazonaws.com.evil.com/a.pem",
           "https://evil.com/sns.us-east-1.amazonaws.com/a.pem",
           "https://sns.us-east-1.amazonaws.com@evil.com/a.pem",
           "https://evil@sns.us-east-1.amazonaws.com/a.pem",
           "https://sns.us-east-1.amazonaws.com:8443/a.pem",
           "https://sns.us-east-1.amazonaws.com",
           "https://sns.us-east-1.amazonaws.com/a.crt",
           "https://sns.us-east-1.amazonaws.com/?x=.pem",
           "https://sns.us-east-1.amazonaws.com/a.pem?x",
           "https://sns.us-east-1.amazonaws.com/a.pem#x.pem",
           "https://sns.us-east-1.amazonaws.com/../a.pem",
           "https://sns.us-east-1.amazonaws.com/%2e%2e/a.pem",
           "https://sns.us-east-1.amazonaws.com\\evil.com/a.pem",
           "https://sns.eu-central-1.amazonaws.com/a.pem",
           "https://sns.us-east-1.amazonaws.com.cn/a.pem",
           "https://s3.us-east-1.amazonaws.com/bucket/a.pem",
           "https://xsns.us-east-1.amazonaws.com/a.pem",
           "",
       }) {
    auto message = notification();
    message["SigningCertURL"] = url;
    const auto out = verify(message);
    ASSERT_FALSE(out) << url;
    EXPECT_EQ(out.error().code, ErrorCode::permission_denied) << url;
    EXPECT_EQ(out.error().field, "SigningCertURL") << url;
  }
  EXPECT_TRUE(files_.asked.empty());
}

TEST_F(SnsVerifierTest, OwnServerInsteadOfAmazonOnlyWhereItIsConfigured) {
  files_.files["sandbox/cert.pem"] = test::pem_of(keys_.good());
  auto message = notification();
  message["SigningCertURL"] = "http://sandbox:9000/cert.pem";
  EXPECT_EQ(refusal(message), ErrorCode::permission_denied);
  options_.own_server = "http://sandbox:9000";
  verifier_.reset();
  EXPECT_TRUE(verify(message));
  EXPECT_TRUE(verify(notification())) << "Amazon's host stays good";
  message["SigningCertURL"] = "http://sandbox:90001/cert.pem";
  EXPECT_EQ(refusal(message), ErrorCode::permission_denied);
}

// Certificates that are not to be trusted: SNS is asked to come again, as an operator can mend most of these.
TEST_F(SnsVerifierTest, BadCertificates) {
  const WallTime now = keys_.now;
  const auto wishes = [&](auto change) {
    test::CertificateWishes out = keys_.wishes();
    change(out);
    return out;
  };
  const test::Key small = test::new_key(1024);
  const std::vector<std::pair<std::string, std::string>> bad{
      {"self-signed elsewhere", test::pem_of(keys_.foreign.issue(keys_.key, keys_.wishes()))},
      {"with a foreign root beside it", test::pem_of(keys_.foreign.issue(keys_.key, keys_.wishes())) +
                                            test::pem_of(keys_.foreign.certificate())},
      {"expired", test::pem_of(keys_.root.issue(keys_.key, wishes([&](auto& w) { w.until = now - 1h; })))},
      {"not yet", test::pem_of(keys_.root.issue(keys_.key, wishes([&](auto& w) { w.from = now + 1h; })))},
      {"other name",
       test::pem_of(keys_.root.issue(keys_.key, wishes([](auto& w) { w.names = "DNS:sqs.amazonaws.com"; })))},
      {"wildcard",
       test::pem_of(keys_.root.issue(keys_.key, wishes([](auto& w) { w.names = "DNS:*.amazonaws.com"; })))},
      {"other region", test::pem_of(keys_.root.issue(
                           keys_.key, wishes([](auto& w) { w.names = "DNS:sns.eu-west-1.amazonaws.com"; })))},
      {"weak key", test::pem_of(keys_.root.issue(small, keys_.wishes()))},
      {"no certificate", "hello"},
      {"endless", std::string(100'000, 'x')},
  };
  for (const auto& [what, pem] : bad) {
    files_.files[kFile] = pem;
    verifier_.reset();
    EXPECT_EQ(refusal(notification()), ErrorCode::unavailable) << what;
  }
}

TEST_F(SnsVerifierTest, RegionalNamesAreGood) {
  for (const char* name : {"DNS:sns.us-east-1.amazonaws.com", "DNS:sns-signing.us-east-1.amazonaws.com"}) {
    auto wishes = keys_.wishes();
    wishes.names = name;
    put_certificate(keys_.root.issue(keys_.key, wishes));
    verifier_.reset();
    EXPECT_TRUE(verify(notification())) << name;
  }
}

// As Amazon does it: the file has the signing certificate alone, and says where its issuer is.
TEST_F(SnsVerifierTest, FetchesTheIssuerWhereTheCertificateSaysItIs) {
  auto wishes = keys_.wishes();
  wishes.issuer_at = "http://crt.test.amazontrust.com/between.cer";
  put_certificate(keys_.between.issue(keys_.key, wishes));
  EXPECT_EQ(refusal(notification()), ErrorCode::unavailable) << "the issuer is not there";
  files_.files["crt.test.amazontrust.com/between.cer"] = test::der_of(keys_.between.certificate());
  world_.run_for(6s);
  const auto out = verify(notification());
  ASSERT_TRUE(out) << out.error().message;
  wishes.issuer_at = "http://sandbox/between.cer";
  files_.files["sandbox/between.cer"] = files_.files["crt.test.amazontrust.com/between.cer"];
  put_certificate(keys_.between.issue(keys_.key, wishes));
  verifier_.reset();
  EXPECT_EQ(refusal(notification()), ErrorCode::unavailable);
  EXPECT_EQ(files_.asked["sandbox/between.cer"], 0) << "no other host is asked";
}

TEST_F(SnsVerifierTest, AFailingFetchIsTriedAgainSoonButNotAtOnce) {
  for (const int status : {500, 404, 302}) {
    verifier_.reset();
    files_.asked.clear();
    files_.status = status;
    EXPECT_EQ(refusal(notification()), ErrorCode::unavailable) << status;
    EXPECT_EQ(refusal(notification()), ErrorCode::unavailable);
    EXPECT_EQ(files_.asked[kFile], 1);
    files_.status = 200;
    world_.run_for(6s);
    EXPECT_TRUE(verify(notification()));
    EXPECT_EQ(files_.asked[kFile], 2);
  }
}

TEST_F(SnsVerifierTest, ConcurrentMessagesShareOneFetchAndWaitNoLongerThanSnsDoes) {
  files_.delay = 2s;
  std::vector<std::optional<Result<SnsVerified>>> out(50);
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto message = notification();
    message["MessageId"] = std::to_string(i);
    client_.spawn(store(verifier().verify(test::signed_body(message, keys_.key)), out[i]));
  }
  const auto all = [&] { return std::ranges::all_of(out, [](const auto& one) { return one && *one; }); };
  EXPECT_TRUE(world_.run_until(all, 10s));
  EXPECT_EQ(files_.asked[kFile], 1);
  files_.delay = 60s;
  verifier_.reset();
  const MonotonicTime before = world_.now();
  EXPECT_EQ(refusal(notification()), ErrorCode::unavailable);
  EXPECT_LT(world_.now() - before, 12s);
}

TEST_F(SnsVerifierTest, InventedCertificateAddressesDoNotMakeUsAFlood) {
  options_.fetches_a_minute = 5;
  for (int i = 0; i < 40; ++i) {
    auto message = notification();
    message["SigningCertURL"] = "https://" + std::string(kHost) + "/x" + std::to_string(i) + ".pem";
    EXPECT_EQ(refusal(message), ErrorCode::unavailable);
  }
  EXPECT_EQ(files_.asked.size(), 5U);
  world_.run_for(61s);
  EXPECT_TRUE(verify(notification()));
}

TEST_F(SnsVerifierTest, AnExpiredCertificateIsFetchedAgainAndAKeptOneOutlivesAnOutage) {
  ASSERT_TRUE(verify(notification()));
  files_.status = 500;
  world_.run_for(25h);
  EXPECT_TRUE(verify(notification())) << "kept beyond its day, because nothing newer is to be had";
  world_.run_for(24h * 30);
  EXPECT_EQ(refusal(notification()), ErrorCode::unavailable);
}

TEST_F(SnsVerifierTest, MalformedBodies) {
  const auto without = [&](const char* field) {
    auto message = boost::json::parse(test::signed_body(notification(), keys_.key)).as_object();
    message.erase(field);
    return boost::json::serialize(message);
  };
  const auto with = [&](const char* field, boost::json::value value) {
    auto message = boost::json::parse(test::signed_body(notification(), keys_.key)).as_object();
    message[field] = std::move(value);
    return boost::json::serialize(message);
  };
  std::string deep = "{\"TopicArn\":";
  for (int i = 0; i < 100; ++i) deep += "[";
  for (const std::string& body : {std::string(),
                                  std::string("{"),
                                  std::string("[]"),
                                  std::string("null"),
                                  deep,
                                  std::string("\xff\xfe"),
                                  without("TopicArn"),
                                  without("Type"),
                                  without("MessageId"),
                                  without("Message"),
                                  without("Timestamp"),
                                  without("SignatureVersion"),
                                  without("Signature"),
                                  without("SigningCertURL"),
                                  with("Type", "notification"),
                                  with("Message", 7),
                                  with("Timestamp", "yesterday"),
                                  with("SignatureVersion", "3"),
                                  with("SignatureVersion", 2),
                                  with("Signature", "!!!!"),
                                  with("TopicArn", {{"a", 1}}),
                                  with("Type", "SubscriptionConfirmation")}) {
    const auto out = verify(body);
    ASSERT_FALSE(out) << body;
    EXPECT_EQ(out.error().code, ErrorCode::invalid_argument) << body;
  }
}

TEST_F(SnsVerifierTest, WrongOptionsAreToldAtTheStart) {
  const auto create = [&](std::vector<std::string> topics, std::string ca_file) {
    SnsVerifierOptions options;
    options.topics = std::move(topics);
    options.ca_file = std::move(ca_file);
    SnsVerifier::Ports ports{.network = client_.network(),
                             .clock = client_.clock(),
                             .log = null_log(),
                             .executor = client_.executor()};
    return SnsVerifier::create(std::move(ports), std::move(options));
  };
  EXPECT_FALSE(create({"whatsapp"}, ""));
  EXPECT_FALSE(create({"arn:aws:sqs:us-east-1:1:x"}, ""));
  EXPECT_FALSE(create({}, "/nonexistent.pem"));
  EXPECT_TRUE(create({std::string(kTopic)}, ""));
}

}  // namespace
}  // namespace posthorn::aws
