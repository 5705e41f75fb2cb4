// Request bodies for POST /{phone number id}/messages.
//
// Sources: Meta's send-template, text message and read-receipt references; Meta's OpenAPI description v23.0.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "channels/whatsapp/template.h"
#include "core/result.h"

namespace posthorn::whatsapp {

// Slot name → value. Missing and empty are the same.
using SlotValues = std::map<std::string, std::string, std::less<>>;

// To whom. If both are given, Meta uses the phone number.
struct Address {
  std::string_view digits;   // E.164 without "+": "491701234567"
  std::string_view user_id;  // business-scoped user id: "US.13491208655302741918"
};

struct CompileOptions {
  // Slots that take another value for each row, in the order in which render() gets the values.
  std::vector<std::string> variables;
  // Slots with the same value for all. Slots in neither are left out, which is an error for required ones.
  SlotValues constants;
  // Body slots to be sent as currency or date_time in place of text.
  std::map<std::string, SlotType, std::less<>> types;
};

// A template turned into constant JSON and slots, once a campaign, so that rendering one message copies about
// a kilobyte. Immutable after compile(); copies are independent.
class CompiledTemplateMessage {
 public:
  // invalid_argument naming the slot in `field`: unknown slot, required slot missing, constant that breaks
  // its rules.
  static Result<CompiledTemplateMessage> compile(Template message_template, CompileOptions options);

  const Template& message_template() const { return template_; }
  // The variable slots, in the order of CompileOptions::variables.
  std::span<const Slot> variables() const { return slots_; }

  // Whether Meta would take these values (one a variable slot): required ones filled, formats, lengths of the
  // values and of the texts they make. The error's `field` is the slot name. Costs well under a microsecond
  // when all is well.
  Result<> check(std::span<const std::string_view> values) const;

  // Appends the request body. The values must have passed check(): they are escaped here, not judged again.
  // Optional slots with empty values leave their component out. An empty token leaves
  // biz_opaque_callback_data out (at most 512 bytes).
  void render(std::string& out, const Address& to, std::span<const std::string_view> values,
              std::string_view token) const;

  // The message as a person would see it: header, body, footer and buttons with values filled in.
  std::string preview(std::span<const std::string_view> values) const;

 private:
  friend class ProgramBuilder;
  // One step of rendering.
  struct Op {
    enum class Kind : unsigned char {
      literal,        // append literals_[begin, end)
      string,         // value of slot `begin` as a JSON string
      raw,            // the value as it is: JSON or a number
      media,          // "id":"…" or "link":"…"
      currency,       // {"fallback_value":…,"code":…,"amount_1000":…}
      milliseconds,   // an expiration as an integer
      skip_if_empty,  // go on at op `target` when the values of the slots groups_[begin, end) are all empty
      comma,          // "," unless an array or object has just been opened
    };
    Kind kind = Kind::literal;
    std::uint32_t begin = 0, end = 0, target = 0;
  };
  // A text of the message with a limit on its filled-in length.
  struct LengthRule {
    std::string part;                  // "body"
    std::size_t limit = 0, fixed = 0;  // characters
    std::vector<std::uint32_t> slots;  // one for each appearance
  };

  static Op::Kind encoding_of(SlotType type);
  static void append_value(std::string& out, Op::Kind kind, std::string_view value);
  Result<> check_lengths(std::span<const std::string_view> values) const;

  Template template_;
  CompileOptions options_;
  std::vector<Slot> slots_;
  std::string literals_;
  std::vector<Op> ops_;
  std::vector<std::uint32_t> groups_;  // slot indices that skip_if_empty refers to
  std::vector<LengthRule> length_rules_;
};

// One message with all values at once, fully checked; for single sends. Without token: see
// append_with_token().
Result<std::string> render_template_message(const Template& message_template, const SlotValues& values,
                                            const Address& to);

// As CompiledTemplateMessage::preview(); slots without a value show as {{name}}.
std::string render_preview(const Template& message_template, const SlotValues& values);

// Checks one value against its slot's rules. Empty values are refused for required slots only.
Result<> check_value(const Slot& slot, std::string_view value);

// A text message (1 to 4096 characters, only inside the 24-hour window), for confirmations of opt-out and
// replies. `reply_to` is the wamid to quote; empty: none.
Result<std::string> text_message(const Address& to, std::string_view body, std::string_view reply_to = {});

// Marks a received message and all before it as read; with `typing` shows "typing…" for up to 25 s.
std::string mark_read(std::string_view wamid, bool typing = false);

// Appends `payload` (a JSON object without biz_opaque_callback_data) with the token as its last member.
void append_with_token(std::string& out, std::string_view payload, std::string_view token);

}  // namespace posthorn::whatsapp
