// One bucket of Amazon S3 (API reference; REST with XML).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "channels/aws/aws_client.h"

namespace posthorn::aws {

class S3Bucket {
 public:
  // `endpoint`: another server, with the bucket in the path; empty: Amazon's.
  static Result<std::unique_ptr<S3Bucket>> create(AwsClient::Ports ports, std::string bucket,
                                                  std::string region, std::string endpoint);
  ~S3Bucket();

  const std::string& name() const;
  // An address from which the object can be read without credentials until the end of `lifetime` (or of our
  // own temporary credentials).
  Task<Result<std::string>> presigned_get(std::string key, Duration lifetime);
  Task<Result<std::vector<std::string>>> list(std::string prefix);  // keys, the first 1,000
  Task<Result<>> remove(std::string key);                           // absent is fine

 private:
  struct Impl;
  explicit S3Bucket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Keys in an answer of ListObjectsV2; pure.
std::vector<std::string> read_keys(std::string_view xml);

}  // namespace posthorn::aws
