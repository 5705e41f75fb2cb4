// The sandbox's S3: one bucket in memory, with the calls that media need (S3 API reference): put, get, head,
// delete and list. Addresses are path style.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "core/time.h"
#include "platform/http.h"

namespace posthorn::sandbox {

struct S3Object {
  std::string bytes, mime;
  WallTime at;
};

class AwsBucket {
 public:
  explicit AwsBucket(const std::string& name) : name_(name) {}  // the name must outlive this

  void put(std::string key, std::string mime, std::string bytes, WallTime now);
  // A call whose signature was found good.
  HttpResponse call(const HttpRequest& request, WallTime now);

  const std::map<std::string, S3Object, std::less<>>& objects() const { return objects_; }
  void clear() { objects_.clear(); }

 private:
  HttpResponse list(const HttpRequest& request) const;
  HttpResponse on_object(const HttpRequest& request, const std::string& key, WallTime now);

  const std::string& name_;
  std::map<std::string, S3Object, std::less<>> objects_;
};

// An error as S3 writes it.
HttpResponse s3_error(int status, std::string_view code, std::string_view message,
                      std::string_view more_xml = {});
std::string xml_escaped(std::string_view text);

}  // namespace posthorn::sandbox
