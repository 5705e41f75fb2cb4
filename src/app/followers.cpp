#include "app/followers.h"

#include <map>

#include <fmt/format.h>

#include "app/channel_doors.h"
#include "automation/notification_queue.h"
#include "channels/aws/services.h"
#include "messaging/eum_media_source.h"
#include "messaging/outgoing_messages.h"
#include "platform/real_mailer.h"

namespace posthorn {
namespace {

AutomationOptions automation_options(const Config& config) {
  AutomationOptions out;
  out.limits.answer_within = config.automation.answer_within;
  out.limits.max_per_hour = static_cast<int>(config.automation.max_per_hour);
  out.limits.stop_keywords = config.broadcast.opt_out_keywords;
  return out;
}

Result<std::unique_ptr<Mailer>> make_mailer(const Config& config) {
  if (config.mail.host.empty()) return nullptr;
  if (config.mail.from.empty())
    return fail(ErrorCode::invalid_argument,
                "mail.from is missing: mail.host is set, and mails need a sender", "mail.from");
  SmtpServer server;
  server.host = config.mail.host;
  server.port = static_cast<int>(config.mail.port);
  server.security = mail_security_from(config.mail.security).value_or(MailSecurity::starttls);
  server.user = config.mail.user;
  server.password = config.mail.password;
  server.from = config.mail.from;
  server.from_name = config.mail.from_name;
  server.ca_file = config.mail.ca_file;
  return make_smtp_mailer(std::move(server));
}

MediaFetcherOptions media_options(const Config& config) {
  MediaFetcherOptions out;
  out.parallel = static_cast<int>(config.media.parallel);
  out.max_bytes = static_cast<std::uint64_t>(config.media.max_mb) << 20;
  out.give_up_after = config.media.give_up_after;
  out.keep_stories = config.media.keep_stories;
  return out;
}

NotificationsOptions notification_options(const Config& config) {
  NotificationsOptions out;
  out.gather = config.mail.gather;
  out.domain = config.mail.from.substr(config.mail.from.find('@') + 1);
  if (!config.http.public_url.empty()) out.conversation_url = config.http.public_url + "/conversations/";
  return out;
}

// What the operator has named himself may be private: a stand-in for Meta on this machine.
AddressPolicy fetch_policy(const Config& config) {
  AddressPolicy policy;
  policy.trusted_origins = config.media.trusted_origins;
  for (const std::string* url :
       {&config.graph.base_url, &config.instagram.base_url, &config.aws.s3_endpoint_url})
    if (url->starts_with("http://")) policy.trusted_origins.push_back(*url);
  return policy;
}

}  // namespace

struct Followers::Parts {
  Parts(FollowersPorts p, const Config& c, const Secret& link_key, std::string address)
      : ports(p),
        feed(EventFeedPorts{p.database, p.clock, p.executor}),
        links(link_key, std::move(address)),
        fetch(p.network, p.clock, p.executor, fetch_policy(c)),
        graph_media([&accounts = p.accounts](AccountId id) { return accounts.client(id); }),
        signals(p.accounts, p.database),
        uploader({p.accounts, p.database, p.blobs, p.clock, p.uploads, links, !c.http.public_url.empty()}),
        channel_profiles(p.accounts),
        indexer({p.database, p.search_index, feed, p.clock, p.log, p.metrics, p.executor}),
        media({p.database, p.clock, p.random, p.log, p.metrics, p.blobs, fetch, p.executor,
               [this](const Account& account) { return source_of(account); }},
              media_options(c)),
        profiles({p.database, p.blobs, p.clock, p.log, p.metrics, channel_profiles, picture_download(fetch),
                  p.executor}),
        automation(automation::AutomationPorts{p.database, p.clock, p.log, p.metrics, signals, uploader,
                                               outgoing_messages::queue_reply,
                                               [&accounts = p.accounts](AccountId id) { accounts.wake(id); },
                                               p.executor},
                   automation_options(c)) {
    if (p.aws != nullptr && p.aws->social() != nullptr && p.aws->media_bucket() != nullptr)
      eum_media = std::make_unique<EumMediaSource>(*p.aws->social(), *p.aws->media_bucket(),
                                                   c.aws.media_prefix, p.log);
  }

  MediaSource* source_of(const Account& account) {
    if (account.transport == "aws") return eum_media.get();
    if (channel_of(account) == channels::Channel::whatsapp) return &graph_media;
    return &signed_media;
  }

  Result<> make_configured(const Config& config) {
    PH_TRY_ASSIGN(mailer, make_mailer(config));
    if (mailer) {
      notifications = std::make_unique<Notifications>(
          NotificationsPorts{ports.database, ports.blobs, *mailer, feed, &links, ports.clock, ports.log,
                             ports.metrics, ports.executor},
          notification_options(config));
    }
    PH_TRY_ASSIGN(webhook_network,
                  WebhookNetwork::make(ports.network, ports.clock, config.webhooks_out.allowed_targets));
    webhook_sender = std::make_unique<HttpWebhookSender>(*webhook_network, ports.clock, ports.executor,
                                                         config.webhooks_out.timeout);
    WebhooksOutOptions options;
    options.concurrency = static_cast<int>(config.webhooks_out.concurrency);
    options.keep = std::chrono::days(config.webhooks_out.keep_days);
    webhooks_out = std::make_unique<WebhooksOut>(
        WebhooksOutPorts{ports.database, ports.clock, ports.random, ports.log, ports.metrics, ports.secrets,
                         *webhook_sender, feed, ports.executor},
        options);
    return {};
  }

  FollowersPorts ports;
  EventFeed feed;
  MediaLinks links;
  SafeFetch fetch;
  GraphMediaSource graph_media;
  SignedUrlSource signed_media;
  std::unique_ptr<EumMediaSource> eum_media;
  ChannelSignals signals;
  ChannelUploader uploader;
  ChannelProfiles channel_profiles;
  SearchIndexer indexer;
  MediaFetcher media;
  ProfileFetcher profiles;
  Automation automation;
  std::unique_ptr<Mailer> mailer;
  std::unique_ptr<Notifications> notifications;
  std::unique_ptr<WebhookNetwork> webhook_network;
  std::unique_ptr<HttpWebhookSender> webhook_sender;
  std::unique_ptr<WebhooksOut> webhooks_out;
};

Followers::Followers(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Followers::~Followers() = default;

Result<std::unique_ptr<Followers>> Followers::create(FollowersPorts ports, const Config& config,
                                                     Secret link_key, std::string address) {
  auto parts = std::make_unique<Parts>(ports, config, link_key, std::move(address));
  PH_TRY(parts->make_configured(config));
  return std::unique_ptr<Followers>(new Followers(std::move(parts)));
}

Task<Result<>> Followers::start() {
  parts_->feed.start();
  parts_->indexer.start();
  parts_->media.start();
  PH_CO_TRY(co_await parts_->profiles.start());
  PH_CO_TRY(co_await parts_->automation.start());
  if (parts_->notifications) {
    parts_->notifications->start();
  } else {
    auto forget = [](Transaction& tx) { return notification_queue::stop_following(tx); };
    PH_CO_TRY(co_await parts_->ports.database.write(std::move(forget)));
  }
  PH_CO_TRY(co_await parts_->webhooks_out->start());
  co_return Result<>();
}

Task<> Followers::stop() {
  co_await parts_->automation.stop();
  co_await parts_->webhooks_out->stop();
  if (parts_->notifications) co_await parts_->notifications->stop();
  co_await parts_->profiles.stop();
  co_await parts_->media.stop();
  co_await parts_->indexer.stop();
  co_await parts_->feed.stop();
}

void Followers::disconnect() {
  parts_->webhook_sender.reset();
  parts_->mailer.reset();
}

void Followers::something_happened() {
  parts_->feed.notify();
  parts_->media.wake();
  parts_->profiles.wake();
  parts_->automation.wake();
}

EventFeed& Followers::feed() {
  return parts_->feed;
}
MediaLinks& Followers::links() {
  return parts_->links;
}
MediaFetcher& Followers::media() {
  return parts_->media;
}
WebhooksOut& Followers::webhooks_out() {
  return *parts_->webhooks_out;
}
Mailer* Followers::mailer() {
  return parts_->mailer.get();
}

}  // namespace posthorn
