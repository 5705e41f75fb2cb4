// Request heads and chunked bodies. What is read whole must be read the same in pieces: a head is incomplete
// until its last byte and then says the same, and a chunked body cut anywhere has the same bytes.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "platform/http_chunks.h"
#include "platform/http_head.h"

using namespace posthorn;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

struct Body {
  std::string bytes;
  bool done = false;
  bool failed = false;
  bool operator==(const Body&) const = default;
};

// Feeds `text` as it would arrive in pieces of `piece` bytes.
Body read_chunks(std::string_view text, std::size_t piece) {
  Body body;
  ChunkReader reader;
  std::string pending;
  while (!reader.done() && !reader.failed()) {
    const std::string_view fresh = text.substr(0, piece);
    text.remove_prefix(fresh.size());
    pending += fresh;
    bool moved = true;
    while (moved && !reader.done() && !reader.failed()) {
      const std::size_t framing = reader.advance(pending);
      require(framing <= pending.size());
      pending.erase(0, framing);
      if (reader.failed()) break;
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(reader.available(), pending.size()));
      body.bytes.append(pending, 0, take);
      pending.erase(0, take);
      if (take > 0) reader.took(take);
      moved = framing > 0 || take > 0;
    }
    if (fresh.empty()) break;
  }
  body.done = reader.done();
  body.failed = reader.failed();
  return body;
}

void check_head(const RequestHead& head) {
  require(is_token(head.request.method));
  for (const auto& [name, value] : head.request.headers) require(is_token(name) && is_field_value(value));
  require(!head.chunked || head.content_length == 0);  // never both: that is how requests are smuggled
  require(!(head.http10 && head.chunked));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  require(read_chunks(input, 1) == read_chunks(input, input.size() + 1));

  HeadLimits limits;
  limits.max_head = 2048;
  limits.max_line = 512;
  limits.max_fields = 16;
  RequestHead head;
  const HeadResult whole = parse_head(input, limits, head);
  if (whole.progress == HeadProgress::refused) {
    require(whole.refusal.status >= 400 && whole.refusal.status <= 599 && !whole.refusal.reason.empty());
    return 0;
  }
  if (whole.progress == HeadProgress::incomplete) {
    require(input.size() <= limits.max_head);
    return 0;
  }
  require(whole.consumed > 0 && whole.consumed <= input.size() && whole.consumed <= limits.max_head);
  check_head(head);
  RequestHead again;
  require(parse_head(input.substr(0, whole.consumed - 1), limits, again).progress ==
          HeadProgress::incomplete);
  require(parse_head(input.substr(0, whole.consumed), limits, again).consumed == whole.consumed);
  require(again.request.target == head.request.target && again.content_length == head.content_length);
  if (head.chunked) read_chunks(input.substr(whole.consumed), 7);
  return 0;
}
