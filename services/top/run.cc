#include "services/top/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

#include "control/base/standard_output.h"
#include "services/top/render.h"
#include "services/top/status_view.h"
#include "services/top/terminal.h"

namespace ringgate::top {
namespace {

constexpr int kRefreshMs = 1000;
constexpr std::size_t kColumnsOfAFile = 132;

Result<void> look(const AdminPort& port, StatusView& view) {
  const Result<std::string> answer =
      http_get(port, fmt::format("/status.json?since={}", view.next));
  if (!answer) return std::unexpected(answer.error());
  return view.take(*answer);
}

Result<void> print_once(const AdminPort& port) {
  StatusView view;
  if (auto looked = look(port, view); !looked) return looked;
  return print_out(render(view, {.columns = kColumnsOfAFile}));
}

}  // namespace

Result<void> run(const AdminPort& port) {
  if (!Terminal::is_there()) return print_once(port);
  StatusView view;
  // Before the screen changes: what is wrong now is wrong with the command.
  if (auto looked = look(port, view); !looked) return looked;
  Result<std::unique_ptr<Terminal>> terminal = Terminal::open();
  if (!terminal) return std::unexpected(terminal.error());
  std::string trouble;
  do {
    const Terminal::Size size = Terminal::size();
    const std::size_t rows = std::max<std::size_t>(size.rows, 2) - (trouble.empty() ? 0 : 1);
    const Screen screen{.columns = size.columns, .rows = rows, .in_color = true};
    if (auto drawn = (*terminal)->draw(trouble + render(view, screen)); !drawn) return drawn;
    if (!(*terminal)->wait(kRefreshMs)) return {};
    const Result<void> looked = look(port, view);
    trouble = looked ? "" : fmt::format("no answer: {}\n", looked.error().message);
  } while (true);
}

}  // namespace ringgate::top
