// The host that media are downloaded from, with the faults that such hosts have.
#pragma once
#include <string>
#include <vector>

#include "platform/http_server.h"
#include "sandbox/messaging.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

inline constexpr std::string_view kMediaPath = "sandbox-media";  // WhatsApp: needs the token
inline constexpr std::string_view kCdnPath = "sandbox-cdn";  // Instagram, Messenger: the address is the proof

// Answers GET /sandbox-media/{id} or /sandbox-cdn/{id}: 404 for unknown files, wrong signatures and addresses
// that have ended. `path`: segments.
Task<> serve_media(World& world, const Messaging& messaging, std::vector<std::string> path,
                   HttpExchange& exchange);

// What GET /{media-id} gives as "url"; lives for five minutes (Meta's media reference).
std::string media_address(const World& world, const MediaFile& file);

}  // namespace posthorn::sandbox
