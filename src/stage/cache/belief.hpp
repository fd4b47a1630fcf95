#pragma once

#include <array>
#include <cstdint>

namespace hawser::stage::cache {

/// How likely an answer that was given for one prompt is right for another one, by how alike the
/// two are: a logistic curve that is learned from what turned out, after vCache (arXiv 2502.03771).
/// Kept as a Gaussian over the curve's two parameters, so that an observation costs a few dozen
/// multiplications and nothing is stored. Pure.
class Belief {
 public:
  /// What is believed before anything was seen: little.
  Belief();

  /// @param similarity  cosine of the two prompts
  /// @param right       whether the answers agreed
  void observe(double similarity, bool right);

  /// The probability with which the model must be asked all the same, so that what is given is
  /// wrong with a probability of at most `error_bound`: as sure as the observations make it.
  /// @return from 0 (give it) to 1 (ask)
  double explore(double similarity, double error_bound) const;

  /// A beginning for a new entry: what was learned of all, as if from at most `most` observations.
  Belief as_prior(double most) const;

 private:
  struct Curve {
    double mean = 0;      // of the log-odds at a similarity
    double variance = 0;  // of that mean
  };
  Curve at(double similarity) const;

  std::array<double, 2> mean_{};                      // intercept, slope
  std::array<std::array<double, 2>, 2> precision_{};  // inverse of their covariance
  std::uint32_t observations_ = 0;
};

}  // namespace hawser::stage::cache
