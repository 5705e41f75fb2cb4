// Strict reading of chunked bodies (RFC 9112, 7.1): no extensions, no trailers, no other line end than CRLF.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace posthorn {

class ChunkReader {
 public:
  // Looks at the start of `in`. Consumes framing bytes; body bytes are only measured: up to `available()` of
  // what follows is body, and the caller reports with took() how much of it was taken. Returns the number of
  // framing bytes consumed; 0 with available() == 0 and !done() asks for more input.
  std::size_t advance(std::string_view in);
  std::uint64_t available() const { return left_; }
  void took(std::uint64_t n);
  bool done() const { return state_ == State::done; }
  bool failed() const { return state_ == State::failed; }

 private:
  enum class State { size, size_end, data, data_cr, data_lf, last_cr, last_lf, done, failed };
  void step(char c);
  void read_size(char c);
  State state_ = State::size;
  std::uint64_t left_ = 0;  // body bytes of the chunk not yet taken
  std::uint64_t size_ = 0;
  int digits_ = 0;
};

}  // namespace posthorn
