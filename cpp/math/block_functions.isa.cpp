#include "math/block_functions.hpp"

#include "base/isa_symbol.hpp"
#include "math/exponential_rows.hpp"
#include "math/hyperbolic.hpp"
#include "math/power.hpp"
#include "math/special.hpp"
#include "math/trigonometric.hpp"

namespace curvature {
namespace {

// An input is a block, read vector by vector, or one number, read once.
struct Block {
  const double* from;
  explicit Block(const double* block) : from(block) {}
  Doubles at(std::size_t i) const { return load<Doubles>(from + i); }
};
struct Constant {
  Doubles value;
  explicit Constant(const double* number) : value(splat(*number)) {}
  Doubles at(std::size_t) const { return value; }
};

template <auto function>
[[gnu::flatten]] void run_unary(const double* a, const double*, const double*, double* out, std::size_t n) {
  for (std::size_t i = 0; i < n; i += kLanes) store(out + i, function(load<Doubles>(a + i)));
}

template <auto function, class Left, class Right>
[[gnu::flatten]] void run_binary(const double* a, const double* b, const double*, double* out, std::size_t n) {
  const Left left(a);
  const Right right(b);
  for (std::size_t i = 0; i < n; i += kLanes) store(out + i, function(left.at(i), right.at(i)));
}

template <auto function>
[[gnu::flatten]] void run_ternary(const double* a, const double* b, const double* c, double* out, std::size_t n) {
  for (std::size_t i = 0; i < n; i += kLanes) {
    store(out + i, function(load<Doubles>(a + i), load<Doubles>(b + i), load<Doubles>(c + i)));
  }
}

// Functions of one exponential: of the argument that the first names, to the end by the second.
template <auto exponent, auto function, Use when>
[[gnu::flatten]] void run_unary_of_exponential(const double* a, const double*, const double*, double* out,
                                               std::size_t n) {
  for_each_exponential<when>(
      n, [=](std::size_t i) { return exponent(load<Doubles>(a + i)); },
      [=](std::size_t i, Doubles e) { store(out + i, function(load<Doubles>(a + i), e)); });
}

template <auto exponent, auto function, class Left, class Right>
[[gnu::flatten]] void run_binary_of_exponential(const double* a, const double* b, const double*, double* out,
                                                std::size_t n) {
  const Left left(a);
  const Right right(b);
  for_each_exponential<Use::in_own_pass>(
      n, [&](std::size_t i) { return exponent(left.at(i), right.at(i)); },
      [&](std::size_t i, Doubles e) { store(out + i, function(left.at(i), right.at(i), e)); });
}

template <auto function>
constexpr BlockFunction unary(const char* name) {
  return {name, 1, run_unary<function>, nullptr, nullptr};
}
template <auto function>
constexpr BlockFunction binary(const char* name) {
  return {name, 2, run_binary<function, Block, Block>, run_binary<function, Constant, Block>,
          run_binary<function, Block, Constant>};
}
template <auto exponent, auto function, Use when = Use::in_own_pass>
constexpr BlockFunction unary_of_exponential(const char* name) {
  return {name, 1, run_unary_of_exponential<exponent, function, when>, nullptr, nullptr};
}
template <auto exponent, auto function>
constexpr BlockFunction binary_of_exponential(const char* name) {
  return {name, 2, run_binary_of_exponential<exponent, function, Block, Block>,
          run_binary_of_exponential<exponent, function, Constant, Block>,
          run_binary_of_exponential<exponent, function, Block, Constant>};
}
template <auto function>
constexpr BlockFunction ternary(const char* name) {
  return {name, 3, run_ternary<function>, nullptr, nullptr};
}

inline Doubles truth(Integers comparison) { return comparison ? splat(1.0) : splat(0.0); }

constexpr BlockFunction kFunctions[] = {
    unary<[](Doubles x) { return -x; }>("negative"),
    unary<[](Doubles x) { return abs(x); }>("abs"),
    unary<[](Doubles x) { return x == 0.0 ? splat(0.0) : (x == x ? copy_sign(splat(1.0), x) : x); }>("sign"),
    unary<[](Doubles x) { return x * x; }>("square"),
    unary<[](Doubles x) { return 1.0 / x; }>("reciprocal"),
    unary<[](Doubles x) { return sqrt(x); }>("sqrt"),
    unary_of_exponential<[](Doubles x) { return x; }, [](Doubles, Doubles e) { return e; }, Use::at_once>("exp"),
    unary<[](Doubles x) { return expm1(x); }>("expm1"),
    unary<[](Doubles x) { return log(x); }>("log"),
    unary<[](Doubles x) { return log1p(x); }>("log1p"),
    unary_of_exponential<[](Doubles x) { return -x; }, [](Doubles, Doubles e) { return sigmoid(e); }>("expit"),
    unary_of_exponential<[](Doubles x) { return -abs(x); }, [](Doubles x, Doubles e) { return -softplus(-x, e); }>(
        "log_expit"),
    unary_of_exponential<[](Doubles x) { return -abs(x); }, [](Doubles x, Doubles e) { return softplus(x, e); }>(
        "softplus"),
    unary<[](Doubles x) { return sin(x); }>("sin"),
    unary<[](Doubles x) { return cos(x); }>("cos"),
    unary<[](Doubles x) { return arctan(x); }>("arctan"),
    unary<[](Doubles x) { return sinh(x); }>("sinh"),
    unary<[](Doubles x) { return cosh(x); }>("cosh"),
    unary<[](Doubles x) { return tanh(x); }>("tanh"),
    unary_of_exponential<[](Doubles x) { return -2.0 * abs(x); }, [](Doubles x, Doubles e) { return log_cosh(x, e); }>(
        "log_cosh"),
    unary<[](Doubles x) { return erf(x); }>("erf"),
    unary<[](Doubles x) { return log_gamma(x); }>("gammaln"),
    unary<[](Doubles x) { return digamma(x); }>("digamma"),
    unary<[](Doubles x) { return trigamma(x); }>("trigamma"),
    unary<[](Doubles x) { return truth(x == 0.0); }>("not"),
    binary<[](Doubles a, Doubles b) { return a + b; }>("add"),
    binary<[](Doubles a, Doubles b) { return a - b; }>("subtract"),
    binary<[](Doubles a, Doubles b) { return a * b; }>("multiply"),
    binary<[](Doubles a, Doubles b) { return a / b; }>("divide"),
    binary<[](Doubles a, Doubles b) { return pow(a, b); }>("power"),
    binary<[](Doubles a, Doubles b) { return a == a ? min(a, b) : a; }>("minimum"),
    binary<[](Doubles a, Doubles b) { return a == a ? max(a, b) : a; }>("maximum"),
    binary_of_exponential<[](Doubles a, Doubles b) { return -gap_of(a, b); },
                          [](Doubles a, Doubles b, Doubles e) { return logaddexp(a, b, e); }>("logaddexp"),
    binary<[](Doubles a, Doubles b) { return xlogy(a, b); }>("xlogy"),
    binary<[](Doubles a, Doubles b) { return truth(a < b); }>("less"),
    binary<[](Doubles a, Doubles b) { return truth(a <= b); }>("less_equal"),
    binary<[](Doubles a, Doubles b) { return truth(a == b); }>("equal"),
    binary<[](Doubles a, Doubles b) { return truth(a != b); }>("not_equal"),
    binary<[](Doubles a, Doubles b) { return truth((a != 0.0) & (b != 0.0)); }>("and"),
    binary<[](Doubles a, Doubles b) { return truth((a != 0.0) | (b != 0.0)); }>("or"),
    ternary<[](Doubles a, Doubles b, Doubles c) { return a != 0.0 ? b : c; }>("where"),
};

[[gnu::flatten]] void run_sigmoid_pair(const double* x, double* out, double* mirrored, std::size_t n) {
  for_each_exponential<Use::in_own_pass>(
      n, [=](std::size_t i) { return -load<Doubles>(x + i); },
      [=](std::size_t i, Doubles e) {
        const SigmoidPair pair = sigmoid_pair(e);
        store(out + i, pair.value);
        store(mirrored + i, pair.mirrored);
      });
}

}  // namespace

extern const BlockFunctionTable CURVATURE_ISA_SYMBOL(block_function_table){
    kFunctions, sizeof(kFunctions) / sizeof(kFunctions[0]), run_sigmoid_pair};

}  // namespace curvature
