// The simulated network between the processes of a World: names, listeners, pipes and their faults. TLS is
// passed through: endpoints with tls connect like the others.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.h"
#include "platform/simulated/world.h"
#include "platform/stream.h"

namespace posthorn::simulated {

class Pipe;
class PipeListener;

enum class Direction { to_server, to_client };

enum class CutKind {
  reset,         // after the last byte that passes, both sides get a reset
  end,           // the receiver reads an orderly end; the sender does not notice
  hang,          // half-open: nothing arrives any more, nobody is told
  failed_write,  // the sender's kernel takes bytes up to the cut, then its writes fail; both sides get a
                 // reset
};

struct Cut {
  Direction direction = Direction::to_server;
  std::uint64_t after = 0;  // bytes in that direction that still pass
  CutKind kind = CutKind::reset;
};

// What happens to one connection.
struct ConnectionPlan {
  bool refuse = false;
  bool connect_hang = false;  // the attempt never gets an answer
  bool dribble = false;       // reads yield 1 to 7 bytes
  std::optional<Cut> cut = std::nullopt;
};

// What may happen on the way to a host. Shares are probabilities per connection, in [0, 1].
struct LinkConfig {
  Duration latency_min =
      std::chrono::microseconds(200);  // one way, drawn for each piece of data; order is kept
  Duration latency_max = std::chrono::milliseconds(2);
  double refuse = 0;
  double connect_hang = 0;
  double dribble = 0;
  double cut = 0;
  std::uint64_t cut_within =
      4096;  // a cut comes after [0, cut_within) bytes, in either direction, of any kind
};

class Wire {
 public:
  explicit Wire(World& world);
  ~Wire();

  void set_link(LinkConfig config) { default_link_ = config; }
  void set_link(const std::string& host, LinkConfig config) { links_[host] = config; }
  void add_name(const std::string& host, const std::string& process) { names_[host] = process; }
  // What the next look-ups of `host` give, in order; the last one stays. An address leads to the process or
  // name that add_name() gave it. Hosts without such answers have one made up public address.
  void plan_lookup(const std::string& host, std::vector<std::string> addresses) {
    lookups_[host].push_back(std::move(addresses));
  }
  // The next connections to `host` follow these plans, in order, instead of the drawn faults.
  void plan_next(const std::string& host, ConnectionPlan plan) { plans_[host].push_back(plan); }

  // For Process.
  std::unique_ptr<Network> attach(std::uint64_t owner, const std::string& name, Clock& clock);
  void cut_off(std::uint64_t owner);

 private:
  friend class Pipe;
  friend class PipeListener;
  friend class ProcessNetwork;
  using Address = std::pair<std::string, std::uint16_t>;

  const LinkConfig& link(const std::string& host) const;
  ConnectionPlan next_plan(const std::string& host);
  Duration latency(const LinkConfig& config);
  bool known(const std::string& host) const;
  std::vector<std::string> look_up(const std::string& host);

  World& world_;
  std::unique_ptr<SeededRandom> random_;
  LinkConfig default_link_;
  std::map<std::string, LinkConfig> links_;
  std::map<std::string, std::string> names_;  // host → process
  std::map<std::string, std::deque<ConnectionPlan>> plans_;
  std::map<std::string, std::deque<std::vector<std::string>>> lookups_;
  std::map<std::string, std::string> made_up_;  // address → host
  std::map<Address, PipeListener*> listeners_;
  std::map<std::uint64_t, Pipe*> pipes_;
  std::uint64_t pipes_made_ = 0;
  std::uint16_t next_port_ = 40'000;
};

}  // namespace posthorn::simulated
