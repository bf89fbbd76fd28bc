#include "loss/named.hpp"

#include <type_traits>

#include "base/errors.hpp"
#include "loss/builtin.hpp"
#include "loss/pointwise.hpp"
#include "loss/softmax.hpp"

namespace curvature {
namespace {

// Calls visit(type_identity<L>, place of L in the list) for each.
template <class Visit, class... L>
void for_each_loss(Visit&& visit, LossList<L...>) {
  std::size_t place = 0;
  (visit(std::type_identity<L>{}, place++), ...);
}

template <class L, class Visit>
void for_each_parameter(Visit&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, fields_of<L>());
}

const PointwiseLoops& loops_of(InstructionSet set, std::size_t place) {
  static const PerInstructionSet<PointwiseTable> tables{
      pointwise_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      pointwise_table_v3,
      pointwise_table_v4,
#endif
  };
  return tables.of(set).losses[place];
}

template <class L>
LossInfo info_of(const L& loss) {
  LossInfo info;
  info.name = L::description.name;
  info.link = L::description.link;
  info.domain = L::description.domain;
  info.leaf_rule = L::description.leaf_rule;
  info.unit_curvature = L::description.unit_curvature;
  info.of_residual = L::description.of_residual;
  info.fits = L::description.fits;
  if constexpr (requires { loss.quantile_level(); }) info.quantile_level = loss.quantile_level();
  if constexpr (requires { loss.insensitive_width(); }) info.insensitive_width = loss.insensitive_width();
  if constexpr (requires { loss.dispersion; }) info.dispersion = loss.dispersion;
  return info;
}

InputError unknown_parameter(const std::string& loss, const std::string& given, const std::string& known) {
  return InputError(sentence("loss='", loss, "' has no parameter '", given, "'; ",
                             known.empty() ? "it has none" : "allowed are: " + known, "."));
}

template <class L>
std::shared_ptr<Loss> make_pointwise(const NamedValues& given, const PointwiseLoops& loops) {
  L loss;
  for (const auto& [name, value] : given) {
    bool found = false;
    std::string known;
    for_each_parameter<L>([&](const auto& field) {
      known += sentence(known.empty() ? "" : ", ", field.name);
      if (name != field.name) return;
      found = true;
      if (!field.bounds.contain(value)) {
        throw InputError(
            sentence(name, "=", value, " of loss='", L::description.name, "' must be ", describe(field.bounds), "."));
      }
      loss.*field.member = value;
    });
    if (!found) throw unknown_parameter(L::description.name, name, known);
  }
  std::vector<double> parameters;
  for_each_parameter<L>([&](const auto& field) { parameters.push_back(loss.*field.member); });
  return std::make_shared<PointwiseLoss>(info_of(loss), L::description.start, std::move(parameters), loops);
}

}  // namespace

std::shared_ptr<Loss> make_loss(const std::string& name, const NamedValues& parameters, std::size_t n_classes,
                                InstructionSet set, bool of_shares) {
  if (name == "softmax") {
    if (!parameters.empty()) throw unknown_parameter(name, parameters[0].first, "");
    return std::make_shared<SoftmaxLoss>(n_classes, set, of_shares);
  }
  std::shared_ptr<Loss> made;
  std::string known;
  for_each_loss(
      [&]<class L>(std::type_identity<L>, std::size_t place) {
        known += sentence("'", L::description.name, "', ");
        if (name == L::description.name) made = make_pointwise<L>(parameters, loops_of(set, place));
      },
      BuiltinLosses{});
  if (!made) throw InputError(sentence("loss='", name, "' must be one of ", known, "'softmax'."));
  return made;
}

std::vector<KnownLoss> known_losses() {
  std::vector<KnownLoss> losses;
  for_each_loss(
      [&]<class L>(std::type_identity<L>, std::size_t) {
        const L defaults;
        KnownLoss loss{info_of(defaults), {}};
        for_each_parameter<L>([&](const auto& field) {
          loss.parameters.push_back({field.name, defaults.*field.member, describe(field.bounds), field.doc});
        });
        losses.push_back(std::move(loss));
      },
      BuiltinLosses{});
  losses.push_back({SoftmaxLoss(2, instruction_set()).info(), {}});
  return losses;
}

}  // namespace curvature
