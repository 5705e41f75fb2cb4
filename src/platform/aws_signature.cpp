#include "platform/aws_signature.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "platform/authority.h"

namespace posthorn {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";

// Proxies and HTTP clients add or change these, so that a signature over them would break on the way.
constexpr auto kUnsignedHeaders =
    std::to_array<std::string_view>({"authorization", "connection", "content-length", "expect", "te",
                                     "transfer-encoding", "user-agent", "x-amzn-trace-id"});

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view bytes_of(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Secret hmac(const Secret& key, std::string_view text) {
  return Secret(std::string(bytes_of(HmacSha256(key)(text))));
}

// Trimmed, and inner runs of blanks become one.
std::string folded(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

struct SignedHeaders {
  std::string lines;  // "name:value\n" each
  std::string names;  // "a;b"
};

SignedHeaders signed_headers(const HttpHeaders& headers, std::string_view host) {
  std::map<std::string, std::string> by_name;
  by_name["host"] = host;
  for (const auto& [name, value] : headers) {
    const std::string key = lower(name);
    if (key == "host" || std::ranges::find(kUnsignedHeaders, key) != kUnsignedHeaders.end()) continue;
    auto [place, fresh] = by_name.try_emplace(key, folded(value));
    if (!fresh) place->second += "," + folded(value);
  }
  SignedHeaders out;
  for (const auto& [name, value] : by_name) {
    out.lines += name + ":" + value + "\n";
    out.names += (out.names.empty() ? "" : ";") + name;
  }
  return out;
}

std::string encoded_path(std::string_view path) {
  std::string out;
  while (true) {
    const std::size_t slash = path.find('/');
    out += percent_encode(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out += '/';
    path.remove_prefix(slash + 1);
  }
}

// Without ".", ".." and empty segments (RFC 3986, 5.2.4, and what AWS asks for beyond it).
std::string normalised_path(std::string_view path) {
  std::vector<std::string_view> kept;
  const bool folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
    at = end + 1;
  }
  std::string out;
  for (const std::string_view segment : kept) out += "/" + std::string(segment);
  return out.empty() || folder ? out + "/" : out;
}

std::pair<std::string_view, std::string_view> split_target(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

std::string canonical_request(std::string_view method, std::string_view path, std::string_view query,
                              const SignedHeaders& headers, std::string_view payload_hash) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", method, path, query, headers.lines, headers.names,
                     payload_hash);
}

}  // namespace

std::string aws_host(const Endpoint& endpoint) {
  std::string host;
  append_authority(host, endpoint);
  return host;
}

std::string aws_canonical_path(std::string_view wire_path, bool s3) {
  return s3 ? encoded_path(percent_decode(wire_path)) : encoded_path(normalised_path(wire_path));
}

std::string aws_canonical_query(std::string_view wire_query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!wire_query.empty()) {
    const std::size_t end = std::min(wire_query.find('&'), wire_query.size());
    const std::string_view one = wire_query.substr(0, end);
    wire_query.remove_prefix(std::min(end + 1, wire_query.size()));
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string_view value = equals < one.size() ? one.substr(equals + 1) : std::string_view();
    parameters.emplace_back(percent_encode(percent_decode(one.substr(0, equals))),
                            percent_encode(percent_decode(value)));
  }
  std::ranges::sort(parameters);
  std::string out;
  for (const auto& [name, value] : parameters) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

std::string aws_time(WallTime t) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

AwsSigner::AwsSigner(std::string region, std::string service)
    : region_(std::move(region)), service_(std::move(service)) {}

std::string AwsSigner::credential_scope(std::string_view day) const {
  return fmt::format("{}/{}/{}/aws4_request", day, region_, service_);
}

std::string AwsSigner::signature_of(std::string_view text, std::string_view day, const Secret& secret) {
  if (!key_ || key_day_ != day || key_secret_.reveal() != secret.reveal()) {
    Secret key = hmac(Secret("AWS4" + secret.reveal()), day);
    key = hmac(hmac(key, region_), service_);
    key_.emplace(hmac(key, "aws4_request"));
    key_day_ = day;
    key_secret_ = secret;
  }
  return to_hex((*key_)(text));
}

std::string AwsSigner::sign_canonical(std::string_view canonical, std::string_view time,
                                      const Secret& secret) {
  const std::string_view day = time.substr(0, 8);
  last_request_hash_ = to_hex(sha256(canonical));
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, credential_scope(day), last_request_hash_);
  return signature_of(text, day, secret);
}

void AwsSigner::sign(HttpRequest& request, std::string_view host, const AwsCredentials& credentials,
                     WallTime now) {
  const std::string time = aws_time(now);
  const bool s3 = service_ == "s3";
  const std::string payload_hash = to_hex(sha256(request.body));
  request.headers.set("X-Amz-Date", time);
  if (s3) request.headers.set("X-Amz-Content-Sha256", payload_hash);
  if (!credentials.session_token.empty())
    request.headers.set("X-Amz-Security-Token", credentials.session_token.reveal());
  const SignedHeaders headers = signed_headers(request.headers, host);
  const auto [path, query] = split_target(request.target);
  const std::string canonical = canonical_request(request.method, aws_canonical_path(path, s3),
                                                  aws_canonical_query(query), headers, payload_hash);
  const std::string signature = sign_canonical(canonical, time, credentials.secret_access_key);
  request.headers.set("Authorization", fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                                                   kAlgorithm, credentials.access_key_id,
                                                   credential_scope(std::string_view(time).substr(0, 8)),
                                                   headers.names, signature));
}

std::string AwsSigner::presign(const HttpRequest& request, std::string_view host,
                               const AwsCredentials& credentials, WallTime now, Duration expires) {
  const std::string time = aws_time(now);
  const SignedHeaders headers = signed_headers(request.headers, host);
  const auto [path, given_query] = split_target(request.target);
  std::string query(given_query);
  const auto add = [&query](std::string_view name, std::string_view value) {
    query += fmt::format("{}{}={}", query.empty() ? "" : "&", name, percent_encode(value));
  };
  add("X-Amz-Algorithm", kAlgorithm);
  add("X-Amz-Credential",
      credentials.access_key_id + "/" + credential_scope(std::string_view(time).substr(0, 8)));
  add("X-Amz-Date", time);
  add("X-Amz-Expires", std::to_string(std::chrono::floor<std::chrono::seconds>(expires).count()));
  if (!credentials.session_token.empty()) add("X-Amz-Security-Token", credentials.session_token.reveal());
  add("X-Amz-SignedHeaders", headers.names);
  query = aws_canonical_query(query);
  const std::string sent_path = aws_canonical_path(path, true);
  const std::string canonical = canonical_request(request.method, sent_path, query, headers, kUnsigned);
  const std::string signature = sign_canonical(canonical, time, credentials.secret_access_key);
  return fmt::format("{}?{}&X-Amz-Signature={}", sent_path, query, signature);
}

std::string AwsSigner::sign_policy(std::string_view policy_base64, const AwsCredentials& credentials,
                                   WallTime now) {
  const std::string time = aws_time(now);
  return signature_of(policy_base64, std::string_view(time).substr(0, 8), credentials.secret_access_key);
}

}  // namespace posthorn
