#include "platform/simulated/pipe.h"

#include <algorithm>
#include <cstring>

namespace posthorn::simulated {
namespace {

constexpr std::size_t kWindow = 256 * 1024;  // bytes under way or unread, before writers wait
constexpr std::uint64_t kDribble = 7;

Error closed_here() {
  return {ErrorCode::cancelled, "the connection was closed from our side"};
}
Error was_reset() {
  return {ErrorCode::unavailable, "connection reset by peer"};
}
Error broken() {
  return {ErrorCode::unavailable, "broken pipe"};
}

}  // namespace

std::size_t Pipe::End::room() const {
  const std::size_t held = in_flight_bytes + readable();
  return held >= kWindow ? 0 : kWindow - held;
}

Pipe::Pipe(Wire& wire, LinkConfig link, ConnectionPlan plan, std::uint64_t client, std::uint64_t server)
    : wire_(wire), link_(link), plan_(plan), number_(++wire.pipes_made_) {
  ends_[0].owner = client;
  ends_[1].owner = server;
  wire_.pipes_[number_] = this;
}

Pipe::~Pipe() {
  wire_.pipes_.erase(number_);
}

std::optional<Cut> Pipe::cut_towards(int side) const {
  const Direction direction = side == 1 ? Direction::to_server : Direction::to_client;
  if (!plan_.cut || plan_.cut->direction != direction) return std::nullopt;
  return plan_.cut;
}

std::size_t Pipe::take(End& reader, End& writer, std::span<char> out) {
  std::size_t n = std::min(out.size(), reader.readable());
  if (plan_.dribble) n = std::min<std::size_t>(n, 1 + wire_.random_->below(kDribble));
  std::memcpy(out.data(), reader.arrived.data() + reader.taken, n);
  reader.taken += n;
  if (reader.taken == reader.arrived.size()) {
    reader.arrived.clear();
    reader.taken = 0;
  }
  writer.writer->complete(true);
  return n;
}

Task<Result<std::size_t>> Pipe::read(std::shared_ptr<Pipe> self, int side, std::span<char> out) {
  End& own = self->end(side);
  for (;;) {
    if (own.closed) co_return std::unexpected(closed_here());
    if (own.readable() > 0 || out.empty()) co_return self->take(own, self->end(1 - side), out);
    if (own.reset) co_return std::unexpected(was_reset());
    if (own.ended) co_return std::size_t{0};
    const bool changed = co_await Gate::wait(own.reader, false);
    if (!changed) co_return std::unexpected(closed_here());
  }
}

Task<Result<std::size_t>> Pipe::write(std::shared_ptr<Pipe> self, int side, std::span<const char> in) {
  End& own = self->end(side);
  End& peer = self->end(1 - side);
  const auto cut = self->cut_towards(1 - side);
  for (;;) {
    if (own.closed) co_return std::unexpected(closed_here());
    if (own.reset) co_return std::unexpected(was_reset());
    if (own.finished) co_return std::unexpected(broken());
    std::size_t n = std::min(in.size(), peer.room());
    if (cut && cut->kind == CutKind::failed_write) {
      const std::uint64_t allowed = cut->after - std::min(cut->after, peer.accepted);
      if (allowed == 0) {
        self->carry_out_cut(1 - side, CutKind::failed_write);
        co_return std::unexpected(broken());
      }
      n = static_cast<std::size_t>(std::min<std::uint64_t>(n, allowed));
    }
    if (n > 0) {
      self->carry(1 - side, in.first(n));
      co_return n;
    }
    const bool changed = co_await Gate::wait(own.writer, false);
    if (!changed) co_return std::unexpected(closed_here());
  }
}

// Hands bytes to the wire; those behind a planned cut are lost there.
void Pipe::carry(int to, std::span<const char> bytes) {
  End& receiver = end(to);
  const std::uint64_t before = receiver.accepted;
  receiver.accepted += bytes.size();
  if (receiver.cut_done) return;
  std::size_t passing = bytes.size();
  const auto cut = cut_towards(to);
  const bool cuts = cut && cut->kind != CutKind::failed_write && receiver.accepted >= cut->after;
  if (cuts) passing = static_cast<std::size_t>(cut->after - before);
  if (passing > 0) {
    receiver.in_flight.emplace_back(bytes.data(), passing);
    receiver.in_flight_bytes += passing;
    arrive_at(to, &Pipe::deliver);
  }
  if (cuts) carry_out_cut(to, cut->kind);
}

void Pipe::carry_out_cut(int to, CutKind kind) {
  if (std::exchange(end(to).cut_done, true)) return;
  switch (kind) {
    case CutKind::hang:
      return;
    case CutKind::end:
      return arrive_at(to, &Pipe::deliver_end);
    case CutKind::failed_write:
      end(1 - to).reset = true;
      return arrive_at(to, &Pipe::deliver_reset);
    case CutKind::reset:
      end(1 - to).cut_done = true;
      arrive_at(to, &Pipe::deliver_reset);
      return arrive_at(1 - to, &Pipe::deliver_reset);
  }
}

// Everything that goes towards one side arrives there in order.
void Pipe::arrive_at(int to, void (Pipe::*what)(int)) {
  End& receiver = end(to);
  World& world = wire_.world_;
  receiver.last_arrival = std::max(receiver.last_arrival, world.now() + wire_.latency(link_));
  world.schedule(receiver.last_arrival, receiver.owner,
                 [self = shared_from_this(), to, what] { ((*self).*what)(to); });
}

void Pipe::deliver(int to) {
  End& receiver = end(to);
  const std::string bytes = std::move(receiver.in_flight.front());
  receiver.in_flight.pop_front();
  receiver.in_flight_bytes -= bytes.size();
  wire_.world_.note(number_ * 2 + static_cast<std::uint64_t>(to));
  wire_.world_.note(bytes);
  if (receiver.closed) {  // as a kernel does: data for a closed socket is answered with a reset
    if (!end(1 - to).closed) arrive_at(1 - to, &Pipe::deliver_reset);
    return;
  }
  receiver.arrived += bytes;
  receiver.reader->complete(true);
}

void Pipe::deliver_end(int to) {
  end(to).ended = true;
  end(to).reader->complete(true);
}

void Pipe::deliver_reset(int to) {
  end(to).reset = true;
  end(to).reader->complete(true);
  end(to).writer->complete(true);
}

void Pipe::finish_writing(int side) {
  if (std::exchange(end(side).finished, true) || end(side).closed) return;
  if (!end(1 - side).cut_done) arrive_at(1 - side, &Pipe::deliver_end);
}

void Pipe::close(int side) {
  End& own = end(side);
  if (own.closed) return;
  const bool unread = own.readable() > 0;
  if (!unread) finish_writing(side);
  own.closed = true;
  if (unread && !end(1 - side).cut_done) arrive_at(1 - side, &Pipe::deliver_reset);
  own.reader->complete(true);
  own.writer->complete(true);
}

void Pipe::crash(std::uint64_t owner) {
  for (const int side : {0, 1}) {
    End& own = end(side);
    if (own.owner != owner || own.closed) continue;
    own.closed = true;
    if (end(1 - side).owner != owner && !end(1 - side).cut_done) arrive_at(1 - side, &Pipe::deliver_reset);
    own.reader->drop();
    own.writer->drop();
  }
}

bool Pipe::idle_and_open(int side) const {
  const End& own = end(side);
  return !own.closed && !own.reset && !own.ended && own.readable() == 0;
}

PipeListener::PipeListener(Wire& wire, std::uint64_t owner, std::string host, std::uint16_t port)
    : wire_(wire), owner_(owner), address_(std::move(host), port) {
  wire_.listeners_[address_] = this;
}

Task<Result<std::unique_ptr<Stream>>> PipeListener::accept() {
  // Kept by value: the listener may be gone when the wait is over.
  const auto gate = gate_;
  while (!closed_ && waiting_.empty()) {
    const bool open = co_await Waiter<bool>::wait(gate, false);
    if (!open) co_return std::unexpected(closed_here());
  }
  if (closed_) co_return std::unexpected(closed_here());
  auto stream = std::move(waiting_.front());
  waiting_.pop_front();
  co_return stream;
}

void PipeListener::offer(std::unique_ptr<Stream> stream) {
  waiting_.push_back(std::move(stream));
  gate_->complete(true);
}

void PipeListener::unlist() {
  const auto listed = wire_.listeners_.find(address_);
  if (listed != wire_.listeners_.end() && listed->second == this) wire_.listeners_.erase(listed);
}

void PipeListener::close() {
  if (std::exchange(closed_, true)) return;
  unlist();
  waiting_.clear();
  gate_->complete(false);
}

void PipeListener::drop() {
  closed_ = true;
  unlist();
  waiting_.clear();
  gate_->drop();
}

}  // namespace posthorn::simulated
