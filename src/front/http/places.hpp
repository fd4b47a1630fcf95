#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace hawser::front::http {

/// The client connections of a worker and what counts as one, by client address. The bounds are
/// kept here, so that nothing is opened for a client that was not counted before.
class Places {
 public:
  using Client = std::pair<const std::string, std::uint32_t>;

  /// One connection's place; given back at its end. The Places outlive it.
  class Place {
   public:
    Place(Place&& other) noexcept
        : places_(std::exchange(other.places_, nullptr)), client_(other.client_) {}
    Place& operator=(Place&& other) noexcept {
      if (this == &other) return *this;
      give_back();
      places_ = std::exchange(other.places_, nullptr);
      client_ = other.client_;
      return *this;
    }
    ~Place() { give_back(); }
    void give_back() {
      if (places_ != nullptr) std::exchange(places_, nullptr)->leave(*client_);
    }
    const std::string& address() const { return client_->first; }

   private:
    friend class Places;
    Place(Places& places, Client& client) : places_(&places), client_(&client) {}
    Places* places_;
    Client* client_;  // stays where it is as long as it has any place
  };

  struct Bounds {
    std::uint32_t all = 0;
    std::uint32_t of_one_address = 0;
  };
  /// Nothing: one of the bounds is reached.
  std::optional<Place> take(std::string address, Bounds bounds) {
    if (count_ >= bounds.all || bounds.of_one_address == 0) return std::nullopt;
    Client& client = *by_address_.try_emplace(std::move(address)).first;
    if (client.second >= bounds.of_one_address) return std::nullopt;  // so it has one: it stays
    ++client.second;
    ++count_;
    return Place(*this, client);
  }
  std::uint32_t count() const { return count_; }

 private:
  void leave(Client& client) {
    --count_;
    if (--client.second == 0) by_address_.erase(by_address_.find(client.first));
  }

  std::unordered_map<std::string, std::uint32_t> by_address_;
  std::uint32_t count_ = 0;
};

}  // namespace hawser::front::http
