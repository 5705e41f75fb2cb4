#include "platform/http_chunks.h"

namespace posthorn {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr int kMaxSizeDigits = 15;  // keeps the sum far from overflow

}  // namespace

void ChunkReader::read_size(char c) {
  if (const int value = hex_value(c); value >= 0) {
    size_ = size_ * 16 + static_cast<std::uint64_t>(value);
    if (++digits_ > kMaxSizeDigits) state_ = State::failed;
  } else {
    state_ = c == '\r' && digits_ > 0 ? State::size_end : State::failed;
  }
}

void ChunkReader::step(char c) {
  switch (state_) {
    case State::size:
      return read_size(c);
    case State::size_end:
      left_ = size_;
      state_ = c != '\n' ? State::failed : size_ == 0 ? State::last_cr : State::data;
      size_ = 0;
      digits_ = 0;
      return;
    case State::data_cr:
      state_ = c == '\r' ? State::data_lf : State::failed;
      return;
    case State::data_lf:
      state_ = c == '\n' ? State::size : State::failed;
      return;
    case State::last_cr:
      state_ = c == '\r' ? State::last_lf : State::failed;
      return;
    case State::last_lf:
      state_ = c == '\n' ? State::done : State::failed;
      return;
    case State::data:
    case State::done:
    case State::failed:
      return;
  }
}

std::size_t ChunkReader::advance(std::string_view in) {
  std::size_t used = 0;
  while (used < in.size() && state_ != State::data && state_ != State::done && state_ != State::failed) {
    step(in[used++]);
  }
  if (state_ == State::failed) left_ = 0;
  return used;
}

void ChunkReader::took(std::uint64_t n) {
  left_ -= n;
  if (left_ == 0 && state_ == State::data) state_ = State::data_cr;
}

}  // namespace posthorn
