// Fetching of a file from a URL that somebody else chose: into a sink, piece by piece, bounded in every way.
//
// https only, public addresses only (guarded_network.h), at most three redirects and each checked like the
// first URL, no compression, no proxy, no cookies. Credentials go to the exact origins that the caller names,
// and only while the redirects stay at the first one (invariant I33).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "platform/clock.h"
#include "platform/guarded_network.h"
#include "platform/stream.h"

namespace posthorn {

struct FetchLimits {
  std::uint64_t max_bytes = 100ULL * 1024 * 1024;
  Duration connect = std::chrono::seconds(10);     // look-up, connection and TLS of one hop
  Duration first_byte = std::chrono::seconds(30);  // from the request to the answer's head
  Duration whole = std::chrono::minutes(10);       // everything, redirects included
  // Slower than this on average over `pace_window`, and the fetch ends: a server that drips must not hold a
  // place.
  std::uint64_t min_bytes_per_second = 1024;
  Duration pace_window = std::chrono::seconds(20);
  int max_redirects = 3;
};

struct FetchRequest {
  std::string url;
  Secret authorization = {};                         // the Authorization header; empty: none
  std::vector<std::string> credential_origins = {};  // "https://lookaside.fbsbx.com:443"; others never see it
  FetchLimits limits = {};
};

struct Fetched {
  std::uint64_t size = 0;    // bytes handed to the sink
  std::string content_type;  // as the server says; not to be believed
  std::string origin;        // of the last hop
};

enum class FetchProblem {
  bad_url,      // the URL, or one it redirects to, is malformed
  forbidden,    // an address, scheme or port that must not be called
  unreachable,  // look-up, connection or TLS failed, or the connection broke
  too_slow,     // one of the deadlines
  status,       // an answer other than 200; FetchFailure::status
  broken,       // not HTTP, compressed without being asked, too many redirects
  too_large,    // announced or real size over the limit
  sink,         // the sink's own error
};
struct FetchFailure {
  FetchProblem problem = FetchProblem::unreachable;
  int status = 0;
  Duration retry_after{};  // as the server asks, at most an hour; 0: it does not
  Error error;             // for people; names the host, never the whole URL (it may be a secret)
};

// Takes the body in order. An error ends the fetch.
using FetchSink = std::function<Task<Result<>>(std::string)>;

class SafeFetch {
 public:
  SafeFetch(Network& network, Clock& clock, Executor executor, AddressPolicy policy);

  // One attempt. The sink may have got a part when this fails. `request` and `sink` are kept until it
  // returns.
  Task<std::expected<Fetched, FetchFailure>> get(FetchRequest request, FetchSink sink);

 private:
  GuardedNetwork network_;
  Clock& clock_;
  Executor executor_;
};

}  // namespace posthorn
