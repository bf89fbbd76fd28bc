#include "data/sparse_rows.hpp"

#include <vector>

#include "base/errors.hpp"

namespace curvature {
namespace {

void check_begin(const SparseRows& rows, std::size_t n_rows, std::size_t n_stored) {
  std::int64_t before = 0;
  for (std::size_t row = 0; row <= n_rows; ++row) {
    const std::int64_t begin = rows.begin[row];
    if (begin < before || (row == 0 && begin != 0) || begin > static_cast<std::int64_t>(n_stored)) {
      throw InputError(sentence("X has sparse rows whose row ", row, " begins at entry ", begin, ", after entry ",
                                before, ", of ", n_stored, "; they must follow each other."));
    }
    before = begin;
  }
}

}  // namespace

bool check_sparse_rows(const SparseRows& rows, std::size_t n_rows, std::size_t n_stored) {
  constexpr std::size_t kMostColumns = (std::size_t{1} << 31) - 1;
  if (rows.n_columns > kMostColumns) {
    throw InputError(sentence("X has ", rows.n_columns, " columns; at most ", kMostColumns, " are allowed."));
  }
  check_begin(rows, n_rows, n_stored);
  bool repeats = false;
  std::vector<std::size_t> last_row;  // where columns are out of order: 1 + the row that named each last
  for (std::size_t row = 0; row < n_rows; ++row) {
    const std::size_t end = rows.row_begin(row + 1);
    std::int64_t before = -1;
    bool increasing = true;
    for (std::size_t at = rows.row_begin(row); at < end; ++at) {
      const std::int64_t column = rows.columns[at];
      if (column < 0 || column >= static_cast<std::int64_t>(rows.n_columns)) {
        throw InputError(sentence("X has a sparse entry in column ", column, " of row ", row, "; it has ",
                                  rows.n_columns, " columns."));
      }
      increasing = increasing && column > before;
      before = column;
    }
    if (increasing) continue;
    last_row.resize(rows.n_columns, 0);
    for (std::size_t at = rows.row_begin(row); at < end; ++at) {
      std::size_t& last = last_row[static_cast<std::size_t>(rows.columns[at])];
      repeats = repeats || last == row + 1;
      last = row + 1;
    }
  }
  return repeats;
}

}  // namespace curvature
