#include "sandbox/aws_signature_check.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <vector>

#include "platform/crypto.h"

namespace posthorn::sandbox {
namespace {

using Kind = AwsRefusal::Kind;
constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256", kUnsigned = "UNSIGNED-PAYLOAD";
constexpr long kLongestPresigned = 604'800;  // seconds

std::unexpected<AwsRefusal> refuse(Kind kind, std::string message) {
  return std::unexpected(AwsRefusal{kind, std::move(message), {}, {}});
}

// What a request says about its signature, in whichever place.
struct Claim {
  std::string key, date, region, service, time, signature, token;
  std::vector<std::string> headers;
  bool presigned = false;
  long expires = 0;  // seconds; presigned only
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; });
  return out;
}

bool unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").contains(c);
}

std::string encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (unreserved(c) || (keep_slash && c == '/')) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = static_cast<char>(c | 32);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string without_dots(std::string_view path) {
  std::vector<std::string> kept;
  const std::vector<std::string> segments = split(path, '/');
  for (const std::string& segment : segments) {
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!segment.empty() && segment != "." && segment != "..") kept.push_back(segment);
  }
  std::string out;
  for (const std::string& segment : kept) out += "/" + segment;
  const std::string& last = segments.back();
  const bool folder = last.empty() || last == "." || last == "..";
  return out.empty() || folder ? out + "/" : out;
}

// S3 counts the path encoded once; all others take what was on the wire, normalised, and encode it once more.
std::string canonical_path(std::string_view wire, bool s3) {
  return s3 ? encode(decode(wire), true) : encode(without_dots(wire), true);
}

std::string canonical_query(std::string_view wire) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string& one : split(wire, '&')) {
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    std::string name = encode(decode(one.substr(0, equals)), false);
    std::string value = equals < one.size() ? encode(decode(one.substr(equals + 1)), false) : std::string();
    if (name != "X-Amz-Signature") all.emplace_back(std::move(name), std::move(value));
  }
  std::ranges::sort(all);
  std::string out;
  for (const auto& [name, value] : all) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

// All values of a header, trimmed, inner runs of spaces made one, joined with commas.
std::optional<std::string> header_value(const HttpRequest& request, std::string_view name) {
  std::optional<std::string> out;
  for (const auto& [given, value] : request.headers) {
    if (lower(given) != name) continue;
    std::string folded;
    for (const std::string& word : split(value, ' '))
      if (!word.empty()) folded += (folded.empty() ? "" : " ") + word;
    out = out ? *out + "," + folded : folded;
  }
  return out;
}

std::expected<Claim, AwsRefusal> read_credential(Claim claim, std::string_view credential) {
  const std::vector<std::string> parts = split(credential, '/');
  if (parts.size() != 5 || parts[4] != "aws4_request")
    return refuse(Kind::incomplete, "Credential must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request");
  claim.key = parts[0];
  claim.date = parts[1];
  claim.region = parts[2];
  claim.service = parts[3];
  return claim;
}

std::expected<Claim, AwsRefusal> claim_of_header(const HttpRequest& request) {
  std::string_view text = request.headers.get("Authorization");
  if (request.headers.count("Authorization") != 1 || !text.starts_with(kAlgorithm))
    return refuse(Kind::missing, "the request has no signature of Amazon's");
  text.remove_prefix(kAlgorithm.size());
  Claim claim;
  std::string credential;
  for (const std::string& part : split(text, ',')) {
    const std::size_t begin = std::min(part.find_first_not_of(' '), part.size());
    const std::string one = part.substr(begin);
    if (one.starts_with("Credential=")) credential = one.substr(11);
    if (one.starts_with("SignedHeaders=")) claim.headers = split(one.substr(14), ';');
    if (one.starts_with("Signature=")) claim.signature = one.substr(10);
  }
  claim.time = request.headers.get("X-Amz-Date");
  claim.token = request.headers.get("X-Amz-Security-Token");
  return read_credential(std::move(claim), credential);
}

std::expected<Claim, AwsRefusal> claim_of_query(const HttpRequest& request) {
  Claim claim;
  claim.presigned = true;
  if (request.query("X-Amz-Algorithm") != kAlgorithm)
    return refuse(Kind::incomplete, "X-Amz-Algorithm must be AWS4-HMAC-SHA256");
  claim.headers = split(request.query("X-Amz-SignedHeaders"), ';');
  claim.signature = request.query("X-Amz-Signature");
  claim.time = request.query("X-Amz-Date");
  claim.token = request.query("X-Amz-Security-Token");
  const std::string expires = request.query("X-Amz-Expires");
  const auto end = std::from_chars(expires.data(), expires.data() + expires.size(), claim.expires);
  if (end.ec != std::errc() || claim.expires < 1 || claim.expires > kLongestPresigned)
    return refuse(Kind::incomplete, "X-Amz-Expires must be between 1 and 604800");
  return read_credential(std::move(claim), request.query("X-Amz-Credential"));
}

// "20150830T123600Z"
std::optional<WallTime> read_time(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const auto number = [text](std::size_t at, std::size_t count) {
    int n = -1;
    const char* end = text.data() + at + count;
    return std::from_chars(text.data() + at, end, n).ptr == end ? n : -1;
  };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(4, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(6, 2)))};
  const int hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (!day.ok() || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  return WallTime(std::chrono::sys_days(day)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

AwsVerdict check_time(const AwsGate& gate, const Claim& claim, WallTime now) {
  const std::optional<WallTime> at = read_time(claim.time);
  if (!at) return refuse(Kind::incomplete, "X-Amz-Date must look like 20150830T123600Z");
  if (claim.date != claim.time.substr(0, 8))
    return refuse(Kind::incomplete, "Credential must name the day of X-Amz-Date");
  const Duration life =
      claim.presigned ? Duration(std::chrono::seconds(claim.expires)) : gate.clock_tolerance;
  if (now - *at > life) return refuse(Kind::expired, "Signature expired: " + claim.time + " is too long ago");
  if (*at - now > gate.clock_tolerance)
    return refuse(Kind::expired, "Signature not yet current: " + claim.time + " is still to come");
  return {};
}

AwsVerdict check_scope(const AwsGate& gate, const Claim& claim) {
  if (claim.key != gate.access_key_id)
    return refuse(Kind::unknown_key, "the access key " + claim.key + " is unknown");
  if (claim.region != gate.region || claim.service != gate.service)
    return refuse(Kind::incomplete, "Credential should be scoped to " + gate.region + "/" + gate.service +
                                        ", not " + claim.region + "/" + claim.service);
  if (claim.token != gate.session_token.reveal())
    return refuse(Kind::bad_token, "the security token is not valid");
  return {};
}

AwsVerdict check_headers(const HttpRequest& request, const Claim& claim) {
  const auto& names = claim.headers;
  if (!std::ranges::is_sorted(names) || std::ranges::adjacent_find(names) != names.end())
    return refuse(Kind::incomplete, "SignedHeaders must be sorted, each name once");
  if (!std::ranges::binary_search(names, "host"))
    return refuse(Kind::incomplete, "the header host must be signed");
  for (const std::string& name : names) {
    if (name != lower(name) || !header_value(request, name))
      return refuse(Kind::incomplete,
                    "the signed header " + name + " is not in the request or not in lower case");
  }
  for (const auto& [name, value] : request.headers) {
    const std::string small = lower(name);
    const bool needed = small.starts_with("x-amz-") || (small == "content-type" && !claim.presigned);
    if (needed && !std::ranges::binary_search(names, small))
      return refuse(Kind::incomplete, "the header " + small + " must be signed");
  }
  return {};
}

std::expected<std::string, AwsRefusal> payload_hash(const AwsGate& gate, const HttpRequest& request,
                                                    const Claim& claim) {
  if (claim.presigned) return std::string(kUnsigned);
  const std::string actual = to_hex(sha256(request.body));
  const std::string given(request.headers.get("X-Amz-Content-Sha256"));
  if (given.empty() && gate.service == "s3")
    return refuse(Kind::incomplete, "Missing required header for this request: x-amz-content-sha256");
  if (given.empty() || given == actual) return actual;
  if (gate.service == "s3" && given == kUnsigned) return given;
  return refuse(Kind::mismatch, "the x-amz-content-sha256 given is not that of the body");
}

std::string hmac(const std::string& key, std::string_view text) {
  const Sha256Digest digest = HmacSha256(Secret(key))(text);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string canonical_request(const AwsGate& gate, const HttpRequest& request, const Claim& claim,
                              const std::string& payload) {
  const std::string_view target = request.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::string_view query = mark < target.size() ? target.substr(mark + 1) : std::string_view();
  std::string lines, names;
  for (const std::string& name : claim.headers) {
    lines += name + ":" + header_value(request, name).value_or("") + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  return request.method + "\n" + canonical_path(target.substr(0, mark), gate.service == "s3") + "\n" +
         canonical_query(query) + "\n" + lines + "\n" + names + "\n" + payload;
}

}  // namespace

AwsVerdict check_aws_signature(const AwsGate& gate, const HttpRequest& request, WallTime now) {
  const bool presigned = gate.service == "s3" && request.has_query("X-Amz-Signature");
  const auto claim = presigned ? claim_of_query(request) : claim_of_header(request);
  if (!claim) return std::unexpected(claim.error());
  if (AwsVerdict v = check_scope(gate, *claim); !v) return v;
  if (AwsVerdict v = check_time(gate, *claim, now); !v) return v;
  if (AwsVerdict v = check_headers(request, *claim); !v) return v;
  const auto payload = payload_hash(gate, request, *claim);
  if (!payload) return std::unexpected(payload.error());
  std::string canonical = canonical_request(gate, request, *claim, *payload);
  const std::string scope = claim->date + "/" + gate.region + "/" + gate.service + "/aws4_request";
  std::string to_sign =
      std::string(kAlgorithm) + "\n" + claim->time + "\n" + scope + "\n" + to_hex(sha256(canonical));
  std::string key = hmac("AWS4" + gate.secret_access_key.reveal(), claim->date);
  for (const std::string_view part :
       {std::string_view(gate.region), std::string_view(gate.service), std::string_view("aws4_request")})
    key = hmac(key, part);
  if (constant_time_equal(to_hex(hmac(key, to_sign)), claim->signature)) return {};
  AwsRefusal refusal{Kind::mismatch,
                     "The request signature we calculated does not match the signature you provided",
                     std::move(to_sign), std::move(canonical)};
  return std::unexpected(std::move(refusal));
}

}  // namespace posthorn::sandbox
