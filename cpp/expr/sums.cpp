// a + b and a - b: like terms merged, numbers together, signs in front.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "expr/simplification.hpp"

namespace curvature {
namespace {

// A sum taken apart: coefficient times term, and a number. Long sums are taken apart only near their top.
class Terms {
 public:
  void add(const Term& x, double coefficient, int depth = 0, bool distributed = false) {
    constexpr int kMaxDepth = 4;
    if (const auto value = x.number(); value && std::isfinite(*value * coefficient)) {
      number_ += *value * coefficient;
      n_numbers_ += distributed ? 0 : 1;
      return;
    }
    if (depth < kMaxDepth) {
      if (x.is(Operation::negative)) return add(x[0], -coefficient, depth + 1, distributed);
      if (x.is(Operation::add) || x.is(Operation::subtract)) {
        add(x[0], coefficient, depth + 1, distributed);
        return add(x[1], x.is(Operation::add) ? coefficient : -coefficient, depth + 1, distributed);
      }
      if (x.is(Operation::multiply) && x[0].is_number() && harmless(*x[0].number() * coefficient)) {
        return add(x[1], *x[0].number() * coefficient, depth + 1, true);
      }
    }
    add_leaf(x, coefficient);
  }

  // Worth writing anew: something vanished or little is left. Otherwise the formula keeps its own order.
  [[nodiscard]] bool shrunk() const {
    const auto left = static_cast<int>(std::count_if(terms_.begin(), terms_.end(), &Terms::remains));
    const bool vanished = left < static_cast<int>(terms_.size());
    return vanished || ((merged_ || n_numbers_ > 1) && left + (number_ != 0 ? 1 : 0) <= 2);
  }

  [[nodiscard]] Term sum(const Term& any) const {
    Simpler sum;
    // A positive term first, so that the sum does not start with a sign.
    for (const bool positive : {true, false}) {
      for (const Scaled& scaled : terms_) {
        if (!remains(scaled) || (scaled.coefficient > 0) != positive) continue;
        const Term part = std::abs(scaled.coefficient) * scaled.term;
        sum = !sum ? (positive ? part : -part) : (positive ? *sum + part : *sum - part);
      }
    }
    if (!sum) return any.constant(number_);
    if (number_ == 0) return *sum;
    const bool leads = sum->is(Operation::negative);  // 3 - x rather than -x + 3
    return leads ? any.constant(number_) - (*sum)[0] : *sum + number_;
  }

 private:
  struct Scaled {
    Term term;
    double coefficient;
  };
  static bool remains(const Scaled& scaled) { return scaled.coefficient != 0; }

  void add_leaf(const Term& x, double coefficient) {
    for (Scaled& known : terms_) {
      if (!(known.term == x)) continue;
      // Coefficients are products of rounded numbers: what is left of equal ones is rounding.
      const double rounding = 4 * std::numeric_limits<double>::epsilon() * std::abs(coefficient);
      known.coefficient += coefficient;
      if (std::abs(known.coefficient) <= rounding) known.coefficient = 0;
      merged_ = true;
      return;
    }
    terms_.push_back({x, coefficient});
  }

  std::vector<Scaled> terms_;
  double number_ = 0;
  int n_numbers_ = 0;
  bool merged_ = false;
};

Simpler merged(const Term& a, const Term& b, double sign) {
  Terms terms;
  terms.add(a, 1);
  terms.add(b, sign);
  if (!terms.shrunk()) return std::nullopt;
  return terms.sum(a);
}

// c x with c < 0.
bool negative_multiple(const Term& x) { return x.is(Operation::multiply) && x[0].is_number() && *x[0].number() < 0; }

// The factors of a product, a square as two of them; a number among them stays in front.
std::vector<Term> factors(const Term& x) {
  std::vector<Term> open{x}, found;
  while (!open.empty() && open.size() + found.size() < 8) {
    const Term top = open.back();
    open.pop_back();
    if (top.is(Operation::multiply)) {
      open.push_back(top[1]);
      open.push_back(top[0]);
    } else if (top.is(Operation::square)) {
      found.insert(found.end(), 2, top[0]);
    } else {
      found.push_back(top);
    }
  }
  found.insert(found.end(), open.rbegin(), open.rend());
  return found;
}

Term product_without(std::vector<Term> all, std::size_t left_out) {
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(left_out));
  Term product = all[0];
  for (std::size_t i = 1; i < all.size(); ++i) product = product * all[i];
  return product;
}

// x y ± x z = x (y ± z)
Simpler common_factor(const Term& a, const Term& b, Operation operation) {
  const auto is_product = [](const Term& x) { return x.is(Operation::multiply) || x.is(Operation::square); };
  if (!is_product(a) || !is_product(b)) return std::nullopt;
  const std::vector<Term> left = factors(a), right = factors(b);
  for (std::size_t i = 0; i < left.size(); ++i) {
    const auto same = std::find(right.begin(), right.end(), left[i]);
    if (same == right.end() || left[i].is_number()) continue;
    const Term y = product_without(left, i);
    return left[i] * apply(operation, y, product_without(right, static_cast<std::size_t>(same - right.begin())));
  }
  return std::nullopt;
}

// where(c, x, y) ± where(c, u, v) = where(c, x ± u, y ± v)
Simpler same_choice(const Term& a, const Term& b, Operation operation) {
  if (!a.is(Operation::where) || !b.is(Operation::where) || !(a[0] == b[0])) return std::nullopt;
  return where(a[0], apply(operation, a[1], b[1]), apply(operation, a[2], b[2]));
}

}  // namespace

Simpler merged_difference(const Term& a, const Term& b) { return merged(a, b, -1); }

Simpler simpler_sum(const Term& a, const Term& b) {
  if (a.is_number(0)) return b;
  if (b.is_number(0)) return a;
  if (a.is_number()) return b + a;  // numbers last
  if (b.is_number() && a.is(Operation::add) && a[1].is_number()) return a[0] + (a[1] + b);
  if (b.is_number() && a.is(Operation::subtract) && a[0].is_number()) return (a[0] + b) - a[1];
  if (const Simpler stable = stable_sum(a, b, false)) return stable;
  if (const Simpler sum = merged(a, b, 1)) return sum;
  if (b.is(Operation::negative)) return a - b[0];
  if (a.is(Operation::negative)) return b - a[0];
  if (negative_multiple(b)) return a - -b;
  if (negative_multiple(a)) return b - -a;
  if (const Simpler choice = same_choice(a, b, Operation::add)) return choice;
  return common_factor(a, b, Operation::add);
}

Simpler simpler_difference(const Term& a, const Term& b) {
  if (b.is_number(0)) return a;
  if (a.is_number(0)) return -b;
  if (a == b) return a.constant(0);
  if (b.is_number()) return a + -b;
  if (a.is_number() && b.is(Operation::add) && b[1].is_number()) return (a - b[1]) - b[0];
  if (a.is_number() && b.is(Operation::subtract) && b[0].is_number()) return b[1] + (a - b[0]);
  if (const Simpler stable = stable_sum(a, b, true)) return stable;
  if (const Simpler difference = merged(a, b, -1)) return difference;
  if (b.is(Operation::negative)) return a + b[0];
  if (a.is(Operation::negative)) return -(a[0] + b);
  if (negative_multiple(b)) return a + -b;
  if (const Simpler choice = same_choice(a, b, Operation::subtract)) return choice;
  return common_factor(a, b, Operation::subtract);
}

}  // namespace curvature
