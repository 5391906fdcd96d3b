# The load generator: libraries, so that tests can test its parts, and the program.

# What it measured and how that is told. The page of --html is a string of the binary: a string
# literal need not hold more than 64 KiB, and nothing in it may end it.
set(report_page ${CMAKE_CURRENT_LIST_DIR}/report_page.html)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${report_page})
file(READ ${report_page} RINGBENCH_REPORT_PAGE)
string(LENGTH "${RINGBENCH_REPORT_PAGE}" report_page_bytes)
string(FIND "${RINGBENCH_REPORT_PAGE}" ")report_page\"" report_page_end)
if(report_page_bytes GREATER 60000 OR NOT report_page_end EQUAL -1)
  message(FATAL_ERROR "${report_page} cannot be embedded as it is")
endif()
configure_file(ringbench/report_page_html.cc.in generated/report_page_html.cc @ONLY)

add_library(ringgate_ringbench_report STATIC
  ringbench/fail_if.cc
  ringbench/fail_if_metrics.cc
  ringbench/measurement.cc
  ringbench/measurement_limit.cc
  ringbench/measurement_verdict.cc
  ringbench/process_sample.cc
  ringbench/progress.cc
  ringbench/report_format.cc
  ringbench/report_html.cc
  ringbench/report_json.cc
  ringbench/report_text.cc
  ringbench/result_file.cc
  ringbench/scenario.cc
  ringbench/tally.cc
  ringbench/times.cc
  ${CMAKE_CURRENT_BINARY_DIR}/generated/report_page_html.cc)
add_library(ringgate::ringbench_report ALIAS ringgate_ringbench_report)
target_link_libraries(ringgate_ringbench_report
  PUBLIC ringgate::bench
  PRIVATE ringgate::base ringgate::version)

# What loads.
add_library(ringgate_ringbench STATIC
  ringbench/client_codec.cc
  ringbench/client_tls.cc
  ringbench/mix_file.cc
  ringbench/number_flag.cc
  ringbench/options.cc
  ringbench/options_check.cc
  ringbench/own_limit.cc
  ringbench/target_process.cc
  ringbench/tls_start.cc
  ringbench/worker.cc
  ringbench/worker_close.cc
  ringbench/worker_connect.cc
  ringbench/worker_input.cc
  ringbench/worker_load.cc
  ringbench/worker_settle.cc
  ringbench/worker_tls.cc)
add_library(ringgate::ringbench ALIAS ringgate_ringbench)
target_link_libraries(ringgate_ringbench
  PUBLIC ringgate::bench ringgate::codec_proto ringgate::dataplane ringgate::ringbench_report
    ringgate::ringbench_service ringgate::codec_tls ringgate::tls
  PRIVATE ringgate::auth ringgate::client ringgate::config ringgate::usage ringgate::version CLI11::CLI11 Threads::Threads)

# The logic service that the load generator plays behind a gateway, and what both of them put into
# bodies.
add_library(ringgate_ringbench_service STATIC
  ringbench/played_service.cc
  ringbench/push_body.cc
  ringbench/push_groups.cc
  ringbench/service_answers.cc
  ringbench/service_channels.cc
  ringbench/service_links.cc
  ringbench/service_links_out.cc
  ringbench/service_pusher.cc
  ringbench/service_registration.cc)
add_library(ringgate::ringbench_service ALIAS ringgate_ringbench_service)
target_link_libraries(ringgate_ringbench_service
  PUBLIC ringgate::bench ringgate::dataplane
  PRIVATE ringgate::codec_proto ringgate::config ringgate::discovery ringgate::http spdlog::spdlog Threads::Threads)

# The program. Its data plane is only queues and memory: it has rings of its own.
add_executable(ringbench
  ringbench/main.cc
  ringbench/run.cc
  ringbench/run_look_back.cc
  ringbench/run_set_up.cc
  ringbench/run_window.cc)
target_link_libraries(ringbench PRIVATE ringgate::ringbench ringgate::version ringgate_commit)
