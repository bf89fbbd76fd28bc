// Which of the compiled instruction sets runs. Decided once, when first asked.
#pragma once

namespace curvature {

enum class InstructionSet { baseline, v3, v4 };

/// The best set that both the build and this processor have, or the one that the environment variable CURVATURE_ISA
/// names. Throws InputError where that one cannot run.
[[nodiscard]] InstructionSet instruction_set();
[[nodiscard]] bool supported(InstructionSet set);
[[nodiscard]] const char* name(InstructionSet set);

/// The set of that name; throws InputError where the name is unknown or the processor lacks it.
[[nodiscard]] InstructionSet instruction_set_named(const char* name);

/// A function table per instruction set, as the *.isa.cpp files export them.
template <class Table>
struct PerInstructionSet {
  const Table& baseline;
#ifdef CURVATURE_HAS_X86_LEVELS
  const Table& v3;
  const Table& v4;
#endif
  [[nodiscard]] const Table& of([[maybe_unused]] InstructionSet set) const {
#ifdef CURVATURE_HAS_X86_LEVELS
    if (set == InstructionSet::v3) return v3;
    if (set == InstructionSet::v4) return v4;
#endif
    return baseline;
  }
};

}  // namespace curvature
