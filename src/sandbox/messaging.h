// Instagram and Messenger: accounts, the people who write to them, what was said, and the webhooks about it.
// The Graph side is messaging_routes.h; what people send is user_message.h.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "core/result.h"
#include "sandbox/media.h"
#include "sandbox/sample_files.h"
#include "sandbox/wakeup.h"
#include "sandbox/webhooks.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

struct MetaAccount {
  MetaAccountConfig config;
  std::uint32_t stream = 0;
  std::vector<std::pair<Secret, WallTime>> tokens;  // with the time each was issued
  bool subscribed = true;
  std::vector<std::string> fields;  // empty: all. Only Messenger obeys it
  bool token_expired = false, access_allowed = true, human_agent = true;
  std::deque<MonotonicTime> sends, media_sends, conversation_calls, private_replies;
  boost::json::object profile;  // messenger_profile: ice breakers, menus
  bool instagram() const { return config.flavour != MetaFlavour::messenger; }
};

// What a person does with messages; unset members follow the shares of the configuration.
struct UserBehaviour {
  std::optional<bool> delivered, reads;
  std::string replies;         // text; empty: none
  int taps = 0;                // of the next so many messages with buttons the first one is tapped
  int error = 0, subcode = 0;  // sends are refused with it
  std::optional<Duration> delivered_after, read_after, reply_after;
};

struct ScopedUser {
  std::string id, name, username;
  std::size_t account = 0;
  WallTime last_action{};  // zero: never wrote or tapped (no window, no consent)
  bool elsewhere = false;  // another app owns the thread
  UserBehaviour behaviour;
  std::vector<std::size_t> messages;  // positions in Messaging::messages()
};

struct MetaMessage {
  std::string mid, user;
  std::size_t account = 0;
  bool from_account = false, by_api = false, deleted = false;
  bool delivered = false, read = false;
  WallTime at;
  boost::json::object content;  // `message` of the webhook without mid, or of the send
  std::string metadata, tag;
  int edits = 0;
  boost::json::array reactions;
};

struct Comment {
  std::string user, text;
  std::size_t account = 0;
  WallTime at;
  bool answered = false;
};

class Messaging {
 public:
  using Delivered = std::function<void(const ScopedUser&, const MetaMessage&)>;

  Messaging(World& world, Webhooks& webhooks, Executor executor);
  void stop() { wakeup_.stop(); }
  void on_delivered(Delivered call) { on_delivered_ = std::move(call); }
  bool idle() const { return calendar_.empty(); }
  void clear();

  std::vector<MetaAccount>& accounts() { return accounts_; }
  // By id, username or flavour ("instagram_login", "instagram", "messenger"); not_found otherwise. Empty: the
  // only account that knows `user`, or the first one.
  Result<std::size_t> find_account(std::string_view name, std::string_view user = {}) const;
  ScopedUser* find_user(std::size_t account, std::string_view id);
  ScopedUser& user(std::size_t account, const std::string& id);  // made when new
  const std::map<std::pair<std::size_t, std::string>, ScopedUser>& users() const { return users_; }

  const std::deque<MetaMessage>& messages() const { return messages_; }
  MetaMessage* find_message(std::string_view mid);
  // The newest message of one side; nullptr when there is none.
  MetaMessage* newest(const ScopedUser& user, bool from_account);
  MetaMessage& record(ScopedUser& user, bool from_account, boost::json::object content, std::string mid = {});
  std::map<std::string, Comment, std::less<>>& comments() { return comments_; }
  std::set<std::string, std::less<>>& attachments() { return attachments_; }

  // A send that was accepted: its echo, receipts and answers follow in time.
  void begin(const MetaMessage& message);

  // One element of `messaging` (or `standby`) about this user; `item` without sender, recipient and
  // timestamp.
  void item(const ScopedUser& user, std::string_view field, const boost::json::object& item,
            bool from_account, WallTime at = {});
  // {"field","value"}: nested in `changes`, or with Instagram login directly in the entry, as its samples
  // are.
  void change(std::size_t account, std::string_view field, const boost::json::value& value);
  void raw_entry(std::size_t account, boost::json::object entry);
  void pump() { webhooks_.pump(); }

  std::string new_mid(std::size_t account);
  std::string new_comment_id() { return std::to_string(17'900'000'000'000'000ULL + ++comment_counter_); }
  // Keeps the file and returns its signed, short-lived address on the media host.
  std::string publish(SampleFile file);
  const MediaStore& cdn() const { return cdn_; }
  std::string picture_of(const ScopedUser& user);
  World& world() { return world_; }

 private:
  enum class Step : std::uint8_t { echo, deliver, read, reply };
  struct Due {
    std::size_t message;
    Step step;
  };
  void load();
  void schedule(Duration after, std::size_t message, Step step);
  void wake();
  void run(const Due& due);
  void echo(const MetaMessage& message);
  void deliver(MetaMessage& message, std::size_t position);
  void read(MetaMessage& message);
  bool wanted(const MetaAccount& account, std::string_view field) const;

  World& world_;
  Webhooks& webhooks_;
  std::vector<MetaAccount> accounts_;
  std::map<std::pair<std::size_t, std::string>, ScopedUser> users_;
  std::deque<MetaMessage> messages_;
  std::map<std::string, std::size_t, std::less<>> by_mid_;
  std::map<std::string, Comment, std::less<>> comments_;
  std::set<std::string, std::less<>> attachments_;
  std::map<std::string, std::string> pictures_;  // user → asset
  MediaStore cdn_;
  std::uint64_t mid_counter_ = 0, comment_counter_ = 0;
  Delivered on_delivered_;
  Calendar<Due> calendar_;
  Wakeup wakeup_;
};

// What proves an address of the media host: over the id and the second at which the address ends.
std::string media_signature(const World& world, std::string_view id, std::string_view until);

}  // namespace posthorn::sandbox
