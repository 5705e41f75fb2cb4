// The people at the other end: what a phone does with a message is a pure function of its number, the message
// and the configured shares, unless a test has said otherwise.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"
#include "sandbox/config.h"
#include "sandbox/flat_map.h"

namespace posthorn::sandbox {

enum class PhoneKind : std::uint8_t { receives, not_on_whatsapp, not_chosen, blocked, switched_off, fails };

// What a test decides about one number; unset members follow the hash.
struct PhoneOverride {
  std::optional<PhoneKind> kind;
  int error_code = 0;  // for PhoneKind::fails
  std::optional<bool> reads, opts_out;
  std::optional<std::string> replies;  // text; empty: does not reply
  int taps = 0;  // of the next so many messages with buttons or list rows the first one is tapped
  std::optional<Duration> delivered_after, read_after, reply_after;
};

// The journey of one message.
struct Journey {
  int error = 0;  // not 0: fails with this code and nothing follows `sent`
  bool delivered = false, read = false, opts_out = false;
  std::string_view reply;  // empty: none
  Duration sent_after{}, delivered_after{}, read_after{},
      reply_after{};  // each since the one before; reply since delivered
};

class Phones {
 public:
  Phones(const PhoneBehaviourConfig& config, std::uint64_t seed) : config_(config), seed_(seed) {}

  // `salt` distinguishes messages to the same phone.
  Journey journey(std::uint64_t phone, std::uint64_t salt) const;
  PhoneKind kind(std::uint64_t phone) const;

  // "…0000131026": numbers whose last ten digits are 0000 and a known Graph code fail with that code.
  static int magic_error(std::uint64_t phone);

  void set_override(std::uint64_t phone, PhoneOverride what);
  void clear_overrides() { overrides_.clear(); }
  const PhoneOverride* find_override(std::uint64_t phone) const;
  // Counts one tap down; false when none is left.
  bool use_tap(std::uint64_t phone);

  bool opted_out(std::uint64_t phone) const {
    return opted_out_.find(phone) != nullptr && *opted_out_.find(phone);
  }
  void set_opted_out(std::uint64_t phone, bool value) { opted_out_.insert(phone).first = value; }

  // The business-scoped user id; another one after each rotation (Meta: a person who changes their number).
  std::string user_id(std::uint64_t phone) const;
  void rotate_user_id(std::uint64_t phone) { ++rotations_[phone]; }

  const PhoneBehaviourConfig& config() const { return config_; }
  void set_config(const PhoneBehaviourConfig& config) { config_ = config; }
  void clear();

 private:
  PhoneBehaviourConfig config_;
  std::uint64_t seed_;
  std::map<std::uint64_t, PhoneOverride> overrides_;
  std::map<std::uint64_t, std::uint32_t> rotations_;
  FlatMap<bool> opted_out_;
};

// ISO 3166 country of the commonest calling codes; "US" for the rest. Only for user ids and country codes.
std::string_view country_of(std::uint64_t phone);
// The business-scoped user id of a phone, the same for all numbers of the portfolio: "DE.1349…".
std::string user_id_of(std::uint64_t phone, std::uint32_t rotation = 0);
std::string profile_name_of(std::uint64_t phone);

}  // namespace posthorn::sandbox
