#include "api/sessions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "api/api_keys.h"

namespace posthorn {
namespace {

template <class Map, class When>
auto oldest(Map& map, When when) {
  return std::ranges::min_element(map, {}, [&when](const auto& entry) { return when(entry.second); });
}

}  // namespace

std::string local_path(std::string path) {
  const bool plain = std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '\\'; });
  const bool local = path.starts_with('/') && !path.starts_with("//");
  return plain && local ? path : "/";
}

Task<Result<>> Sessions::load() {
  auto read = [](Transaction& tx) -> Result<std::map<std::string, Entry>> {
    PH_TRY_ASSIGN(auto rows,
                  tx.query("SELECT hash, actor, role, made_by, opened_at, seen_at FROM web_sessions"));
    std::map<std::string, Entry> all;
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) return all;
      Entry& entry = all[std::string(rows.text(0))];
      entry.session.actor = std::string(rows.text(1));
      entry.session.role = role_from(rows.text(2)).value_or(Role::viewer);
      entry.made_by = std::string(rows.text(3));
      entry.opened = wall_from_micros(rows.integer(4));
      entry.seen = wall_from_micros(rows.integer(5));
    }
  };
  PH_CO_TRY_ASSIGN(entries_, co_await database_.read(std::move(read)));
  const auto now = clock_.wall_now();
  std::erase_if(entries_, [this, now](const auto& one) { return expired(one.second, now); });
  co_return Result<>();
}

bool Sessions::expired(const Entry& entry, WallTime now) const {
  return now - entry.seen > kIdle || now - entry.opened > kAbsolute;
}

std::string Sessions::key_behind(std::string_view actor) const {
  if (actor.starts_with("key:")) return std::string(actor.substr(4));
  for (const auto& [hash, entry] : entries_)
    if (entry.session.actor == actor) return entry.made_by;
  return {};
}

std::string Sessions::make_link(Role role, std::string next_path, std::string_view actor) {
  if (links_.size() >= kMaxLinks) links_.erase(oldest(links_, [](const Link& link) { return link.made; }));
  const auto token = random_token(random_);
  Link link;
  link.role = role;
  link.next_path = local_path(std::move(next_path));
  link.made_by = key_behind(actor);
  link.made = clock_.now();
  links_[token_hash(token)] = std::move(link);
  return "/login#" + token;
}

std::string Sessions::make_room() {
  if (entries_.size() < kMaxSessions) return {};
  const auto gone = oldest(entries_, [](const Entry& entry) { return entry.seen; });
  std::string hash = gone->first;
  entries_.erase(gone);
  return hash;
}

Task<Result<std::optional<OpenedSession>>> Sessions::open(std::string link_token) {
  const auto found = links_.find(token_hash(link_token));
  if (found == links_.end()) co_return std::nullopt;
  const auto link = std::move(found->second);
  links_.erase(found);
  if (clock_.now() - link.made > kLinkLife) co_return std::nullopt;
  OpenedSession opened;
  opened.token = random_token(random_);
  opened.next_path = link.next_path;
  const auto hash = token_hash(opened.token);
  Entry entry;
  entry.session.actor = "web:" + hash.substr(0, 8);
  entry.session.role = link.role;
  entry.made_by = link.made_by;
  entry.opened = entry.seen = clock_.wall_now();
  const auto gone = make_room();
  entries_[hash] = entry;  // before the commit: a key that is revoked meanwhile ends it, too
  auto insert = [hash, entry, gone](Transaction& tx) -> Result<> {
    PH_TRY(tx.execute("DELETE FROM web_sessions WHERE hash = $1", {gone}));
    PH_TRY(
        tx.execute("INSERT INTO web_sessions (hash, actor, role, made_by, opened_at, seen_at) "
                   "VALUES ($1, $2, $3, $4, $5, $5)",
                   {hash, entry.session.actor, to_string(entry.session.role), entry.made_by, entry.opened}));
    return {};
  };
  // Urgent: a person who wants to pause something on a full disk must be able to sign in.
  const auto stored = co_await database_.write_urgent(std::move(insert));
  if (stored) co_return opened;
  entries_.erase(hash);
  co_return std::unexpected(stored.error());
}

std::optional<Session> Sessions::find(std::string_view token) {
  const auto found = entries_.find(token_hash(token));
  if (found == entries_.end()) return std::nullopt;
  const auto now = clock_.wall_now();
  if (expired(found->second, now)) {
    entries_.erase(found);
    return std::nullopt;
  }
  found->second.seen = now;
  found->second.used = true;
  return found->second.session;
}

Task<Result<>> Sessions::close(std::string token) {
  const auto hash = token_hash(token);
  entries_.erase(hash);
  auto remove = [hash](Transaction& tx) -> Result<> {
    PH_TRY(tx.execute("DELETE FROM web_sessions WHERE hash = $1", {hash}));
    return {};
  };
  co_return co_await database_.write_urgent(std::move(remove));
}

void Sessions::forget_key(std::string_view name) {
  std::erase_if(links_, [name](const auto& one) { return one.second.made_by == name; });
  std::erase_if(entries_, [name](const auto& one) { return one.second.made_by == name; });
}

Task<Result<>> Sessions::save_last_seen() {
  const auto now = clock_.wall_now();
  std::vector<std::pair<std::string, WallTime>> seen;
  for (auto& [hash, entry] : entries_)
    if (std::exchange(entry.used, false)) seen.emplace_back(hash, entry.seen);
  std::erase_if(entries_, [this, now](const auto& one) { return expired(one.second, now); });
  auto update = [seen = std::move(seen), now](Transaction& tx) -> Result<> {
    for (const auto& [hash, at] : seen) {
      PH_TRY(tx.execute("UPDATE web_sessions SET seen_at = $2 WHERE hash = $1", {hash, at}));
    }
    PH_TRY(tx.execute("DELETE FROM web_sessions WHERE seen_at < $1 OR opened_at < $2",
                      {now - kIdle, now - kAbsolute}));
    return {};
  };
  co_return co_await database_.write(std::move(update));
}

}  // namespace posthorn
