#include "channels/aws/s3_bucket.h"

#include <algorithm>

namespace posthorn::aws {
struct S3Bucket::Impl {
  AwsClient::Ports ports;
  std::string bucket;
  std::string base_url;
  std::string path;  // "/" or "/bucket/"
  std::unique_ptr<AwsClient> client;
  AwsSigner signer;

  std::string target(std::string_view key) const {
    std::string out = path;
    for (std::size_t at = 0; at <= key.size();) {
      const std::size_t end = std::min(key.find('/', at), key.size());
      out += (at == 0 ? "" : "/") + percent_encode(key.substr(at, end - at));
      at = end + 1;
    }
    return out;
  }
};

S3Bucket::S3Bucket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
S3Bucket::~S3Bucket() = default;

const std::string& S3Bucket::name() const {
  return impl_->bucket;
}

Result<std::unique_ptr<S3Bucket>> S3Bucket::create(AwsClient::Ports ports, std::string bucket,
                                                   std::string region, std::string endpoint) {
  // A dot in the name would not fit the certificate of *.s3.{region}.amazonaws.com.
  const bool in_path = !endpoint.empty() || bucket.contains('.');
  const std::string host = in_path ? "s3" : bucket + ".s3";
  std::string base_url = service_url(host, region, endpoint);
  AwsService service{.signing_name = "s3", .region = region, .base_url = base_url};
  PH_TRY_ASSIGN(std::unique_ptr<AwsClient> client, AwsClient::create(ports, std::move(service)));
  auto impl = std::make_unique<Impl>(Impl{.ports = ports,
                                          .bucket = bucket,
                                          .base_url = std::move(base_url),
                                          .path = in_path ? "/" + bucket + "/" : "/",
                                          .client = std::move(client),
                                          .signer = AwsSigner(std::move(region), "s3")});
  return std::unique_ptr<S3Bucket>(new S3Bucket(std::move(impl)));
}

Task<Result<std::string>> S3Bucket::presigned_get(std::string key, Duration lifetime) {
  PH_CO_TRY_ASSIGN(const AwsCredentials keys, co_await impl_->ports.credentials.get());
  PH_CO_TRY_ASSIGN(const ParsedUrl url, parse_url(impl_->base_url));
  HttpRequest request;
  request.target = impl_->target(key);
  const WallTime now = impl_->ports.clock.wall_now();
  co_return impl_->base_url + impl_->signer.presign(request, aws_host(url.endpoint), keys, now, lifetime);
}

Task<Result<std::vector<std::string>>> S3Bucket::list(std::string prefix) {
  HttpRequest request;
  request.target = impl_->path + "?list-type=2&prefix=" + percent_encode(prefix);
  PH_CO_TRY_ASSIGN(const HttpResponse answer,
                   co_await impl_->client->call(std::move(request), CallOptions()));
  co_return read_keys(answer.body);
}

Task<Result<>> S3Bucket::remove(std::string key) {
  HttpRequest request;
  request.method = "DELETE";
  request.target = impl_->target(key);
  PH_CO_TRY(co_await impl_->client->call(std::move(request), CallOptions()));
  co_return Result<>();
}

std::vector<std::string> read_keys(std::string_view xml) {
  std::vector<std::string> keys;
  for (std::size_t at = xml.find("<Key>"); at != std::string_view::npos; at = xml.find("<Key>", at + 1))
    keys.push_back(xml_text(xml.substr(at), "Key"));
  return keys;
}

}  // namespace posthorn::aws
