#include "sandbox/world.h"

#include <algorithm>
#include <stdexcept>

#include <boost/json.hpp>

#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace {

constexpr Duration kWindow = std::chrono::hours(24);

std::uint64_t digits_of(std::string_view text) {
  std::uint64_t n = 0;
  for (const char c : text)
    if (c >= '0' && c <= '9') n = n * 10 + static_cast<std::uint64_t>(c - '0');
  return n;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

void append_hex(std::string& out, std::uint64_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += "0123456789ABCDEF"[(value >> shift) & 15];
}

std::size_t country_code_length(std::uint64_t business_digits) {
  const std::string digits = std::to_string(business_digits);
  if (digits.starts_with('1') || digits.starts_with('7')) return 1;
  return 2;
}

}  // namespace

World::World(SandboxConfig c, Clock& clk, Random& random)
    : config(std::move(c)),
      clock(clk),
      seed(random.next()),
      dice(mix(seed)),
      limits(config.limits, config.numbers.size()),
      phones(config.phones, 0x706F7374),
      checker(templates, media) {
  load_fixtures();
}

void World::load_fixtures() {
  numbers.clear();
  for (const NumberConfig& n : config.numbers) {
    Number number;
    number.config = n;
    number.digits = digits_of(n.display_phone_number);
    number.metadata = R"("metadata":{"display_phone_number":")" + std::to_string(number.digits) +
                      R"(","phone_number_id":")" + n.id + "\"}";
    numbers.push_back(std::move(number));
  }
  templates.clear();
  for (const std::string& text : config.templates) {
    auto read = read_template(boost::json::parse(text).as_object());
    if (!read)
      throw std::invalid_argument("sandbox template: " + read.error().details + " in " + text.substr(0, 120));
    add_template(*std::move(read));
  }
}

void World::add_template(Template t) {
  t.subject = subject(t.name + "/" + t.language, t.category);
  templates.put(std::move(t));
}

void World::reset() {
  ledger.clear();
  limits = Limits(config.limits, config.numbers.size());
  chaos.clear();
  phones.clear();
  media.clear();
  windows.clear();
  held.clear();
  tokens_expired = false;
  calls_until_expiry = -1;
  requests = 0;
  inbound_messages = 0;
  last_inbound.clear();
  subscribed = true;
  ++epoch;
  load_fixtures();
}

const Number* World::find_number(std::string_view id) const {
  const auto it =
      std::ranges::find(numbers, id, [](const Number& n) -> std::string_view { return n.config.id; });
  return it == numbers.end() ? nullptr : &*it;
}

std::uint16_t World::subject(std::string_view name, std::string_view category) {
  const std::uint16_t id = ledger.subject(name);
  if (id >= categories.size()) categories.resize(id + 1U);
  categories[id] = lower(std::string(category));
  return id;
}

std::string World::message_name(MessageId id) const {
  const std::string digits = std::to_string(ledger.at(id).phone);
  const std::uint64_t salt = mix(seed ^ epoch);
  std::string raw = "\x1C\x18";
  raw += static_cast<char>(digits.size());
  raw += digits;
  raw.append("\x15\x02\x00\x11\x18\x12", 6);
  append_hex(raw, salt >> 32, 8);
  append_hex(raw, epoch, 2);
  append_hex(raw, (id ^ salt) & 0xFFFFFFFF, 8);
  raw += '\0';
  return "wamid." + base64(raw);
}

std::string World::inbound_name(std::uint64_t phone) {
  ++inbound_messages;
  last_inbound.insert(phone).first = static_cast<std::uint32_t>(inbound_messages);
  return inbound_name_of(phone, inbound_messages);
}

std::string World::inbound_name_of(std::uint64_t phone, std::uint64_t n) const {
  const std::string digits = std::to_string(phone);
  std::string raw = "\x1C\x18";
  raw += static_cast<char>(digits.size());
  raw += digits;
  raw.append("\x15\x02\x00\x12\x18\x14", 6);
  append_hex(raw, mix(seed ^ epoch ^ 0x696E), 12);
  append_hex(raw, n, 8);
  raw += '\0';
  return "wamid." + base64(raw);
}

bool World::window_open(std::uint64_t phone, std::size_t number) const {
  const std::int64_t* last = windows.find(window_key(phone, number));
  return last != nullptr && to_micros(clock.wall_now()) - *last < kWindow.count();
}

void World::open_window(std::uint64_t phone, std::size_t number) {
  windows.insert(window_key(phone, number)).first = to_micros(clock.wall_now());
}

std::uint64_t World::phone_of_user(std::string_view user_id) const {
  for (MessageId id = 0; id < ledger.size(); ++id)
    if (const std::uint64_t phone = ledger.at(id).phone; phones.user_id(phone) == user_id) return phone;
  return 0;
}

std::string World::timestamp(WallTime at) const {
  return std::to_string(to_micros(at) / (config.webhooks.millisecond_timestamps ? 1000 : 1'000'000));
}

std::uint64_t normalise_recipient(std::string_view to, std::uint64_t business_digits) {
  std::string digits;
  bool plus = false;
  for (const char c : to) {
    if (c >= '0' && c <= '9')
      digits += c;
    else if (c == '+' && digits.empty() && !plus)
      plus = true;
    else if (std::string_view(" -().").find(c) == std::string_view::npos)
      return 0;
  }
  const std::string business = std::to_string(business_digits);
  const std::string country = business.substr(0, country_code_length(business_digits));
  const bool international =
      plus || digits.size() >= 11 || (digits.starts_with(country) && digits.size() >= 10);
  if (digits.empty() || (plus && digits.starts_with('0'))) return 0;
  if (!international || digits.starts_with('0'))
    digits = country + digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.size() < 7 || digits.size() > 15) return 0;
  return digits_of(digits);
}

}  // namespace posthorn::sandbox
