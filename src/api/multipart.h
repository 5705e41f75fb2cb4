// multipart/form-data (RFC 7578) read as a stream: the bytes of the first part that is a file, and its name.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn {

// The boundary of a Content-Type header; nothing if it is not multipart/form-data.
std::optional<std::string> multipart_boundary(std::string_view content_type);

// A plain machine: feed pieces of any size; file bytes come out with as little copying as a moving window
// allows.
class MultipartFile {
 public:
  explicit MultipartFile(std::string boundary)
      : delimiter_("\r\n--" + std::move(boundary)), pending_("\r\n") {}

  // File bytes found are appended to `out`. invalid_argument when the body is not multipart.
  Result<> feed(std::string_view piece, std::string& out);
  Result<> finish() const;  // invalid_argument when there was no file or it broke off
  const std::string& file_name() const {
    return file_name_;
  }  // as the browser sent it; empty until its head was read

 private:
  enum class State { preamble, head, file, other_part, done };
  Result<bool> step(std::string& out);  // false: more bytes are needed
  bool to_delimiter(std::string* out);
  Result<bool> read_head();

  static constexpr std::size_t kMaxHead = 8 * 1024;
  std::string delimiter_;
  std::string pending_;  // the first delimiter stands without CRLF at the very beginning
  State state_ = State::preamble;
  bool file_seen_ = false;
  std::string file_name_;
};

}  // namespace posthorn
