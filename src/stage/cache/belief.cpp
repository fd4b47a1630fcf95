#include "stage/cache/belief.hpp"

#include <algorithm>
#include <cmath>

namespace hawser::stage::cache {
namespace {

constexpr int newton_steps = 8;
constexpr double doubtful = 5;  // times the error bound: nothing that may be wrong so often

double sigmoid(double z) {
  return 1 / (1 + std::exp(-z));
}

/// Similarities that matter lie close to 1: stretched, so that both parameters are of one size.
double stretched(double similarity) {
  return (similarity - 0.9) / 0.05;
}

/// One minus a risk, and how many standard deviations below the mean lie as far as that.
struct Quantile {
  double risk;
  double deviations;
};
constexpr std::array<Quantile, 6> quantiles{{{0.001, 3.0902},
                                             {0.0025, 2.8070},
                                             {0.005, 2.5758},
                                             {0.01, 2.3263},
                                             {0.025, 1.9600},
                                             {0.05, 1.6449}}};

}  // namespace

Belief::Belief() : mean_{-1, 1}, precision_{{{0.1, 0}, {0, 0.5}}} {}

/// The most probable parameters after one more observation, by Newton's method; the curvature there
/// is the new precision (Laplace).
void Belief::observe(double similarity, bool right) {
  const double x = stretched(similarity);
  std::array<double, 2> w = mean_;
  double weight = 0;
  for (int step = 0; step < newton_steps; ++step) {
    const double p = sigmoid(w[0] + w[1] * x);
    weight = p * (1 - p);
    const double d0 = w[0] - mean_[0], d1 = w[1] - mean_[1];
    const double miss = p - (right ? 1 : 0);
    const double g0 = precision_[0][0] * d0 + precision_[0][1] * d1 + miss;
    const double g1 = precision_[1][0] * d0 + precision_[1][1] * d1 + miss * x;
    const double h00 = precision_[0][0] + weight;
    const double h01 = precision_[0][1] + weight * x;
    const double h11 = precision_[1][1] + weight * x * x;
    const double determinant = h00 * h11 - h01 * h01;
    w[0] -= (h11 * g0 - h01 * g1) / determinant;
    w[1] -= (h00 * g1 - h01 * g0) / determinant;
    w[1] = std::max(w[1], 0.0);  // more alike is never worse
  }
  mean_ = w;
  precision_[0][0] += weight;
  precision_[0][1] += weight * x;
  precision_[1][0] += weight * x;
  precision_[1][1] += weight * x * x;
  ++observations_;
}

Belief::Curve Belief::at(double similarity) const {
  const double x = stretched(similarity);
  const double determinant =
      precision_[0][0] * precision_[1][1] - precision_[0][1] * precision_[1][0];
  const double v00 = precision_[1][1] / determinant;
  const double v01 = -precision_[0][1] / determinant;
  const double v11 = precision_[0][0] / determinant;
  return {mean_[0] + mean_[1] * x, v00 + 2 * v01 * x + v11 * x * x};
}

double Belief::explore(double similarity, double error_bound) const {
  const Curve curve = at(similarity);
  const double deviation = std::sqrt(std::max(curve.variance, 0.0));
  double surely = 0;  // right with at least this probability
  for (const auto& [risk, deviations] : quantiles) {
    surely = std::max(surely, (1 - risk) * sigmoid(curve.mean - deviations * deviation));
  }
  // The bound alone would let a few answers pass that are surely wrong.
  if (surely < 1 - doubtful * error_bound) return 1;
  return std::clamp((1 - error_bound - surely) / (1 - surely), 0.0, 1.0);
}

Belief Belief::as_prior(double most) const {
  Belief prior = *this;
  const double scale = std::min(1.0, most / std::max(1.0, static_cast<double>(observations_)));
  for (auto& row : prior.precision_) {
    for (double& value : row) value *= scale;
  }
  const Belief nothing;  // never less sure than in the beginning
  prior.precision_[0][0] = std::max(prior.precision_[0][0], nothing.precision_[0][0]);
  prior.precision_[1][1] = std::max(prior.precision_[1][1], nothing.precision_[1][1]);
  prior.observations_ = 0;
  return prior;
}

}  // namespace hawser::stage::cache
