#include "base/instruction_set.hpp"

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace curvature {
namespace {

constexpr std::array kAll{InstructionSet::baseline, InstructionSet::v3, InstructionSet::v4};

}  // namespace

bool supported(InstructionSet set) {
#ifdef CURVATURE_HAS_X86_LEVELS
  // The compiler's own list of what the levels mean; it checks that the system saves the wide registers too.
  if (set == InstructionSet::v3) return __builtin_cpu_supports("x86-64-v3") != 0;
  if (set == InstructionSet::v4) return __builtin_cpu_supports("x86-64-v4") != 0;
#endif
  return set == InstructionSet::baseline;
}

const char* name(InstructionSet set) {
  switch (set) {
    case InstructionSet::v3:
      return "v3";
    case InstructionSet::v4:
      return "v4";
    case InstructionSet::baseline:
      break;
  }
  return "baseline";
}

InstructionSet instruction_set() {
  static const InstructionSet chosen = [] {
    if (const char* forced = std::getenv("CURVATURE_ISA"); forced && *forced) return instruction_set_named(forced);
    InstructionSet found = InstructionSet::baseline;
    for (const InstructionSet set : kAll) {
      if (supported(set)) found = set;
    }
    return found;
  }();
  return chosen;
}

InstructionSet instruction_set_named(const char* wanted) {
  for (const InstructionSet set : kAll) {
    if (std::string_view(wanted) == name(set) && supported(set)) return set;
  }
  std::string known;
  for (const InstructionSet set : kAll) {
    if (supported(set)) known += sentence(known.empty() ? "'" : ", '", name(set), "'");
  }
  throw InputError(sentence("instruction set '", wanted, "' is not one of those this build and processor have: ", known,
                            " (it may have been forced by the environment variable CURVATURE_ISA)."));
}

}  // namespace curvature
