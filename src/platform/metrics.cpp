#include "platform/metrics.h"

#include <map>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace posthorn {
namespace {

using Labels = std::map<std::string, std::string>;
using Series = std::pair<std::string, Labels>;

class CounterOf final : public Counter {
 public:
  explicit CounterOf(prometheus::Counter& counter) : counter_(counter) {}
  void add(double n) override { counter_.Increment(n); }

 private:
  prometheus::Counter& counter_;
};

class GaugeOf final : public Gauge {
 public:
  explicit GaugeOf(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void set(double value) override { gauge_.Set(value); }

 private:
  prometheus::Gauge& gauge_;
};

class HistogramOf final : public Histogram {
 public:
  explicit HistogramOf(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

// From a commit on a fast disk to Meta's slowest answers, in seconds.
const prometheus::Histogram::BucketBoundaries kSeconds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                       0.25,   0.5,   1,      2.5,   5,    10,    30,   60};

class PrometheusMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view help, MetricLabels labels) override {
    return find_or_make(counters_, name, labels, [&](const Series& series) {
      auto& family =
          prometheus::BuildCounter().Name(series.first).Help(std::string(help)).Register(registry_);
      return std::make_unique<CounterOf>(family.Add(series.second));
    });
  }
  Gauge& gauge(std::string_view name, std::string_view help, MetricLabels labels) override {
    return find_or_make(gauges_, name, labels, [&](const Series& series) {
      auto& family = prometheus::BuildGauge().Name(series.first).Help(std::string(help)).Register(registry_);
      return std::make_unique<GaugeOf>(family.Add(series.second));
    });
  }
  Histogram& histogram(std::string_view name, std::string_view help, MetricLabels labels) override {
    return find_or_make(histograms_, name, labels, [&](const Series& series) {
      auto& family =
          prometheus::BuildHistogram().Name(series.first).Help(std::string(help)).Register(registry_);
      return std::make_unique<HistogramOf>(family.Add(series.second, kSeconds));
    });
  }
  std::string prometheus_text() override {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  template <class Metric, class Make>
  static Metric& find_or_make(std::map<Series, std::unique_ptr<Metric>>& known, std::string_view name,
                              MetricLabels labels, Make make) {
    Series series(std::string(name), Labels(labels.begin(), labels.end()));
    std::unique_ptr<Metric>& metric = known[series];
    if (!metric) metric = make(series);
    return *metric;
  }

  // Families of one name are merged by the registry when their help is the same.
  prometheus::Registry registry_{prometheus::Registry::InsertBehavior::Merge};
  std::map<Series, std::unique_ptr<CounterOf>> counters_;
  std::map<Series, std::unique_ptr<GaugeOf>> gauges_;
  std::map<Series, std::unique_ptr<HistogramOf>> histograms_;
};

}  // namespace

std::unique_ptr<Metrics> make_metrics() {
  return std::make_unique<PrometheusMetrics>();
}

}  // namespace posthorn
