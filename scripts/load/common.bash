# Sourced by the drills of this folder. Sets root, ringbench, options and more; see take_options.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# What `ringgate dev` signs with: everybody knows it. Others come from the environment or --secret.
dev_secret=jwt-1sNzdiSgnNuxyq2g7xml2JvLArU

fail() { echo "${0##*/}: $1" >&2; exit "${2:-1}"; }

# The comment at the top of the script is its --help.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# take_options ARGUMENT...: fills the associative array `options`, which holds the flags there are and
# what they are by default; `more` is what stood behind --, for ringbench. Then finds ringbench.
take_options() {
  more=()
  while (($#)); do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --) shift; more=("$@"); break ;;
    esac
    local name=${1#--}
    [[ $1 == --* && -v "options[$name]" ]] || fail "unknown option $1 (see --help)" 2
    (($# > 1)) || fail "$1 needs a value (see --help)" 2
    options[$name]=$2
    shift 2
  done
  [[ -z ${options[secret]:-} ]] || RINGBENCH_SECRET=${options[secret]}
  # In the environment, where `ps` does not show it.
  export RINGBENCH_SECRET=${RINGBENCH_SECRET:-$dev_secret}
  local build=${options[build]:-$root/build/release}
  ringbench=$build/benchmarks/ringbench
  ringgate=$build/services/ringgate
  [[ -x $ringbench ]] || fail "$ringbench is not built: run scripts/build, or give --build DIR"
}

# What every drill can be told. Each adds its own.
target=tcp://127.0.0.1:8001
declare -A options=([target]=$target [secret]="" [build]="")
