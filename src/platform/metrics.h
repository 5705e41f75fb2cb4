// Metrics as plain counters, gauges and histograms; the Prometheus registry and serialiser stay in one .cpp.
#pragma once
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn {

using MetricLabels = std::initializer_list<std::pair<std::string, std::string>>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double n = 1) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

// References stay valid as long as the registry lives. Asking twice for the same name and labels gives the
// same one.
class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual Counter& counter(std::string_view name, std::string_view help, MetricLabels labels = {}) = 0;
  virtual Gauge& gauge(std::string_view name, std::string_view help, MetricLabels labels = {}) = 0;
  virtual Histogram& histogram(std::string_view name, std::string_view help,
                               MetricLabels labels = {}) = 0;  // seconds
  virtual std::string prometheus_text() = 0;
};

std::unique_ptr<Metrics> make_metrics();

}  // namespace posthorn
