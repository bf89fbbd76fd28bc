#include "base/aligned_buffer.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace curvature {
namespace {

constexpr std::size_t kCacheLine = 64;

std::size_t round_up(std::size_t size, std::size_t to) { return (size + to - 1) / to * to; }

#ifdef __linux__
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Large blocks are mapped one by one, so that releasing one gives its memory back, whatever malloc keeps; from a huge
// page's boundary, since random gathers over small pages cost a tenth more (misses of the translation cache).
constexpr std::size_t kMapped = 2 * kHugePage;

void* map(std::size_t bytes) {
  const std::size_t size = round_up(bytes, kPage);
  void* raw = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(raw);
  const auto address = reinterpret_cast<std::uintptr_t>(raw);
  const std::size_t before = round_up(address, kHugePage) - address;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + size, kHugePage - before);
  madvise(begin + before, size, MADV_HUGEPAGE);
  return begin + before;
}
#endif

}  // namespace

void* allocate_aligned(std::size_t bytes) {
#ifdef __linux__
  if (bytes >= kMapped) return map(bytes);
#endif
  void* memory = nullptr;
  if (posix_memalign(&memory, kCacheLine, bytes == 0 ? kCacheLine : round_up(bytes, kCacheLine)) != 0) {
    throw std::bad_alloc();
  }
  return memory;
}

void release_aligned(void* memory, std::size_t bytes) noexcept {
#ifdef __linux__
  if (bytes >= kMapped) {
    munmap(memory, round_up(bytes, kPage));
    return;
  }
#endif
  (void)bytes;
  std::free(memory);
}

}  // namespace curvature
