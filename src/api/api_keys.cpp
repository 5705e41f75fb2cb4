#include "api/api_keys.h"

#include <array>

#include <fmt/format.h>

#include "platform/crypto.h"

namespace posthorn {
namespace {

constexpr std::string_view kPrefix = "ph_";
constexpr std::size_t kKeyLength = 3 + 43;

}  // namespace

std::string random_token(Random& random) {
  std::array<std::byte, 32> bytes{};
  random.fill(bytes);
  return to_base64url(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::string token_hash(std::string_view token) {
  return to_hex(sha256(token));
}

Task<Result<>> ApiKeys::load() {
  auto read = [](Transaction& tx) -> Result<std::vector<Entry>> {
    PH_TRY_ASSIGN(
        auto rows,
        tx.query(
            "SELECT id, name, hash, role, created_at, last_used_at, revoked_at FROM api_keys ORDER BY id"));
    std::vector<Entry> all;
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return all;
      Entry entry;
      entry.info.id = ApiKeyId{rows.integer(0)};
      entry.info.name = std::string(rows.text(1));
      entry.hash = std::string(rows.text(2));
      entry.info.role = role_from(rows.text(3)).value_or(Role::viewer);
      entry.info.created_at = wall_from_micros(rows.integer(4));
      if (!rows.is_null(5)) entry.info.last_used_at = wall_from_micros(rows.integer(5));
      if (!rows.is_null(6)) entry.info.revoked_at = wall_from_micros(rows.integer(6));
      all.push_back(std::move(entry));
    }
  };
  PH_CO_TRY_ASSIGN(auto all, co_await database_.read(std::move(read)));
  entries_.clear();
  for (auto& entry : all) {
    const auto id = entry.info.id.value;
    entries_[id] = std::move(entry);
  }
  co_return Result<>();
}

bool ApiKeys::any() const {
  for (const auto& [id, entry] : entries_)
    if (!entry.info.revoked_at) return true;
  return false;
}

std::optional<ApiKeyInfo> ApiKeys::find(std::string_view key) {
  if (!key.starts_with(kPrefix) || key.size() != kKeyLength) return std::nullopt;
  const auto hash = token_hash(key);
  Entry* owner = nullptr;
  for (auto& [id, entry] : entries_)
    if (constant_time_equal(entry.hash, hash) && !entry.info.revoked_at) owner = &entry;
  if (owner == nullptr) return std::nullopt;
  owner->info.last_used_at = clock_.wall_now();
  owner->used = true;
  return owner->info;
}

Task<Result<CreatedKey>> ApiKeys::create(std::string name, Role role) {
  CreatedKey created;
  created.key = Secret(std::string(kPrefix) + random_token(random_));
  created.info.name = name;
  created.info.role = role;
  created.info.created_at = clock_.wall_now();
  const auto hash = token_hash(created.key.reveal());
  auto insert = [info = created.info, hash](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY_ASSIGN(auto taken, tx.query("SELECT 1 FROM api_keys WHERE name = $1", {info.name}));
    PH_TRY_ASSIGN(const bool exists, taken.next());
    if (exists)
      return fail(ErrorCode::conflict,
                  fmt::format("there is a key named {} already (revoked names stay taken)", info.name),
                  "name");
    PH_TRY_ASSIGN(
        auto rows,
        tx.query("INSERT INTO api_keys (name, hash, role, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
                 {info.name, hash, to_string(info.role), to_micros(info.created_at)}));
    PH_TRY(rows.next());
    return rows.integer(0);
  };
  PH_CO_TRY_ASSIGN(created.info.id.value, co_await database_.write(std::move(insert)));
  Entry entry;
  entry.info = created.info;
  entry.hash = hash;
  entries_[created.info.id.value] = std::move(entry);
  co_return created;
}

std::vector<ApiKeyInfo> ApiKeys::list() const {
  std::vector<ApiKeyInfo> out;
  for (const auto& [id, entry] : entries_) out.push_back(entry.info);
  return out;
}

Task<Result<>> ApiKeys::revoke(std::string name) {
  Entry* found = nullptr;
  for (auto& [id, entry] : entries_)
    if (entry.info.name == name && !entry.info.revoked_at) found = &entry;
  if (found == nullptr)
    co_return fail(ErrorCode::not_found, fmt::format("there is no key named {} in force", name), "name");
  const auto id = found->info.id.value;
  const auto now = clock_.wall_now();
  auto update = [id, now, name](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY(tx.execute("DELETE FROM web_sessions WHERE made_by = $1", {name}));
    return tx.execute("UPDATE api_keys SET revoked_at = $2 WHERE id = $1", {id, to_micros(now)});
  };
  PH_CO_TRY(co_await database_.write_urgent(std::move(update)));
  entries_[id].info.revoked_at = now;
  co_return Result<>();
}

Task<Result<>> ApiKeys::save_last_used() {
  std::vector<std::pair<std::int64_t, std::int64_t>> used;
  for (auto& [id, entry] : entries_) {
    if (!std::exchange(entry.used, false)) continue;
    used.emplace_back(id, to_micros(*entry.info.last_used_at));
  }
  if (used.empty()) co_return Result<>();
  auto update = [used = std::move(used)](Transaction& tx) -> Result<> {
    for (const auto& [id, at] : used) {
      PH_TRY(tx.execute("UPDATE api_keys SET last_used_at = $2 WHERE id = $1", {id, at}));
    }
    return {};
  };
  co_return co_await database_.write(std::move(update));
}

}  // namespace posthorn
