#include "sandbox/phones.h"

#include <array>

#include "sandbox/dice.h"
#include "sandbox/graph_error.h"

namespace posthorn::sandbox {
namespace {

constexpr std::uint64_t kTenDigits = 10'000'000'000ULL;

struct Country {
  std::string_view prefix, iso;
};
// Longer prefixes first where one begins like another.
constexpr auto kCountries = std::to_array<Country>({
    {"971", "AE"}, {"966", "SA"}, {"972", "IL"}, {"880", "BD"}, {"852", "HK"}, {"886", "TW"}, {"254", "KE"},
    {"234", "NG"}, {"351", "PT"}, {"353", "IE"}, {"358", "FI"}, {"420", "CZ"}, {"212", "MA"}, {"593", "EC"},
    {"91", "IN"},  {"49", "DE"},  {"44", "GB"},  {"33", "FR"},  {"34", "ES"},  {"39", "IT"},  {"31", "NL"},
    {"32", "BE"},  {"41", "CH"},  {"43", "AT"},  {"45", "DK"},  {"46", "SE"},  {"47", "NO"},  {"48", "PL"},
    {"30", "GR"},  {"36", "HU"},  {"40", "RO"},  {"55", "BR"},  {"52", "MX"},  {"54", "AR"},  {"56", "CL"},
    {"57", "CO"},  {"51", "PE"},  {"61", "AU"},  {"62", "ID"},  {"60", "MY"},  {"63", "PH"},  {"64", "NZ"},
    {"65", "SG"},  {"66", "TH"},  {"81", "JP"},  {"82", "KR"},  {"84", "VN"},  {"90", "TR"},  {"92", "PK"},
    {"94", "LK"},  {"20", "EG"},  {"27", "ZA"},  {"7", "RU"},   {"1", "US"},
});

constexpr auto kFirstNames =
    std::to_array<std::string_view>({"Anna", "Jonas", "Mia", "Luca", "Priya", "Rahul", "Sofía", "Mateo",
                                     "Emma", "Noah", "Zoë", "Jürgen", "Aylin", "Kofi", "Yuki", "Olivia"});

Duration within(std::uint64_t bits, Duration low, Duration high) {
  if (high <= low) return low;
  return low +
         Duration(static_cast<std::int64_t>(bits % (static_cast<std::uint64_t>((high - low).count()) + 1)));
}

int error_of(PhoneKind kind, const PhoneOverride* said) {
  switch (kind) {
    case PhoneKind::not_on_whatsapp:
      return 131026;
    case PhoneKind::not_chosen:
      return 131049;
    case PhoneKind::fails:
      return said != nullptr && said->error_code != 0 ? said->error_code : 131026;
    default:
      return 0;
  }
}

}  // namespace

int Phones::magic_error(std::uint64_t phone) {
  const std::uint64_t tail = phone % kTenDigits;
  return tail >= 100'000 && tail < 1'000'000 && known_error(static_cast<int>(tail)) ? static_cast<int>(tail)
                                                                                    : 0;
}

PhoneKind Phones::kind(std::uint64_t phone) const {
  if (const PhoneOverride* said = find_override(phone); said != nullptr && said->kind) return *said->kind;
  if (magic_error(phone) != 0) return PhoneKind::fails;
  double u = to_unit(mix(phone ^ seed_));
  if ((u -= config_.receive) < 0) return PhoneKind::receives;
  if ((u -= config_.not_on_whatsapp) < 0) return PhoneKind::not_on_whatsapp;
  if ((u -= config_.not_chosen) < 0) return PhoneKind::not_chosen;
  return u - config_.blocked < 0 ? PhoneKind::blocked : PhoneKind::switched_off;
}

Journey Phones::journey(std::uint64_t phone, std::uint64_t salt) const {
  const PhoneOverride* said = find_override(phone);
  Dice dice(mix(phone ^ seed_) ^ mix(salt + 1));
  Journey j;
  const PhoneKind k = kind(phone);
  j.error = said == nullptr && k == PhoneKind::fails ? magic_error(phone) : error_of(k, said);
  j.delivered = k == PhoneKind::receives;
  j.sent_after = within(dice.next(), config_.sent_delay_min, config_.sent_delay_max);
  j.delivered_after = within(dice.next(), config_.delivered_delay_min, config_.delivered_delay_max);
  j.read_after = within(dice.next(), config_.read_delay_min, config_.read_delay_max);
  j.reply_after = within(dice.next(), config_.reply_delay_min, config_.reply_delay_max);
  if (!j.delivered) return j;
  j.read = dice.unit() < config_.read;
  const double answer = dice.unit();
  j.opts_out = dice.unit() < config_.opt_out;
  if (answer < config_.reply_stop)
    j.reply = "STOP";
  else if (answer < config_.reply_stop + config_.reply)
    j.reply = "Thank you!";
  if (said == nullptr) return j;
  j.read = said->reads.value_or(j.read);
  j.opts_out = said->opts_out.value_or(j.opts_out);
  if (said->replies) j.reply = *said->replies;
  j.delivered_after = said->delivered_after.value_or(j.delivered_after);
  j.read_after = said->read_after.value_or(j.read_after);
  j.reply_after = said->reply_after.value_or(j.reply_after);
  return j;
}

void Phones::set_override(std::uint64_t phone, PhoneOverride what) {
  overrides_.insert_or_assign(phone, std::move(what));
}

const PhoneOverride* Phones::find_override(std::uint64_t phone) const {
  if (overrides_.empty()) return nullptr;
  const auto it = overrides_.find(phone);
  return it == overrides_.end() ? nullptr : &it->second;
}

bool Phones::use_tap(std::uint64_t phone) {
  const auto it = overrides_.find(phone);
  if (it == overrides_.end() || it->second.taps <= 0) return false;
  --it->second.taps;
  return true;
}

std::string Phones::user_id(std::uint64_t phone) const {
  if (rotations_.empty()) return user_id_of(phone);
  const auto it = rotations_.find(phone);
  return user_id_of(phone, it == rotations_.end() ? 0 : it->second);
}

void Phones::clear() {
  overrides_.clear();
  rotations_.clear();
  opted_out_.clear();
}

std::string_view country_of(std::uint64_t phone) {
  const std::string digits = std::to_string(phone);
  for (const Country& c : kCountries)
    if (digits.starts_with(c.prefix)) return c.iso;
  return "US";
}

std::string user_id_of(std::uint64_t phone, std::uint32_t rotation) {
  std::string out(country_of(phone));
  out += '.';
  out += std::to_string(1'000'000'000'000'000'000ULL +
                        mix(phone + rotation * kTenDigits) % 9'000'000'000'000'000'000ULL);
  return out;
}

std::string profile_name_of(std::uint64_t phone) {
  const std::uint64_t h = mix(phone ^ 0x6E616D65);
  std::string out(kFirstNames[h % kFirstNames.size()]);
  out += ' ';
  out += static_cast<char>('A' + (h >> 8) % 26);
  out += '.';
  return out;
}

}  // namespace posthorn::sandbox
