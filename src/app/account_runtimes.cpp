#include "app/account_runtimes.h"

namespace posthorn {

struct AccountRuntimes::Line {
  std::unique_ptr<whatsapp::GraphClient> graph;
  std::unique_ptr<WhatsAppChannel> channel;
};

// A new token must not disturb what is running: the dispatcher keeps its channel, the channel changes its
// line.
class AccountRuntimes::Switch final : public SendChannel {
 public:
  void use(Line& line) { line_ = &line; }
  Line& line() { return *line_; }
  Task<SendAnswer> send(std::string body, int attempt, std::function<void()> on_last_byte) override {
    return line_->channel->send(std::move(body), attempt, std::move(on_last_byte));
  }

 private:
  Line* line_ = nullptr;
};

struct AccountRuntimes::Running {
  std::string sealed_token;
  Switch channel;
  std::unique_ptr<Dispatcher> dispatcher;
  int granted = 0;
};

namespace {

DispatcherAccount sending_facts(const Account& account) {
  DispatcherAccount out;
  out.id = account.id;
  out.business_id = account.business_id;
  out.rate = account.throughput;
  out.blocked = account.blocked();
  return out;
}

}  // namespace

AccountRuntimes::AccountRuntimes(AccountRuntimesPorts ports, whatsapp::GraphConfig graph, Secret app_secret,
                                 Secret token_key, DispatcherOptions options)
    : ports_(ports),
      graph_(std::move(graph)),
      app_secret_(std::move(app_secret)),
      token_key_(std::move(token_key)),
      options_(options) {}

AccountRuntimes::~AccountRuntimes() = default;

Task<Result<>> AccountRuntimes::start() {
  auto read = [](Transaction& tx) { return accounts::list(tx); };
  PH_CO_TRY_ASSIGN(const auto all, co_await ports_.database.read(std::move(read)));
  for (const auto& account : all) {
    const auto up = put_up(account);
    if (!up)
      ports_.log.error("account.not_started", {{"account", account.name}, {"reason", up.error().message}});
  }
  co_return Result<>();
}

Task<> AccountRuntimes::stop(Duration timeout) {
  for (auto& [id, running] : running_) co_await running->dispatcher->stop(timeout);
}

Dispatcher* AccountRuntimes::dispatcher(AccountId id) {
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : found->second->dispatcher.get();
}

whatsapp::GraphClient* AccountRuntimes::client(AccountId id) {
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : found->second->channel.line().graph.get();
}

Result<whatsapp::GraphClient*> AccountRuntimes::graph(const Account& account) {
  if (!running_.contains(account.id)) {
    PH_TRY(put_up(account));
  }
  return client(account.id);
}

Result<std::unique_ptr<whatsapp::GraphClient>> AccountRuntimes::graph_with(Secret token) {
  return whatsapp::GraphClient::create(ports_.http, ports_.clock, graph_, std::move(token), app_secret_);
}

Task<Result<>> AccountRuntimes::refresh(AccountId id) {
  auto read = [id](Transaction& tx) { return accounts::get(tx, id); };
  PH_CO_TRY_ASSIGN(const auto account, co_await ports_.database.read(std::move(read)));
  co_return put_up(account);
}

Result<> AccountRuntimes::put_up(const Account& account) {
  auto& running = running_[account.id];
  const bool fresh = running == nullptr;
  if (fresh || running->sealed_token != account.sealed_token) {
    auto token = accounts::open_token(ports_.secrets, account);
    auto graph = token ? graph_with(*std::move(token)) : std::unexpected(token.error());
    if (!graph) {
      if (fresh) running_.erase(account.id);
      return std::unexpected(graph.error());
    }
    auto line = std::make_unique<Line>();
    line->graph = *std::move(graph);
    line->channel = std::make_unique<WhatsAppChannel>(*line->graph, account.sender_id);
    if (fresh) running = std::make_unique<Running>();
    running->channel.use(*line);
    running->sealed_token = account.sealed_token;
    lines_.push_back(std::move(line));
  }
  running->granted = account.throughput;
  if (!fresh) {
    running->dispatcher->update_account(sending_facts(account));
    return {};
  }
  const DispatcherPorts ports{ports_.database, ports_.clock,     ports_.random, ports_.log,
                              ports_.metrics,  running->channel, ports_.wamids, ports_.proof,
                              ports_.observer, ports_.executor};
  running->dispatcher = std::make_unique<Dispatcher>(ports, sending_facts(account), token_key_, options_);
  running->dispatcher->start();
  return {};
}

void AccountRuntimes::wake(AccountId id) {
  if (auto* running = dispatcher(id)) running->wake();
}

std::optional<RateView> AccountRuntimes::rate(AccountId id) const {
  const auto found = running_.find(id);
  if (found == running_.end()) return std::nullopt;
  const auto stats = found->second->dispatcher->stats();
  RateView view;
  view.granted = found->second->granted;
  view.current = static_cast<int>(stats.rate);
  view.queued = static_cast<std::size_t>(stats.ready);
  view.in_flight = static_cast<std::size_t>(stats.in_flight);
  return view;
}

}  // namespace posthorn
