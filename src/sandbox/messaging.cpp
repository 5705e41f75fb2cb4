#include "sandbox/messaging.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "platform/crypto.h"
#include "sandbox/json_text.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

constexpr Duration kAddressLife = std::chrono::hours(48), kEchoAfter = std::chrono::milliseconds(100);
constexpr auto kFlavours = std::to_array<std::string_view>({"instagram_login", "instagram", "messenger"});

std::int64_t millis(WallTime t) {
  return to_micros(t) / 1000;
}

js::object only_id(std::string_view id) {
  js::object out;
  out["id"] = id;
  return out;
}

}  // namespace

std::string media_signature(const World& world, std::string_view id, std::string_view until) {
  HmacSha256 sign{Secret("media host " + std::to_string(world.seed))};
  return to_hex(sign(std::string(id) + "?" + std::string(until))).substr(0, 32);
}

Messaging::Messaging(World& world, Webhooks& webhooks, Executor executor)
    : world_(world), webhooks_(webhooks), wakeup_(world.clock, std::move(executor), [this] { wake(); }) {
  load();
}

void Messaging::load() {
  const bool first = accounts_.empty();
  std::vector<MetaAccount> fresh;
  for (const MetaAccountConfig& config : world_.config.accounts) {
    MetaAccount a;
    a.config = config;
    const std::size_t position = fresh.size();
    const bool known = !first && position < accounts_.size() && accounts_[position].config.id == config.id;
    a.stream = known ? accounts_[position].stream
                     : webhooks_.add_stream(a.instagram() ? "instagram" : "page", config.app_secret);
    a.tokens.emplace_back(config.token, WallTime{});
    fresh.push_back(std::move(a));
  }
  accounts_ = std::move(fresh);
}

void Messaging::clear() {
  users_.clear();
  messages_.clear();
  by_mid_.clear();
  comments_.clear();
  attachments_.clear();
  pictures_.clear();
  cdn_.clear();
  calendar_.clear();
  load();
}

Result<std::size_t> Messaging::find_account(std::string_view name, std::string_view user) const {
  for (std::size_t i = 0; i < accounts_.size(); ++i) {
    const MetaAccountConfig& c = accounts_[i].config;
    if (name.empty() && !user.empty() && users_.contains({i, std::string(user)})) return i;
    if (!name.empty() && (c.id == name || c.username == name)) return i;
  }
  const auto flavour = std::ranges::find(kFlavours, name);
  for (std::size_t i = 0; flavour != kFlavours.end() && i < accounts_.size(); ++i)
    if (static_cast<std::ptrdiff_t>(accounts_[i].config.flavour) == flavour - kFlavours.begin()) return i;
  if (name.empty() && !accounts_.empty()) return std::size_t{0};
  return fail(ErrorCode::not_found, "there is no account \"" + std::string(name) + "\"", "account");
}

ScopedUser* Messaging::find_user(std::size_t account, std::string_view id) {
  const auto it = users_.find({account, std::string(id)});
  return it == users_.end() ? nullptr : &it->second;
}

ScopedUser& Messaging::user(std::size_t account, const std::string& id) {
  const auto [it, fresh] = users_.try_emplace({account, id});
  if (!fresh) return it->second;
  std::uint64_t hash = mix(account);
  for (const char c : id) hash = mix(hash ^ static_cast<unsigned char>(c));
  it->second.id = id;
  it->second.account = account;
  it->second.name = profile_name_of(hash);
  it->second.username = "user." + id.substr(id.size() > 6 ? id.size() - 6 : 0);
  return it->second;
}

MetaMessage* Messaging::find_message(std::string_view mid) {
  const auto it = by_mid_.find(mid);
  return it == by_mid_.end() ? nullptr : &messages_[it->second];
}

MetaMessage* Messaging::newest(const ScopedUser& user, bool from_account) {
  for (auto it = user.messages.rbegin(); it != user.messages.rend(); ++it)
    if (messages_[*it].from_account == from_account) return &messages_[*it];
  return nullptr;
}

// Instagram's are long base64, Messenger's begin with "m_".
std::string Messaging::new_mid(std::size_t account) {
  const std::uint64_t n = ++mid_counter_, salt = mix(world_.seed ^ world_.epoch);
  const std::string raw = std::to_string(n) + ":" + accounts_[account].config.id + ":" + std::to_string(salt);
  if (!accounts_[account].instagram()) return "m_" + to_base64url(to_hex(raw));
  return to_base64url("ig_dm_item:1:IGMessageID:" + to_hex(raw));
}

MetaMessage& Messaging::record(ScopedUser& user, bool from_account, js::object content, std::string mid) {
  MetaMessage message;
  message.mid = mid.empty() ? new_mid(user.account) : std::move(mid);
  message.user = user.id;
  message.account = user.account;
  message.from_account = from_account;
  message.at = world_.clock.wall_now();
  message.content = std::move(content);
  const std::size_t position = messages_.size();
  by_mid_.insert_or_assign(message.mid, position);
  user.messages.push_back(position);
  messages_.push_back(std::move(message));
  return messages_.back();
}

bool Messaging::wanted(const MetaAccount& account, std::string_view field) const {
  if (!account.subscribed) return false;
  return account.instagram() || account.fields.empty() ||
         std::ranges::find(account.fields, field) != account.fields.end();
}

void Messaging::raw_entry(std::size_t account, js::object entry) {
  const MetaAccount& a = accounts_.at(account);
  js::object out{{"id", a.config.id}, {"time", millis(world_.clock.wall_now())}};
  for (const auto& [key, value] : entry) out[key] = value;
  webhooks_.entry(a.stream, meta_json(out));
}

void Messaging::item(const ScopedUser& user, std::string_view field, const js::object& item,
                     bool from_account, WallTime at) {
  const MetaAccount& account = accounts_.at(user.account);
  const bool standby = user.elsewhere && field != "messaging_handovers";
  if (!wanted(account, standby ? std::string_view("standby") : field)) return;
  js::object out;
  out["sender"] = only_id(from_account ? account.config.id : user.id);
  out["recipient"] = only_id(from_account ? user.id : account.config.id);
  out["timestamp"] = millis(at == WallTime{} ? world_.clock.wall_now() : at);
  for (const auto& [key, value] : item) out[key] = value;
  js::array items;
  items.push_back(std::move(out));
  js::object entry;
  entry[standby ? "standby" : "messaging"] = std::move(items);
  raw_entry(user.account, std::move(entry));
}

void Messaging::change(std::size_t account, std::string_view field, const js::value& value) {
  if (!wanted(accounts_.at(account), field)) return;
  js::object change;
  change["field"] = field;
  change["value"] = value;
  js::object entry;
  entry["time"] = millis(world_.clock.wall_now()) / 1000;
  if (accounts_[account].config.flavour == MetaFlavour::instagram_login) {
    for (const auto& [key, one] : change) entry[key] = one;
  } else {
    js::array changes;
    changes.push_back(std::move(change));
    entry["changes"] = std::move(changes);
  }
  raw_entry(account, std::move(entry));
}

std::string Messaging::publish(SampleFile file) {
  const MediaFile& stored = cdn_.put(0, std::move(file.mime), std::move(file.bytes), world_.clock.wall_now());
  const std::string until = std::to_string(to_micros(world_.clock.wall_now() + kAddressLife) / 1'000'000);
  return world_.base_url() + "/sandbox-cdn/" + stored.id + "?asset_id=" + stored.id + "&oe=" + until +
         "&signature=" + media_signature(world_, stored.id, until);
}

std::string Messaging::picture_of(const ScopedUser& user) {
  SampleFile picture = sample_file("image");
  picture.bytes += user.id;  // everybody has a picture of their own
  return publish(std::move(picture));
}

void Messaging::schedule(Duration after, std::size_t message, Step step) {
  calendar_.push(world_.clock.now() + after, Due{message, step});
  wakeup_.arm(calendar_.next());
}

void Messaging::begin(const MetaMessage& message) {
  const std::size_t position = by_mid_.find(message.mid)->second;
  const UserBehaviour& behaviour = user(message.account, message.user).behaviour;
  const PhoneBehaviourConfig& shares = world_.config.phones;
  schedule(kEchoAfter, position, Step::echo);
  if (!behaviour.delivered.value_or(true)) return;
  const Duration usual = world_.dice.between(shares.delivered_delay_min, shares.delivered_delay_max);
  schedule(behaviour.delivered_after.value_or(usual), position, Step::deliver);
}

void Messaging::wake() {
  const MonotonicTime now = world_.clock.now();
  for (auto due = calendar_.pop_due(now); !due.empty(); due = calendar_.pop_due(now))
    for (const Due& one : due) run(one);
  if (!calendar_.empty()) wakeup_.arm(calendar_.next());
  webhooks_.pump();
}

void Messaging::run(const Due& due) {
  MetaMessage& message = messages_[due.message];
  switch (due.step) {
    case Step::echo:
      return echo(message);
    case Step::deliver:
      return deliver(message, due.message);
    case Step::read:
      return read(message);
    case Step::reply: {
      ScopedUser& from = user(message.account, message.user);
      js::object content;
      content["text"] = from.behaviour.replies;
      from.last_action = world_.clock.wall_now();
      MetaMessage& reply = record(from, false, content);
      js::object body{{"mid", reply.mid}};
      body["text"] = from.behaviour.replies;
      js::object out;
      out["message"] = std::move(body);
      return item(from, "messages", out, false);
    }
  }
}

void Messaging::echo(const MetaMessage& message) {
  const MetaAccount& account = accounts_[message.account];
  js::object body{{"mid", message.mid}};
  for (const auto& [key, value] : message.content)
    if (key != "quick_replies" && key != "metadata" && key != "attachment") body[key] = value;
  if (const js::value* attachment = message.content.if_contains("attachment")) {
    js::array list;
    list.push_back(*attachment);
    body["attachments"] = std::move(list);
  }
  body["is_echo"] = true;
  if (account.config.echo_details && message.by_api) {
    body["app_id"] = std::strtoll(world_.config.app_id.c_str(), nullptr, 10);
    if (!message.metadata.empty()) body["metadata"] = message.metadata;
  }
  js::object out;
  out["message"] = std::move(body);
  item(user(message.account, message.user), account.instagram() ? "messages" : "message_echoes", out, true,
       message.at);
}

// Instagram has no receipts of delivery (Meta's webhook fields of Instagram).
void Messaging::deliver(MetaMessage& message, std::size_t position) {
  ScopedUser& to = user(message.account, message.user);
  const PhoneBehaviourConfig& shares = world_.config.phones;
  message.delivered = true;
  if (!accounts_[message.account].instagram()) {
    js::array mids;
    mids.push_back(js::string(message.mid));
    js::object delivery{{"watermark", millis(message.at)}};
    delivery["mids"] = std::move(mids);
    js::object out;
    out["delivery"] = std::move(delivery);
    item(to, "message_deliveries", out, false);
  }
  if (to.behaviour.reads.value_or(world_.dice.chance(shares.read)))
    schedule(
        to.behaviour.read_after.value_or(world_.dice.between(shares.read_delay_min, shares.read_delay_max)),
        position, Step::read);
  if (!to.behaviour.replies.empty())
    schedule(to.behaviour.reply_after.value_or(
                 world_.dice.between(shares.reply_delay_min, shares.reply_delay_max)),
             position, Step::reply);
  if (on_delivered_) on_delivered_(to, message);
}

void Messaging::read(MetaMessage& message) {
  message.read = true;
  const bool instagram = accounts_[message.account].instagram();
  js::object read;
  if (instagram)
    read["mid"] = message.mid;
  else
    read["watermark"] = millis(message.at);
  js::object out;
  out["read"] = std::move(read);
  item(user(message.account, message.user), instagram ? "messaging_seen" : "message_reads", out, false);
}

}  // namespace posthorn::sandbox
