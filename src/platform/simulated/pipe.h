// A connection inside a World: two directions of bytes with latency, a window, and a planned fault.
#pragma once
#include <array>
#include <deque>
#include <memory>
#include <string>

#include "platform/simulated/wire.h"
#include "platform/waiter.h"

namespace posthorn::simulated {

// Side 0 has connected, side 1 has accepted.
class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(Wire& wire, LinkConfig link, ConnectionPlan plan, std::uint64_t client, std::uint64_t server);
  ~Pipe();

  static Task<Result<std::size_t>> read(std::shared_ptr<Pipe> self, int side, std::span<char> out);
  static Task<Result<std::size_t>> write(std::shared_ptr<Pipe> self, int side, std::span<const char> in);
  void finish_writing(int side);
  void close(int side);
  void crash(std::uint64_t owner);  // lets go of the owner's coroutines and resets the peer
  bool idle_and_open(int side) const;

 private:
  using Gate = Waiter<bool>;

  // What flows towards one side, and that side's own state.
  struct End {
    std::uint64_t owner = 0;
    std::string arrived;
    std::size_t taken = 0;  // of `arrived`
    std::deque<std::string> in_flight;
    std::size_t in_flight_bytes = 0;
    MonotonicTime last_arrival;
    std::uint64_t accepted = 0;  // bytes ever taken over from the other side's writes
    bool cut_done = false;       // what is written towards here is lost
    bool ended = false;          // an orderly end has arrived
    bool reset = false;          // a reset has arrived
    bool closed = false;         // by this side
    bool finished = false;       // this side writes no more
    std::shared_ptr<Gate> reader = std::make_shared<Gate>();
    std::shared_ptr<Gate> writer = std::make_shared<Gate>();  // this side's writer, waiting for room

    std::size_t readable() const { return arrived.size() - taken; }
    std::size_t room() const;
  };

  End& end(int side) { return ends_[static_cast<std::size_t>(side)]; }
  const End& end(int side) const { return ends_[static_cast<std::size_t>(side)]; }
  std::optional<Cut> cut_towards(int side) const;
  std::size_t take(End& reader, End& writer, std::span<char> out);
  void carry(int to, std::span<const char> bytes);
  void carry_out_cut(int to, CutKind kind);
  void arrive_at(int to, void (Pipe::*what)(int));
  void deliver(int to);
  void deliver_end(int to);
  void deliver_reset(int to);

  Wire& wire_;
  const LinkConfig link_;
  const ConnectionPlan plan_;
  const std::uint64_t number_;
  std::array<End, 2> ends_;
};

// Whoever accepts connections at one address.
class PipeListener final : public Listener {
 public:
  PipeListener(Wire& wire, std::uint64_t owner, std::string host, std::uint16_t port);
  ~PipeListener() override { close(); }
  Task<Result<std::unique_ptr<Stream>>> accept() override;
  void close() override;
  std::uint16_t port() const override { return address_.second; }

  std::uint64_t owner() const { return owner_; }
  void offer(std::unique_ptr<Stream> stream);
  void drop();  // the owner has crashed

 private:
  void unlist();

  Wire& wire_;
  const std::uint64_t owner_;
  const Wire::Address address_;
  std::deque<std::unique_ptr<Stream>> waiting_;
  std::shared_ptr<Waiter<bool>> gate_ = std::make_shared<Waiter<bool>>();
  bool closed_ = false;
};

class PipeStream final : public Stream {
 public:
  PipeStream(std::shared_ptr<Pipe> pipe, int side, std::string peer)
      : pipe_(std::move(pipe)), side_(side), peer_(std::move(peer)) {}
  ~PipeStream() override { pipe_->close(side_); }
  Task<Result<std::size_t>> read_some(std::span<char> out) override { return Pipe::read(pipe_, side_, out); }
  Task<Result<std::size_t>> write_some(std::span<const char> in) override {
    return Pipe::write(pipe_, side_, in);
  }
  void finish_writing() override { pipe_->finish_writing(side_); }
  void close() override { pipe_->close(side_); }
  bool idle_and_open() override { return pipe_->idle_and_open(side_); }
  std::string peer_address() const override { return peer_; }

 private:
  std::shared_ptr<Pipe> pipe_;
  const int side_;
  const std::string peer_;
};

}  // namespace posthorn::simulated
