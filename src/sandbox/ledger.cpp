#include "sandbox/ledger.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace posthorn::sandbox {
namespace {

constexpr std::size_t kBlock = 1 << 15;       // entries
constexpr std::size_t kArenaChunk = 1 << 20;  // bytes
constexpr std::size_t kMaxToken = 1023;       // Meta's limit is 512
constexpr std::uint32_t kNone = 0xFFFFFFFF;

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t h = text.size();
  std::uint64_t word = 0;
  while (text.size() >= 8) {
    std::memcpy(&word, text.data(), 8);
    h = mix(h ^ word);
    text.remove_prefix(8);
  }
  word = 0;
  std::memcpy(&word, text.data(), text.size());
  return mix(h ^ word);
}

std::string_view first_fields(std::string_view token, int fields) {
  if (fields <= 0) return token;
  std::size_t end = 0;
  for (int i = 0; i < fields; ++i) {
    const std::size_t dot = token.find('.', end);
    if (dot == std::string_view::npos) return token;
    end = dot + 1;
  }
  return token.substr(0, end);
}

std::uint64_t count_repeats(std::vector<std::uint64_t>& keys) {
  std::ranges::sort(keys);
  std::uint64_t repeats = 0;
  for (std::size_t i = 1; i < keys.size(); ++i) repeats += keys[i] == keys[i - 1] ? 1 : 0;
  return repeats;
}

}  // namespace

// 32 bytes: millions of them are the whole cost of a long run, beside the tokens.
struct Ledger::Entry {
  std::int64_t at_us;
  std::uint64_t phone;
  std::uint64_t token_at : 40, token_length : 10, error : 14;
  std::uint32_t before;  // the message to the same phone before this one
  std::uint16_t subject;
  std::uint8_t number;
  Fate fate;
};

struct Ledger::Block {
  std::array<Entry, kBlock> entries;
};

Ledger::Ledger() {
  clear();
}
Ledger::~Ledger() = default;

void Ledger::clear() {
  blocks_.clear();
  arena_.clear();
  arena_used_ = 0;
  size_ = 0;
  last_of_phone_.clear();
  token_index_.assign(1024, 0);
  tokens_ = 0;
  duplicate_tokens_ = 0;
  std::ranges::fill(by_fate_, 0);
  bodies_.clear();
  errors_.assign(1, 0);
}

Ledger::Entry& Ledger::entry(MessageId id) const {
  if (id >= size_) throw std::out_of_range("message " + std::to_string(id) + " is not in the ledger");
  return blocks_[id / kBlock]->entries[id % kBlock];
}

std::string_view Ledger::token_of(const Entry& e) const {
  if (e.token_length == 0) return {};
  return {arena_[e.token_at / kArenaChunk].get() + e.token_at % kArenaChunk, e.token_length};
}

MessageId Ledger::append(std::uint64_t phone, std::uint8_t number, std::uint16_t subject,
                         std::string_view token, WallTime at) {
  token = token.substr(0, kMaxToken);
  if (arena_used_ % kArenaChunk + token.size() > kArenaChunk)
    arena_used_ += kArenaChunk - arena_used_ % kArenaChunk;
  if (arena_used_ / kArenaChunk >= arena_.size())
    arena_.push_back(std::make_unique_for_overwrite<char[]>(kArenaChunk));
  token.copy(arena_[arena_used_ / kArenaChunk].get() + arena_used_ % kArenaChunk, token.size());

  if (size_ % kBlock == 0) blocks_.push_back(std::make_unique_for_overwrite<Block>());
  const auto id = static_cast<MessageId>(size_++);
  const auto [last, fresh] = last_of_phone_.insert(phone);
  entry(id) = Entry{to_micros(at),        phone,   arena_used_, token.size(),  0,
                    fresh ? kNone : last, subject, number,      Fate::accepted};
  last = id;
  arena_used_ += token.size();
  ++by_fate_[static_cast<std::size_t>(Fate::accepted)];
  if (token.empty()) return id;

  if ((tokens_ + 1) * 10 > token_index_.size() * 7) grow_token_index();
  std::size_t slot = hash_text(token) & (token_index_.size() - 1);
  while (token_index_[slot] != 0 && token_of(entry(token_index_[slot] - 1)) != token)
    slot = (slot + 1) & (token_index_.size() - 1);
  if (token_index_[slot] != 0) {
    ++duplicate_tokens_;
  } else {
    token_index_[slot] = id + 1;
    ++tokens_;
  }
  return id;
}

void Ledger::grow_token_index() {
  std::vector<std::uint32_t> fresh(token_index_.size() * 2);
  for (const std::uint32_t id : token_index_) {
    if (id == 0) continue;
    std::size_t slot = hash_text(token_of(entry(id - 1))) & (fresh.size() - 1);
    while (fresh[slot] != 0) slot = (slot + 1) & (fresh.size() - 1);
    fresh[slot] = id;
  }
  token_index_.swap(fresh);
}

void Ledger::set_fate(MessageId id, Fate fate, int error) {
  Entry& e = entry(id);
  --by_fate_[static_cast<std::size_t>(e.fate)];
  e.fate = fate;
  ++by_fate_[static_cast<std::size_t>(fate)];
  if (error == 0) return;
  auto it = std::ranges::find(errors_, error);
  if (it == errors_.end()) it = errors_.insert(it, error);
  e.error = static_cast<std::uint64_t>(it - errors_.begin()) & 0x3FFF;
}

Message Ledger::at(MessageId id) const {
  const Entry& e = entry(id);
  return Message{
      id, e.phone, e.number, e.subject, e.fate, errors_[e.error], wall_from_micros(e.at_us), token_of(e)};
}

std::string_view Ledger::body(MessageId id) const {
  const auto it = bodies_.find(id);
  return it == bodies_.end() ? std::string_view() : std::string_view(it->second);
}

std::vector<Message> Ledger::messages_for(std::uint64_t phone) const {
  std::vector<Message> out;
  const MessageId* last = last_of_phone_.find(phone);
  for (std::uint32_t id = last == nullptr ? kNone : *last; id != kNone; id = entry(id).before)
    out.push_back(at(id));
  std::ranges::reverse(out);
  return out;
}

std::vector<Message> Ledger::messages_with_token(std::string_view token) const {
  std::vector<Message> out;
  for (MessageId id = 0; id < size_; ++id)
    if (token_of(entry(id)) == token) out.push_back(at(id));
  return out;
}

std::uint64_t Ledger::received_by(std::uint64_t phone) const {
  const auto messages = messages_for(phone);
  return static_cast<std::uint64_t>(std::ranges::count_if(
      messages, [](const Message& m) { return m.fate == Fate::received || m.fate == Fate::read; }));
}

LedgerTotals Ledger::totals() const {
  const auto fate = [&](Fate f) { return by_fate_[static_cast<std::size_t>(f)]; };
  LedgerTotals t;
  t.accepted = size_;
  t.read = fate(Fate::read);
  t.received = fate(Fate::received) + t.read;
  t.failed = fate(Fate::failed);
  t.held = fate(Fate::held);
  t.in_transit = fate(Fate::accepted) + fate(Fate::sent);
  t.phones = last_of_phone_.size();
  t.tokens = tokens_;
  t.duplicate_tokens = duplicate_tokens_;
  std::vector<std::uint64_t> keys;
  keys.reserve(size_);
  for (MessageId id = 0; id < size_; ++id)
    keys.push_back(mix(entry(id).phone) ^ mix(~std::uint64_t{entry(id).subject}));
  t.duplicate_phone_subject = count_repeats(keys);
  return t;
}

std::uint64_t Ledger::duplicates_by_token_fields(int fields) const {
  std::vector<std::uint64_t> keys;
  for (MessageId id = 0; id < size_; ++id)
    if (const auto token = token_of(entry(id)); !token.empty())
      keys.push_back(hash_text(first_fields(token, fields)));
  return count_repeats(keys);
}

std::size_t Ledger::memory_bytes() const {
  return blocks_.size() * sizeof(Block) + arena_.size() * kArenaChunk + last_of_phone_.memory_bytes() +
         token_index_.capacity() * sizeof(std::uint32_t);
}

std::uint16_t Ledger::subject(std::string_view name) {
  if (const auto it = subject_ids_.find(name); it != subject_ids_.end()) return it->second;
  const auto id = static_cast<std::uint16_t>(subjects_.size());
  subjects_.emplace_back(name);
  subject_ids_.emplace(std::string(name), id);
  return id;
}

}  // namespace posthorn::sandbox
