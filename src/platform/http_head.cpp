#include "platform/http_head.h"

#include <algorithm>
#include <array>

namespace posthorn {
namespace {

enum CharClass : std::uint8_t { kToken = 1, kValue = 2, kTarget = 4 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    std::uint8_t bits = 0;
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (alphanumeric || (c < 128 && std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c))))
      bits |= kToken;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= kValue;
    if (c > 0x20 && c < 0x7f) bits |= kTarget;
    classes[static_cast<std::size_t>(c)] = bits;
  }
  return classes;
}

constexpr auto kClasses = make_classes();

bool all_of_class(std::string_view text, CharClass wanted) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return kClasses[static_cast<unsigned char>(c)] & wanted; });
}

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool list_contains(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (same_token(trim(list.substr(0, comma)), item)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// A line end that is not CRLF, or a NUL, can be told before the head is complete.
bool has_stray_bytes(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\0') return true;
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r')) return true;
    if (bytes[i] == '\r' && i + 1 < bytes.size() && bytes[i + 1] != '\n') return true;
  }
  return false;
}

// What the fields say about the message, gathered while they are read.
struct Framing {
  int content_lengths = 0;
  int transfer_encodings = 0;
  int hosts = 0;
};

Refusal read_version(std::string_view version, RequestHead& head) {
  if (version == "HTTP/1.1") return {};
  if (version == "HTTP/1.0") {
    head.http10 = true;
    head.keep_alive = false;
    return {};
  }
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
  if (!well_formed) return {400, "the request line must end with HTTP/1.1"};
  return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
}

// "http://host/path", which a proxy may send, is read as "/path" (RFC 9112, 3.2.2).
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto path = target.find('/', scheme.size());
    return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  return target;
}

Refusal read_request_line(std::string_view line, RequestHead& head) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return {400, "the request line is malformed"};
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(method) || method.size() > 32) return {400, "the method is malformed"};
  if (target.empty() || !all_of_class(target, kTarget)) return {400, "the request target is malformed"};
  const std::string_view origin = origin_form(target);
  if (origin[0] != '/' && !(origin == "*" && method == "OPTIONS"))
    return {400, "the request target must begin with /"};
  head.request.method = method;
  head.request.target = origin;
  return read_version(line.substr(last + 1), head);
}

Refusal read_content_length(std::string_view value, RequestHead& head) {
  const bool digits =
      !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return {400, "Content-Length must be digits only"};
  if (value.size() > 18) return {413, "Content-Length is too large"};
  head.content_length = 0;
  for (const char c : value)
    head.content_length = head.content_length * 10 + static_cast<std::uint64_t>(c - '0');
  return {};
}

Refusal read_transfer_encoding(std::string_view value, RequestHead& head) {
  if (same_token(value, "chunked")) {
    head.chunked = true;
    return {};
  }
  const bool plausible = std::all_of(value.begin(), value.end(), [](char c) {
    return c == ',' || c == ' ' || (kClasses[static_cast<unsigned char>(c)] & kToken);
  });
  if (plausible && !value.empty()) return {501, "the only Transfer-Encoding taken here is chunked"};
  return {400, "Transfer-Encoding is malformed"};
}

void read_connection(std::string_view value, RequestHead& head) {
  if (list_contains(value, "close")) head.keep_alive = false;
  if (head.http10 && list_contains(value, "keep-alive")) head.keep_alive = true;
}

// Fields that decide how the message is read. Others pass.
Refusal read_known_field(std::string_view name, std::string_view value, RequestHead& head, Framing& framing) {
  switch (name.size()) {
    case 4:
      if (same_token(name, "host")) ++framing.hosts;
      break;
    case 6:
      if (same_token(name, "expect")) return {417, "Expect is not supported; send the body at once"};
      break;
    case 7:
      if (same_token(name, "upgrade")) return {501, "no other protocol is offered here"};
      break;
    case 10:
      if (same_token(name, "connection")) read_connection(value, head);
      break;
    case 14:
      if (!same_token(name, "content-length")) break;
      if (++framing.content_lengths > 1) return {400, "Content-Length occurs twice"};
      return read_content_length(value, head);
    case 16:
      if (same_token(name, "content-encoding") && !same_token(value, "identity")) {
        return {415, "compressed request bodies are not taken; send the body as it is"};
      }
      break;
    case 17:
      if (!same_token(name, "transfer-encoding")) break;
      if (++framing.transfer_encodings > 1) return {400, "Transfer-Encoding occurs twice"};
      return read_transfer_encoding(value, head);
    default:
      break;
  }
  return {};
}

Refusal read_field(std::string_view line, RequestHead& head, Framing& framing) {
  if (line[0] == ' ' || line[0] == '\t') return {400, "folded header lines are refused"};
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return {400, "a header line has no colon"};
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return {400, "a header name is malformed"};
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_field_value(value)) return {400, "a header value has control characters"};
  if (const Refusal refusal = read_known_field(name, value, head, framing)) return refusal;
  head.request.headers.add(name, std::string(value));
  return {};
}

Refusal check_framing(const Framing& framing, const RequestHead& head) {
  if (framing.content_lengths > 0 && framing.transfer_encodings > 0) {
    return {400, "Content-Length and Transfer-Encoding exclude each other"};
  }
  if (head.chunked && head.http10) return {400, "HTTP/1.0 has no Transfer-Encoding"};
  if (framing.hosts > 1 || (framing.hosts == 0 && !head.http10))
    return {400, "exactly one Host header is needed"};
  return {};
}

// `text` holds whole lines, each ended by CRLF, without the empty one.
Refusal read_lines(std::string_view text, const HeadLimits& limits, RequestHead& head) {
  Framing framing;
  std::size_t fields = 0;
  for (bool first = true; !text.empty(); first = false) {
    const std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(std::min(line.size() + 2, text.size()));
    if (line.size() > limits.max_line) {
      return first ? Refusal{414, "the request line is too long"} : Refusal{431, "a header line is too long"};
    }
    if (!first && ++fields > limits.max_fields) return {431, "too many header fields"};
    const Refusal refusal = first ? read_request_line(line, head) : read_field(line, head, framing);
    if (refusal) return refusal;
  }
  return check_framing(framing, head);
}

HeadResult refuse(Refusal refusal) {
  return {HeadProgress::refused, 0, refusal};
}

void reset(RequestHead& head) {
  head.request.headers.clear();
  head.request.body.clear();
  head.http10 = false;
  head.keep_alive = true;
  head.chunked = false;
  head.content_length = 0;
}

}  // namespace

bool same_token(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) {
  return !text.empty() && all_of_class(text, kToken);
}

bool is_field_value(std::string_view text) {
  return all_of_class(text, kValue);
}

HeadResult parse_head(std::string_view bytes, const HeadLimits& limits, RequestHead& head) {
  // RFC 9112, 2.2: an empty line before the request line is passed over; one only.
  const std::size_t skipped = bytes.starts_with("\r\n") ? 2 : 0;
  const std::string_view text = bytes.substr(skipped);
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (has_stray_bytes(text)) return refuse({400, "lines must end with CRLF and hold no NUL"});
    if (text.size() > limits.max_head) return refuse({431, "the request head is too large"});
    return {};
  }
  if (end + 4 > limits.max_head) return refuse({431, "the request head is too large"});
  reset(head);
  if (const Refusal refusal = read_lines(text.substr(0, end + 2), limits, head)) return refuse(refusal);
  return {HeadProgress::complete, skipped + end + 4, {}};
}

}  // namespace posthorn
