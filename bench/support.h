// What the benchmarks share: a table row, memory of a process, a static HTTP server, a simulated Meta on a
// thread of its own, and the whole product in this process. Benchmarks stand outside the house: they may use
// clocks and threads directly.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "app/client.h"
#include "app/sandbox_host.h"
#include "app/server.h"
#include "platform/http_client.h"
#include "platform/http_server.h"
#include "platform/real_clock.h"
#include "platform/real_network.h"
#include "platform/real_random.h"
#include "platform/runtime.h"

namespace posthorn::bench {

// One line of the table that run_all.sh gathers.
struct Figure {
  std::string name, measured, baseline, ratio, goal;
};
void print_figure(const Figure& figure);

double seconds_since(std::chrono::steady_clock::time_point start);
double median(std::vector<double> values);                     // 0 of nothing
double percentile(std::vector<double>& values, double share);  // sorts; share 0 to 1
double resident_mb(int pid, std::string_view field);           // VmRSS or VmHWM of /proc/<pid>/status
void reset_peak(int pid);                                      // VmHWM begins anew
double processor_seconds(int pid);                             // user and system time of all its threads

// How the calling thread spent its time, from the kernel's scheduler: on a machine that does other things as
// well, time spent ready but waiting for a processor says how far a clock can be believed.
struct ThreadTime {
  double running = 0, waiting = 0;  // seconds since the thread began
};
ThreadTime thread_time();

// Removed with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Answers every POST with the same bytes: what a load generator reaches when nobody does any work.
class StaticServer {
 public:
  explicit StaticServer(std::string body);
  ~StaticServer();
  Endpoint endpoint() const { return {"127.0.0.1", server_.port(), false}; }

 private:
  Task<> answer(HttpExchange& exchange);
  std::string body_;
  Runtime runtime_;
  RealClock clock_{runtime_.executor()};
  RealNetwork network_{runtime_.executor()};
  HttpServer server_;
  std::thread thread_;
};

// A simulated Meta without limits, on a thread of its own. The ledger may be read after stop().
class MetaThread {
 public:
  MetaThread();
  ~MetaThread();
  std::string url() const { return host_->url(); }
  void set_callback(std::string url);
  void stop();
  sandbox::Sandbox& meta() { return host_->meta(); }

 private:
  Runtime runtime_;
  RealClock clock_{runtime_.executor()};
  RealRandom random_;
  RealNetwork network_{runtime_.executor()};
  HttpClient http_{network_, clock_, runtime_.executor()};
  std::unique_ptr<SandboxHost> host_;
  std::thread thread_;
};

// The whole product on the calling thread, and the command line's client to it.
struct Product {
  Server* server = nullptr;
  Client* client = nullptr;
};
struct ProductOptions {
  std::string data_dir;
  std::string graph_url;
  std::vector<std::pair<std::string, std::string>> settings = {};
};
// Starts, runs `body` to its end, stops. False, with the reason printed, when anything failed.
bool run_product(const ProductOptions& options, std::function<Task<Result<>>(Product)> body);

// The command line's client to a server that another process runs on this data folder: runs `body` on the
// calling thread to its end. False, with the reason printed, when anything failed.
bool run_client_of(const std::string& data_dir, std::function<Task<Result<>>(Client&)> body);

// Adds the sandbox's number, with no limit of the rate, and a checked broadcast of the bundled sample to it:
// → its id.
Task<Result<std::int64_t>> prepare_broadcast(Product product, std::string folder, std::uint64_t recipients);
Result<> write_sample_file(const std::string& path, std::uint64_t recipients);
json::object sample_draft(std::int64_t upload_id, std::string_view account);
Task<Result<>> start_broadcast(Product product, std::int64_t id);
// Looks every 10 ms until it has ended: → seconds since `since`. unavailable after a minute.
Task<Result<double>> wait_for_end(Product product, std::int64_t id,
                                  std::chrono::steady_clock::time_point since);

}  // namespace posthorn::bench
