#include "channels/aws/certificate_store.h"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "platform/http_client.h"
#include "platform/waiter.h"

namespace posthorn::aws {
namespace {

using Shared = std::shared_ptr<const SigningCertificate>;
constexpr std::size_t kMaxCertificate = 64 * 1024;
constexpr std::size_t kMaxFailures = 64;

HttpClientLimits limits_of(const CertificateStoreOptions& options) {
  HttpClientLimits limits;
  limits.max_connections_per_endpoint = 4;
  limits.max_response_body = kMaxCertificate;
  limits.connect_timeout = options.fetch_timeout;
  return limits;
}

// Amazon serves its signing certificate without the issuer, which its authorities keep here. The address
// stands in a certificate that Amazon's own host gave us; still, no other host is asked.
bool is_issuer_host(const ParsedUrl& url) {
  const std::string_view host = url.endpoint.host;
  return host.ends_with(".amazontrust.com") || host.ends_with(".digicert.com");
}

}  // namespace

struct CertificateStore::Impl : std::enable_shared_from_this<Impl> {
  struct Kept {
    Shared certificate;
    MonotonicTime fetched_at{};
  };
  struct Failure {
    Error error;
    MonotonicTime until{};
  };
  using Waiters = std::vector<std::shared_ptr<Waiter<int>>>;

  Impl(Ports p, CertificateRoots r, CertificateStoreOptions o)
      : ports(std::move(p)),
        roots(std::move(r)),
        options(o),
        http(ports.network, ports.clock, ports.executor, limits_of(options)) {}

  Ports ports;
  CertificateRoots roots;
  CertificateStoreOptions options;
  HttpClient http;
  std::map<std::string, Kept> kept;
  std::map<std::string, Failure> failed;
  std::map<std::string, Waiters> fetching;
  MonotonicTime minute_began{};
  int fetches = 0;

  bool usable(const Kept& one) const { return one.certificate->valid_at(ports.clock.wall_now()); }
  bool fresh(const Kept& one) const { return ports.clock.now() - one.fetched_at < options.keep; }

  Result<> take_from_budget() {
    const MonotonicTime now = ports.clock.now();
    if (fetches == 0 || now - minute_began >= std::chrono::minutes(1)) {
      minute_began = now;
      fetches = 0;
    }
    if (++fetches <= options.fetches_a_minute) return {};
    return fail(ErrorCode::unavailable, "too many different certificates were asked for within a minute");
  }

  Task<Result<std::string>> download(std::string address) {
    PH_CO_TRY_ASSIGN(const ParsedUrl url, parse_url(address));
    HttpRequest request;
    request.target = url.target;
    auto answer = co_await http.send(url.endpoint, std::move(request), options.fetch_timeout);
    if (!answer)
      co_return fail(ErrorCode::unavailable, fmt::format("{}: {}", address, answer.error().error.message));
    if (answer->status != 200)
      co_return fail(ErrorCode::unavailable, fmt::format("{}: status {}", address, answer->status));
    co_return std::move(answer->body);
  }

  Task<Result<>> add_issuer(SigningCertificate& certificate) {
    for (const std::string& address : certificate.issuer_urls()) {
      const Result<ParsedUrl> url = parse_url(address);
      if (!url || !is_issuer_host(*url)) continue;
      PH_CO_TRY_ASSIGN(const std::string der, co_await download(address));
      co_return certificate.add_issuer(der);
    }
    co_return fail(ErrorCode::unavailable,
                   "the certificate's issuer is unknown, and it does not say where it is kept");
  }

  Task<Result<Shared>> fetch(std::string url, std::vector<std::string> names) {
    PH_CO_TRY(take_from_budget());
    PH_CO_TRY_ASSIGN(const std::string pem, co_await download(url));
    PH_CO_TRY_ASSIGN(SigningCertificate certificate, SigningCertificate::from_pem(pem));
    const WallTime now = ports.clock.wall_now();
    PH_CO_TRY_ASSIGN(SigningCertificate::Chain chain, certificate.check(roots, names, now));
    if (chain == SigningCertificate::Chain::issuer_apart) {
      PH_CO_TRY(co_await add_issuer(certificate));
      PH_CO_TRY_ASSIGN(chain, certificate.check(roots, names, now));
      if (chain != SigningCertificate::Chain::complete)
        co_return fail(ErrorCode::unavailable, "the issuer found is not that of the certificate");
    }
    co_return std::make_shared<const SigningCertificate>(std::move(certificate));
  }

  void keep(const std::string& url, Shared certificate) {
    if (kept.size() >= options.capacity && !kept.contains(url)) {
      kept.erase(
          std::ranges::min_element(kept, {}, [](const auto& entry) { return entry.second.fetched_at; }));
    }
    kept[url] = Kept{.certificate = std::move(certificate), .fetched_at = ports.clock.now()};
    failed.erase(url);
  }

  void note_failure(const std::string& url, const Error& error) {
    ports.log.warning("sns.certificate_refused", {{"url", url}, {"reason", error.message}});
    const MonotonicTime now = ports.clock.now();
    std::erase_if(failed, [now](const auto& entry) { return entry.second.until <= now; });
    if (failed.size() >= kMaxFailures) failed.erase(failed.begin());
    Error told{ErrorCode::unavailable, "the signing certificate cannot be used: " + error.message,
               "SigningCertURL"};
    failed[url] = Failure{.error = std::move(told), .until = now + options.failure_pause};
  }

  // A coroutine of its own, so that no caller's end leaves the others waiting.
  static Task<> run(std::shared_ptr<Impl> self, std::string url, std::vector<std::string> names) {
    co_await asio::post(self->ports.executor,
                        asio::use_awaitable);  // who began this must wait before it ends
    try {
      Result<Shared> got = co_await self->fetch(url, std::move(names));
      if (got)
        self->keep(url, *std::move(got));
      else
        self->note_failure(url, got.error());
    } catch (const std::exception& broken) {
      self->note_failure(url, Error{ErrorCode::internal, broken.what()});
    }
    const Waiters waiters = std::move(self->fetching[url]);
    self->fetching.erase(url);
    for (const auto& waiter : waiters) waiter->complete(0);
  }

  static Task<> wait_for(std::shared_ptr<Impl> self, std::string url, std::vector<std::string> names) {
    auto waiter = std::make_shared<Waiter<int>>();
    const bool first = !self->fetching.contains(url);
    self->fetching[url].push_back(waiter);
    if (first) asio::co_spawn(self->ports.executor, run(self, url, std::move(names)), asio::detached);
    co_await Waiter<int>::wait(waiter, 0);
  }

  std::optional<Result<Shared>> at_hand(const std::string& url, bool stale_too) {
    const auto found = kept.find(url);
    const bool good = found != kept.end() && usable(found->second);
    if (good && (stale_too || fresh(found->second))) return found->second.certificate;
    const auto failure = failed.find(url);
    if (failure == failed.end() || failure->second.until <= ports.clock.now()) return std::nullopt;
    if (good) return found->second.certificate;
    return std::unexpected(failure->second.error);
  }

  static Task<Result<Shared>> get(std::shared_ptr<Impl> self, std::string url,
                                  std::vector<std::string> names) {
    if (auto known = self->at_hand(url, false)) co_return *std::move(known);
    co_await wait_for(self, url, std::move(names));
    if (auto known = self->at_hand(url, true)) co_return *std::move(known);
    co_return fail(ErrorCode::unavailable, "the signing certificate cannot be had at present",
                   "SigningCertURL");
  }
};

CertificateStore::CertificateStore(Ports ports, CertificateRoots roots, CertificateStoreOptions options)
    : impl_(std::make_shared<Impl>(std::move(ports), std::move(roots), options)) {}
CertificateStore::~CertificateStore() = default;

Task<Result<std::shared_ptr<const SigningCertificate>>> CertificateStore::get(
    std::string url, std::vector<std::string> names) {
  return Impl::get(impl_, std::move(url), std::move(names));
}

}  // namespace posthorn::aws
