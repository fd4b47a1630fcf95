#pragma once

#include <string>
#include <string_view>

namespace hawser::wire {

/// All fields of an event's frame, for somebody who must have read whatever goes on. Views into the
/// frame, or into `scratch` where data stands on several lines.
struct FrameFields {
  bool known = true;     // no field but data, event, id and retry; each of the last three once
  bool comments = true;  // those that there are say nothing
  bool has_type = false, has_id = false, has_retry = false, has_data = false;
  std::string_view type{}, id{}, retry{}, data{};
};
FrameFields frame_fields(std::string_view frame, std::string& scratch);

}  // namespace hawser::wire
