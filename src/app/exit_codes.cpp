#include "app/exit_codes.h"

namespace posthorn {

int exit_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::unauthenticated:
    case ErrorCode::permission_denied:
    case ErrorCode::not_found:
    case ErrorCode::conflict:
    case ErrorCode::too_large:
      return kExitRefused;
    case ErrorCode::unavailable:
    case ErrorCode::deadline_exceeded:
      return kExitUnreachable;
    case ErrorCode::resource_exhausted:
    case ErrorCode::cancelled:
    case ErrorCode::data_loss:
    case ErrorCode::internal:
      return kExitFailure;
  }
  return kExitFailure;
}

}  // namespace posthorn
