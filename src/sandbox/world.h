// Everything the simulated Meta knows. The routes, deliveries and webhooks are functions over it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/clock.h"
#include "platform/random.h"
#include "sandbox/chaos.h"
#include "sandbox/config.h"
#include "sandbox/dice.h"
#include "sandbox/flat_map.h"
#include "sandbox/ledger.h"
#include "sandbox/limits.h"
#include "sandbox/media.h"
#include "sandbox/message_check.h"
#include "sandbox/phones.h"
#include "sandbox/template_store.h"

namespace posthorn::sandbox {

struct Number {
  NumberConfig config;
  std::string metadata;  // ready "metadata" member of its webhooks
  std::uint64_t digits = 0;
  MonotonicTime maintenance_until{};  // 131057 before this
};

struct World {
  World(SandboxConfig c, Clock& clk, Random& random);

  SandboxConfig config;
  Clock& clock;
  std::uint64_t seed;
  Dice dice;
  std::vector<Number> numbers;
  TemplateStore templates;
  MediaStore media;
  Ledger ledger;
  Limits limits;
  Chaos chaos;
  Phones phones;
  MessageChecker checker;
  FlatMap<std::int64_t> windows;        // window_key → wall µs of the user's last message
  std::vector<std::string> categories;  // of the ledger's subjects, lower case; "service" for free-form
  std::vector<MessageId> held;
  bool tokens_expired = false;
  std::int64_t calls_until_expiry = -1;
  std::uint64_t requests = 0;
  std::uint32_t epoch = 0;  // counts resets: names of messages never repeat
  std::uint64_t inbound_messages = 0;
  FlatMap<std::uint32_t> last_inbound;  // phone → which of the inbound messages was its newest
  bool subscribed = true;
  std::string seen_host;  // Host header of the newest request

  // Where media are fetched from: config.public_url, or the address that callers use.
  std::string base_url() const {
    return config.public_url.empty() ? "http://" + seen_host : config.public_url;
  }

  const Number* find_number(std::string_view id) const;
  std::size_t index_of(const Number& number) const {
    return static_cast<std::size_t>(&number - numbers.data());
  }
  std::uint16_t subject(std::string_view name, std::string_view category);
  // "wamid." and base64, built as Meta's are: direction, recipient digits, 18 hex digits.
  std::string message_name(MessageId id) const;
  // The id of the next message from a phone, and that of its n-th message of all.
  std::string inbound_name(std::uint64_t phone);
  std::string inbound_name_of(std::uint64_t phone, std::uint64_t n) const;
  bool window_open(std::uint64_t phone, std::size_t number) const;
  void open_window(std::uint64_t phone, std::size_t number);
  // The phone a business-scoped user id belongs to, among those in the ledger; 0 when unknown.
  std::uint64_t phone_of_user(std::string_view user_id) const;
  std::string timestamp(WallTime at) const;  // as webhooks carry it, without quotes
  void add_template(Template t);
  void load_fixtures();
  void reset();

 private:
  static std::uint64_t window_key(std::uint64_t phone, std::size_t number) {
    return (phone << 8) | (number + 1);
  }
};

// `to` of a message as digits: separators go; without "+" the number may be national, then the business
// number's country code is put before it (Meta's phone number formats). 0 when it cannot be a number.
std::uint64_t normalise_recipient(std::string_view to, std::uint64_t business_digits);

}  // namespace posthorn::sandbox
