// What automation, media and profiles need of the channels, by the account's own client.
#pragma once
#include <string>

#include "app/account_runtimes.h"
#include "automation/automation_ports.h"
#include "messaging/media_links.h"
#include "messaging/media_source.h"
#include "messaging/profiles.h"
#include "messaging/upload_once.h"
#include "platform/safe_fetch.h"
#include "storage/blob_store.h"

namespace posthorn {

class ChannelSignals final : public automation::ConversationSignals {
 public:
  explicit ChannelSignals(AccountRuntimes& accounts, Database& database)
      : accounts_(accounts), database_(database) {}
  Task<Result<>> mark_read(automation::SignalTarget target) override;
  Task<Result<>> typing(automation::SignalTarget target) override;
  Task<Result<>> react(automation::SignalTarget target, std::string emoji) override;

 private:
  Task<Result<Account>> account(AccountId id);
  Task<Result<>> whatsapp_read(automation::SignalTarget target, bool typing);
  Task<Result<>> meta_action(automation::SignalTarget target, std::string body);

  AccountRuntimes& accounts_;
  Database& database_;
};

// WhatsApp: the bytes go up once in the days that Meta keeps them. Instagram and Messenger fetch them
// themselves, from a signed link: that needs a public address.
class ChannelUploader final : public automation::MediaUploader {
 public:
  struct Ports {
    AccountRuntimes& accounts;
    Database& database;
    BlobStore& blobs;
    Clock& clock;
    UploadOnce& uploads;
    MediaLinks& links;
    bool public_address = false;
  };
  explicit ChannelUploader(Ports ports) : ports_(ports) {}
  Task<Result<std::string>> upload(automation::MediaFile file) override;

 private:
  Task<Result<std::string>> to_whatsapp(Account account, automation::MediaFile file);
  Task<Result<std::string>> bytes_to_whatsapp(Account account, automation::MediaFile file);
  Task<Result<std::string>> to_meta(Account account, automation::MediaFile file);
  Ports ports_;
};

class ChannelProfiles final : public ProfileSource {
 public:
  explicit ChannelProfiles(AccountRuntimes& accounts) : accounts_(accounts) {}
  Task<Result<FetchedProfile>> fetch(AccountId account, std::string scoped_id) override;

 private:
  AccountRuntimes& accounts_;
};

// The bytes behind a profile picture's link, at most 5 MB.
PictureDownload picture_download(SafeFetch& fetch);

}  // namespace posthorn
