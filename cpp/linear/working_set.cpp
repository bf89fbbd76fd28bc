#include "linear/working_set.hpp"

#include <algorithm>
#include <cstddef>

namespace curvature {

WorkingSetGrowth growth_of(const WorkingColumns& working, const std::vector<double>& violations,
                           const std::vector<char>& is_used) {
  constexpr std::size_t kFirst = 100;
  const std::size_t n_columns = violations.size();
  std::vector<char> is_working(n_columns, 0);
  for (std::size_t k = 0; k < working.size(); ++k) is_working[working[k]] = 1;
  WorkingSetGrowth growth;
  std::vector<std::int32_t> candidates;
  std::size_t n_used = 0;
  for (std::size_t j = 0; j < n_columns; ++j) {
    n_used += is_used[j] ? 1 : 0;
    if (is_working[j]) continue;
    if (is_used[j]) {
      growth.added.push_back(static_cast<std::int32_t>(j));
    } else if (violations[j] > 0) {
      candidates.push_back(static_cast<std::int32_t>(j));
    }
  }
  const std::size_t n_kept = working.size() + growth.added.size();
  const std::size_t wanted = std::max({kFirst, 2 * n_used, n_kept + n_kept / 2});
  const std::size_t n_best = std::min(candidates.size(), wanted - n_kept);
  growth.takes_all = n_columns <= kFirst || 4 * (n_kept + n_best) > 3 * n_columns;
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(n_best), candidates.end(),
                   [&](std::int32_t a, std::int32_t b) {
                     const double left = violations[static_cast<std::size_t>(a)];
                     const double right = violations[static_cast<std::size_t>(b)];
                     return left != right ? left > right : a < b;
                   });
  growth.added.insert(growth.added.end(), candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(n_best));
  std::sort(growth.added.begin(), growth.added.end());
  return growth;
}

}  // namespace curvature
