#include "api/multipart.h"

#include <algorithm>

namespace posthorn {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}

// The value of `name="…"` or `name=…` in a header.
std::optional<std::string> attribute(std::string_view header, std::string_view name) {
  const auto folded = lower(header);
  std::size_t at = 0;
  while ((at = folded.find(name, at)) != std::string::npos) {
    const bool whole = at == 0 || folded[at - 1] == ' ' || folded[at - 1] == ';';
    at += name.size();
    if (!whole || at >= folded.size() || folded[at] != '=') continue;
    auto value = header.substr(at + 1);
    if (value.starts_with('"')) {
      value.remove_prefix(1);
      return std::string(value.substr(0, std::min(value.find('"'), value.size())));
    }
    return std::string(value.substr(0, std::min(value.find_first_of("; \r\n"), value.size())));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  if (!lower(content_type).starts_with("multipart/form-data")) return std::nullopt;
  auto boundary = attribute(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) return std::nullopt;
  return boundary;
}

Result<> MultipartFile::feed(std::string_view piece, std::string& out) {
  pending_ += piece;
  while (state_ != State::done) {
    PH_TRY_ASSIGN(const bool moved, step(out));
    if (!moved) return {};
  }
  pending_.clear();
  return {};
}

Result<bool> MultipartFile::step(std::string& out) {
  switch (state_) {
    case State::preamble:
    case State::other_part:
      return to_delimiter(nullptr);
    case State::file:
      return to_delimiter(&out);
    case State::head:
      return read_head();
    case State::done:
      return false;
  }
  return false;
}

// Passes everything before the next delimiter on; keeps back what may be its beginning.
bool MultipartFile::to_delimiter(std::string* out) {
  const auto at = pending_.find(delimiter_);
  const bool found = at != std::string::npos;
  const std::size_t sure = found ? at : pending_.size() - std::min(pending_.size(), delimiter_.size() - 1);
  if (out != nullptr) out->append(pending_, 0, sure);
  pending_.erase(0, found ? at + delimiter_.size() : sure);
  if (!found) return false;
  state_ = file_seen_ ? State::done : State::head;
  return true;
}

Result<bool> MultipartFile::read_head() {
  if (pending_.starts_with("--")) {
    state_ = State::done;
    return true;
  }
  const auto end = pending_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (pending_.size() > kMaxHead)
      return fail(ErrorCode::invalid_argument, "the multipart body has a part without a head");
    return false;
  }
  const auto name = attribute(std::string_view(pending_).substr(0, end), "filename");
  pending_.erase(0, end + 4);
  if (name) {
    file_seen_ = true;
    file_name_ = *name;
  }
  state_ = name ? State::file : State::other_part;
  return true;
}

Result<> MultipartFile::finish() const {
  if (state_ == State::done && file_seen_) return {};
  return fail(ErrorCode::invalid_argument,
              file_seen_ ? "the upload broke off before its end"
                         : "the form holds no file; send it in a part with a file name");
}

}  // namespace posthorn
