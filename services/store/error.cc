#include "services/store/error.h"

#include <array>

namespace ringgate {
namespace {

struct Texts {
  std::string_view name;
  std::string_view sentence;
};
constexpr std::array<Texts, kStoreErrors> kTexts{
    {{"unavailable", "the store is not available"},
     {"queue_full", "the store has too much to do"},
     {"timeout", "the store did not answer in time"},
     {"bad_name", "there is a name that none may have"}}};

}  // namespace

std::string_view describe(StoreError error) noexcept {
  return kTexts[static_cast<std::size_t>(error)].sentence;
}

std::string_view name_of(StoreError error) noexcept {
  return kTexts[static_cast<std::size_t>(error)].name;
}

}  // namespace ringgate
