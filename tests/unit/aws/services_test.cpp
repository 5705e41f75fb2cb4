// What the configuration asks of AWS, and the event when a topic leaves.
#include "channels/aws/services.h"

#include "messaging/sns_notice.h"
#include "storage/event_log.h"
#include "unit/aws/aws_house.h"
#include "unit/storage/simulated_fixture.h"

namespace posthorn::aws {
namespace {

class ServicesTest : public AwsHouse {
 protected:
  Result<std::unique_ptr<Services>> create() {
    Services::Ports services_ports{.network = client_.network(),
                                   .certificate_network = client_.network(),
                                   .clock = client_.clock(),
                                   .random = client_.random(),
                                   .files = files_,
                                   .log = null_log(),
                                   .executor = client_.executor(),
                                   .environment = environment()};
    return Services::create(std::move(services_ports), config_);
  }
  Credentials::Environment environment() {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
  }
  Config::Aws config_;
};

TEST_F(ServicesTest, NothingConfiguredIsNothingAskedFor) {
  const auto services = create();
  ASSERT_TRUE(services) << services.error().message;
  EXPECT_EQ((*services)->queue(), nullptr);
  EXPECT_EQ((*services)->social(), nullptr);
  EXPECT_EQ((*services)->media_bucket(), nullptr);
  const auto verified =
      run((*services)->sns_verifier().verify(R"({"TopicArn":"arn:aws:sns:us-east-1:1:t"})"));
  EXPECT_EQ(verified.error().code, ErrorCode::permission_denied);
  EXPECT_TRUE(script_.requests.empty());
}

TEST_F(ServicesTest, EverythingConfigured) {
  config_.region = "eu-central-1";
  config_.sns_topics = {"arn:aws:sns:eu-central-1:1:t"};
  config_.sqs_queue_url = "http://aws/1/q";
  config_.media_bucket = "media";
  config_.social_endpoint_url = "http://aws/";
  config_.access_key_id = "SET";
  config_.secret_access_key = Secret("s");
  const auto services = create();
  ASSERT_TRUE(services) << services.error().message;
  ASSERT_NE((*services)->queue(), nullptr);
  ASSERT_NE((*services)->media_bucket(), nullptr);
  script_.add(200, R"({"linkedAccounts":[]})");
  EXPECT_TRUE(run((*services)->social()->linked_accounts()));
  EXPECT_THAT(std::string(script_.requests.at(0).headers.get("Authorization")),
              testing::HasSubstr("Credential=SET/20260101/eu-central-1/social-messaging/"));
}

TEST_F(ServicesTest, TheRegionIsLookedForInOrder) {
  config_.sns_topics = {"arn:aws:sns:us-west-1:1:t"};
  EXPECT_EQ(region_of(config_, environment()), "us-west-1");
  config_.sqs_queue_url = "https://sqs.us-west-2.amazonaws.com/1/q";
  EXPECT_EQ(region_of(config_, environment()), "us-west-2");
  variables_["AWS_DEFAULT_REGION"] = "eu-west-1";
  EXPECT_EQ(region_of(config_, environment()), "eu-west-1");
  variables_["AWS_REGION"] = "eu-west-2";
  EXPECT_EQ(region_of(config_, environment()), "eu-west-2");
  config_.region = "eu-west-3";
  EXPECT_EQ(region_of(config_, environment()), "eu-west-3");
}

TEST_F(ServicesTest, WrongSettingsAreToldAtTheStart) {
  config_.sns_topics = {"arn:aws:sqs:us-west-1:1:t"};
  EXPECT_EQ(create().error().field, "aws.sns_topics");
  config_.sns_topics.clear();
  config_.sns_ca_file = "/nonexistent.pem";
  EXPECT_EQ(create().error().field, "aws.sns_ca_file");
  config_.sns_ca_file.clear();
  config_.sqs_queue_url = "http://aws/1/q";
  EXPECT_EQ(create().error().field, "aws.region");
}

Task<> note_and_read(Database& database, Clock& clock, std::vector<LoggedEvent>& out) {
  const Result<> noted = co_await note_sns_unsubscribed(database, clock, "arn:aws:sns:us-east-1:1:t");
  EXPECT_TRUE(noted) << noted.error().message;
  auto read = [](Transaction& tx) { return events::read_after(tx, EventId{0}, 10); };
  auto events = co_await database.read(std::move(read));
  EXPECT_TRUE(events);
  if (events) out = *std::move(events);
}

TEST_F(ServicesTest, ATopicThatLeavesIsInTheEventLog) {
  simulated::Disk disk(1);
  test::ProcessOnDisk process(disk);
  std::vector<LoggedEvent> events;
  asio::co_spawn(process.context(), note_and_read(process.db(), client_.clock(), events), asio::detached);
  process.run();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, "webhook.unsubscribed");
  EXPECT_EQ(events[0].subject, "sns:arn:aws:sns:us-east-1:1:t");
  EXPECT_THAT(events[0].data, testing::HasSubstr(R"("topic":"arn:aws:sns:us-east-1:1:t")"));
}

}  // namespace
}  // namespace posthorn::aws
