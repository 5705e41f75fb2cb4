#include "api/sessions.h"

#include <algorithm>

#include "api/api_keys.h"

namespace posthorn {
namespace {

template <class Map, class When>
void drop_oldest(Map& map, std::size_t limit, When when) {
  if (map.size() < limit) return;
  map.erase(std::ranges::min_element(map, {}, [&when](const auto& entry) { return when(entry.second); }));
}

}  // namespace

std::string local_path(std::string path) {
  const bool plain = std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '\\'; });
  const bool local = path.starts_with('/') && !path.starts_with("//");
  return plain && local ? path : "/";
}

std::string Sessions::make_link(Role role, std::string next_path) {
  drop_oldest(links_, kMaxLinks, [](const Link& link) { return link.made; });
  const auto token = random_token(random_);
  Link link;
  link.role = role;
  link.next_path = local_path(std::move(next_path));
  link.made = clock_.now();
  links_[token_hash(token)] = std::move(link);
  return "/login#" + token;
}

std::optional<OpenedSession> Sessions::open(std::string_view link_token) {
  const auto found = links_.find(token_hash(link_token));
  if (found == links_.end()) return std::nullopt;
  const auto link = std::move(found->second);
  links_.erase(found);
  if (clock_.now() - link.made > kLinkLife) return std::nullopt;
  drop_oldest(entries_, kMaxSessions, [](const Entry& entry) { return entry.seen; });
  OpenedSession opened;
  opened.token = random_token(random_);
  opened.next_path = link.next_path;
  const auto hash = token_hash(opened.token);
  Entry entry;
  entry.session.actor = "web:" + hash.substr(0, 8);
  entry.session.role = link.role;
  entry.opened = entry.seen = clock_.now();
  entries_[hash] = std::move(entry);
  return opened;
}

std::optional<Session> Sessions::find(std::string_view token) {
  const auto found = entries_.find(token_hash(token));
  if (found == entries_.end()) return std::nullopt;
  const auto now = clock_.now();
  if (now - found->second.seen > kIdle || now - found->second.opened > kAbsolute) {
    entries_.erase(found);
    return std::nullopt;
  }
  found->second.seen = now;
  return found->second.session;
}

void Sessions::close(std::string_view token) {
  entries_.erase(token_hash(token));
}

}  // namespace posthorn
