// Uninitialised memory on cache-line boundaries; large blocks sit on huge pages where the system grants them.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace curvature {

/// `bytes` of memory aligned to 64 bytes (2 MiB for blocks of 4 MiB and more). Throws std::bad_alloc.
[[nodiscard]] void* allocate_aligned(std::size_t bytes);
/// `bytes` as they were asked for.
void release_aligned(void* memory, std::size_t bytes) noexcept;

/// A fixed-size array of plain values, owned by whoever holds it. Not initialised: the first writer decides the page.
template <class T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size) : data_(static_cast<T*>(allocate_aligned(size * sizeof(T))), {size}) {}
  AlignedBuffer(std::size_t size, T value) : AlignedBuffer(size) { std::uninitialized_fill_n(data(), size, value); }

  [[nodiscard]] T* data() noexcept { return data_.get(); }
  [[nodiscard]] const T* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return data_.get_deleter().size; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  T& operator[](std::size_t i) noexcept { return data()[i]; }
  const T& operator[](std::size_t i) const noexcept { return data()[i]; }

 private:
  struct Release {
    std::size_t size = 0;
    void operator()(T* memory) const noexcept { release_aligned(memory, size * sizeof(T)); }
  };
  std::unique_ptr<T, Release> data_;
};

}  // namespace curvature
