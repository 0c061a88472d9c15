#!/usr/bin/env bash
# Runs a command in the virtual machine with V4L2 devices (v4l2-vm.sh), as tests want it:
#   vm.sh [v4l2-vm.sh options] -- COMMAND...   exit status of COMMAND; 77, with a sentence, when
#                                              there is no QEMU or no kernel (the test is skipped)
#   vm.sh --ready                              status 0 when it can run
#   vm.sh --setup                              fetch the kernel and build the drivers, once
# What --setup makes is kept in ${AVOCET_VM_CACHE:-~/.cache/avocet-vm}, outside the tree, and made
# anew when the scripts that make it change.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
recipe=$(sed '/^MODS=/,$d' "$here/v4l2-vm.sh" | cat - "$here/vih264.h" | cksum | cut -d' ' -f1)
cache=${AVOCET_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/avocet-vm}
export V4L2_VM_CACHE=$cache/$recipe

why_not() {
    if ! command -v qemu-system-x86_64 >/dev/null; then
        echo "qemu-system-x86_64 is not installed"
    elif [ "$(uname -m)" != x86_64 ]; then
        echo "the virtual machine is for x86_64"
    elif [ ! -s "$V4L2_VM_CACHE/release" ]; then
        echo "its kernel was not fetched (tests/lab/vm.sh --setup, or ./dev test)"
    fi
}

case ${1:-} in
--ready) if [ -z "$(why_not)" ]; then exit 0; else exit 1; fi ;;
--setup)
    mkdir -p "$cache"
    find "$cache" -mindepth 1 -maxdepth 1 -type d ! -name "$recipe" -exec rm -rf {} + # older recipes'
    exec "$here/v4l2-vm.sh" --setup
    ;;
esac
if [ -n "$(why_not)" ]; then
    echo "no virtual machine: $(why_not)"
    exit 77
fi
exec "$here/v4l2-vm.sh" "$@"
