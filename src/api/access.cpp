#include "api/access.h"

#include <fmt/format.h>

namespace posthorn {
namespace {

constexpr std::string_view kCookie = "posthorn_session";
constexpr std::string_view kBearer = "Bearer ";

bool changes_things(const HttpRequest& request) {
  return request.method != "GET" && request.method != "HEAD";
}

std::string trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

std::string cookie_value(std::string_view token, bool secure, std::int64_t max_age) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", kCookie, token, max_age,
                     secure ? "; Secure" : "");
}

}  // namespace

std::string cookie(const HttpRequest& request, std::string_view name) {
  std::string_view all = request.headers.get("Cookie");
  while (!all.empty()) {
    const auto end = std::min(all.find(';'), all.size());
    const auto pair = trimmed(all.substr(0, end));
    all.remove_prefix(std::min(end + 1, all.size()));
    const auto equals = pair.find('=');
    if (equals != std::string::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
  }
  return {};
}

Result<> check_same_origin(const HttpRequest& request) {
  const auto site = request.headers.get("Sec-Fetch-Site");
  const auto origin = request.headers.get("Origin");
  const auto host = request.headers.get("Host");
  const bool origin_fits =
      origin == fmt::format("http://{}", host) || origin == fmt::format("https://{}", host);
  const bool ours = !host.empty() &&
                    (site.empty() ? origin_fits : site == "same-origin" && (origin.empty() || origin_fits));
  if (ours) return {};
  return fail(
      ErrorCode::permission_denied,
      "this request does not come from Posthorn's own page; programs use an API key (Authorization: Bearer)");
}

Result<Caller> Access::authenticate(const HttpRequest& request, const std::string& peer) {
  const auto address = client_address(request, peer);
  if (!limiter_.allows(address, clock_.now()))
    return fail(ErrorCode::resource_exhausted, "too many wrong credentials from this address; wait a minute");
  const auto authorization = request.headers.get("Authorization");
  const auto session = cookie(request, kCookie);
  Result<Caller> caller =
      fail(ErrorCode::unauthenticated,
           "credentials are missing: send Authorization: Bearer <API key>, or open the page with a link from "
           "`posthorn key link`");
  if (!authorization.empty()) {
    caller = by_key(authorization);
  } else if (!session.empty()) {
    caller = by_session(request, session);
  } else {
    return caller;  // nothing was guessed
  }
  if (!caller && caller.error().code == ErrorCode::unauthenticated) {
    limiter_.failed(address, clock_.now());
    log_.warning("access.refused", {{"address", address}, {"path", request.path().substr(0, 200)}});
  }
  return caller;
}

Result<Caller> Access::by_key(std::string_view authorization) {
  if (!authorization.starts_with(kBearer))
    return fail(ErrorCode::unauthenticated, "use Authorization: Bearer <API key>");
  const auto owner = keys_.find(authorization.substr(kBearer.size()));
  if (!owner) return fail(ErrorCode::unauthenticated, "this API key is not known or was revoked");
  return Caller{"key:" + owner->name, owner->role};
}

Result<Caller> Access::by_session(const HttpRequest& request, std::string_view token) {
  const auto session = sessions_.find(token);
  if (!session)
    return fail(ErrorCode::unauthenticated,
                "this session has ended; open the page again with a link from `posthorn key link`");
  if (changes_things(request)) {
    PH_TRY(check_same_origin(request));
  }
  return Caller{session->actor, session->role};
}

Task<Result<Access::Login>> Access::log_in(const HttpRequest& request, std::string link_token,
                                           std::string peer) {
  const auto address = client_address(request, peer);
  if (!limiter_.allows(address, clock_.now()))
    co_return fail(ErrorCode::resource_exhausted,
                   "too many wrong credentials from this address; wait a minute");
  PH_CO_TRY(check_same_origin(request));
  PH_CO_TRY_ASSIGN(auto opened, co_await sessions_.open(std::move(link_token)));
  if (!opened) {
    limiter_.failed(address, clock_.now());
    co_return fail(
        ErrorCode::unauthenticated,
        "this link was used already or is older than 15 minutes; make a new one with `posthorn key link`");
  }
  log_.info("access.session_opened", {{"address", address}});
  const auto max_age = std::chrono::duration_cast<std::chrono::seconds>(Sessions::kAbsolute).count();
  Login login;
  login.cookie = cookie_value(opened->token, options_.secure_cookie, max_age);
  login.next_path = std::move(opened->next_path);
  co_return login;
}

Task<std::string> Access::log_out(const HttpRequest& request) {
  const auto closed = co_await sessions_.close(cookie(request, kCookie));
  if (!closed) log_.error("access.session_not_deleted", {{"reason", closed.error().message}});
  co_return cookie_value("", options_.secure_cookie, 0);
}

Task<Result<>> Access::load() {
  PH_CO_TRY(co_await keys_.load());
  co_return co_await sessions_.load();
}

Task<Result<>> Access::save_last_used() {
  PH_CO_TRY(co_await keys_.save_last_used());
  co_return co_await sessions_.save_last_seen();
}

Task<Result<CreatedKey>> Access::create_key(std::string name, Role role) {
  return keys_.create(std::move(name), role);
}

Task<Result<std::vector<ApiKeyInfo>>> Access::list_keys() {
  co_return keys_.list();
}

Task<Result<>> Access::revoke_key(std::string name) {
  PH_CO_TRY(co_await keys_.revoke(name));
  sessions_.forget_key(name);
  co_return Result<>();
}

std::string Access::make_login_path(Role role, std::string next_path, std::string actor) {
  return sessions_.make_link(role, std::move(next_path), actor);
}

}  // namespace posthorn
