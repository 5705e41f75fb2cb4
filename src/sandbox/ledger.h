// The truth: which message every phone was sent and received. Compact enough for millions of messages,
// independent of everything the product believes.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "sandbox/flat_map.h"

namespace posthorn::sandbox {

using MessageId = std::uint32_t;  // position in the ledger

// How far a message came on its way to the phone. `received` and `read` mean that the phone has it.
enum class Fate : std::uint8_t { accepted, sent, received, read, failed, held };

struct Message {
  MessageId id = 0;
  std::uint64_t phone = 0;  // digits
  std::uint8_t number = 0;  // index of the business number
  std::uint16_t subject =
      0;  // Ledger::subject_name(): template name/language, or the type of a free-form message
  Fate fate = Fate::accepted;
  int error = 0;           // Graph code of a failed message
  WallTime at;             // arrival of the request
  std::string_view token;  // biz_opaque_callback_data; valid until the next append
};

struct LedgerTotals {
  std::uint64_t accepted = 0;  // requests that were processed, whether or not the sender saw the answer
  std::uint64_t received = 0;  // of these on the phone (read ones included)
  std::uint64_t read = 0;
  std::uint64_t failed = 0;
  std::uint64_t held = 0;
  std::uint64_t in_transit = 0;               // accepted or sent, fate not decided or phone switched off
  std::uint64_t phones = 0;                   // different recipients
  std::uint64_t tokens = 0;                   // different tokens
  std::uint64_t duplicate_tokens = 0;         // messages beyond the first with the same token
  std::uint64_t duplicate_phone_subject = 0;  // messages beyond the first with the same phone and template
};

class Ledger {
 public:
  Ledger();
  ~Ledger();

  MessageId append(std::uint64_t phone, std::uint8_t number, std::uint16_t subject, std::string_view token,
                   WallTime at);
  void set_fate(MessageId id, Fate fate, int error = 0);
  void keep_body(MessageId id, std::string body) { bodies_.insert_or_assign(id, std::move(body)); }

  std::size_t size() const { return size_; }
  Message at(MessageId id) const;
  std::string_view body(MessageId id) const;                     // empty if not kept
  std::vector<Message> messages_for(std::uint64_t phone) const;  // in order of arrival
  std::vector<Message> messages_with_token(std::string_view token) const;
  std::uint64_t received_by(std::uint64_t phone) const;

  LedgerTotals totals() const;  // duplicate_phone_subject costs a sort over everything
  // Messages beyond the first whose tokens agree in their first `fields` dot-separated fields (campaign and
  // row, say, without the attempt). 0 fields: the whole token.
  std::uint64_t duplicates_by_token_fields(int fields) const;
  std::size_t memory_bytes() const;
  void clear();

  std::uint16_t subject(std::string_view name);  // interned; stable until the end
  std::string_view subject_name(std::uint16_t subject) const { return subjects_.at(subject); }

 private:
  struct Entry;
  struct Block;
  Entry& entry(MessageId id) const;
  std::string_view token_of(const Entry& e) const;
  void grow_token_index();

  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<std::unique_ptr<char[]>> arena_;  // token bytes, 1 MiB each; no token crosses a border
  std::uint64_t arena_used_ = 0;
  std::size_t size_ = 0;
  FlatMap<MessageId> last_of_phone_;
  std::vector<std::uint32_t> token_index_;  // open addressing; id + 1 of the first message with a token
  std::size_t tokens_ = 0;
  std::uint64_t duplicate_tokens_ = 0;
  std::uint64_t by_fate_[6] = {};
  std::map<MessageId, std::string> bodies_;
  std::vector<std::string> subjects_;
  std::map<std::string, std::uint16_t, std::less<>> subject_ids_;
  std::vector<int> errors_;  // interned error codes
};

}  // namespace posthorn::sandbox
