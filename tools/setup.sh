# Sourced by ../dev: speaking, installing, building. Expects ROOT and LOGS.
# shellcheck shell=bash

INSTALLED='' # not empty once packages came: build folders then look for libraries again

say() { printf '==> %s\n' "$*" >&2; }

die() { # SENTENCE [STATUS]
    printf 'dev: %s\n' "$1" >&2
    exit "${2:-1}"
}

# Run COMMAND with its output in build/logs/LOG.log; when it fails, show what matters of it and stop.
step() { # LOG SENTENCE COMMAND...
    local log=$LOGS/$1.log what=$2 start=$SECONDS
    shift 2
    mkdir -p "$LOGS"
    say "$what ..."
    if "$@" >"$log" 2>&1 </dev/null; then
        [ $((SECONDS - start)) -lt 10 ] || say "${what%% (*}: done in $((SECONDS - start)) s"
        return
    fi
    grep -E -A4 '(error|ERROR|E):|undefined reference|^npm' "$log" | head -60 >&2 ||
        tail -n 30 "$log" >&2
    die "${what%% (*} failed; the whole log is in $log"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The packages of the purposes given that are not installed. The usual case, nothing missing, costs
# one dpkg-query; "a|b" means whichever there is.
missing_packages() { # PURPOSE...
    local purpose wanted have word
    wanted=$(for purpose; do sed -n "s/^$purpose: *//p" "$ROOT/tools/packages"; done | tr ' ' '\n')
    have=$(tr '|' '\n' <<<"$wanted" | sort -u |
        xargs dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
        sed -n 's/^installed //p') || true
    for word in $wanted; do
        grep -qxE "$word" <<<"$have" || echo "$word"
    done | sort -u
}

first_available() { # PACKAGE|PACKAGE...
    local package
    for package in ${1//|/ }; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            echo "$package"
            return
        fi
    done
    echo "${1%%|*}"
}

# Install what is missing for PURPOSEs (tools/packages).
need() { # PURPOSE...
    if ! command -v dpkg-query >/dev/null; then
        say "this is no Debian: what is needed for $* is listed in tools/packages"
        return
    fi
    local missing
    missing=$(missing_packages "$@")
    [ -z "$missing" ] || install_packages $missing
}

install_packages() { # PACKAGE...
    local word packages=() options=(-y -qq --no-install-recommends -o DPkg::Lock::Timeout=600)
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null && ! { [ -t 0 ] && command -v sudo >/dev/null; }; then
        die "not root, and sudo is not to be had: install these first, then call again: $*"
    fi
    [ -n "$INSTALLED" ] ||
        step apt-update "asking Debian for its package lists" as_root apt-get update -qq
    for word; do packages+=("$(first_available "$word")"); done
    step apt-install "installing $# packages (${packages[*]})" \
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "${packages[@]}"
    INSTALLED=1
}

# Node 18 or later, and the modules that package-lock.json names.
need_node() {
    local major=0
    [ -f "$ROOT/package.json" ] || return 0
    if command -v node >/dev/null && command -v npm >/dev/null; then
        major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
    fi
    [ "$major" -ge 18 ] || install_packages nodejs npm
    if ! cmp -s "$ROOT/package-lock.json" "$ROOT/node_modules/.installed-lock"; then
        step npm "installing the Node modules of the tests" \
            npm --prefix "$ROOT" ci --no-audit --no-fund --ignore-scripts --loglevel error
        cp "$ROOT/package-lock.json" "$ROOT/node_modules/.installed-lock"
    fi
}

# The kernel and modules of the V4L2 virtual machine, kept outside the tree. Without them the tests
# that want it are skipped and say so.
need_vm() {
    need vm
    "$ROOT/tests/lab/vm.sh" --ready && return
    say "fetching a kernel with V4L2 test drivers (225 MB, once) ..."
    mkdir -p "$LOGS"
    "$ROOT/tests/lab/vm.sh" --setup >"$LOGS/vm-setup.log" 2>&1 </dev/null ||
        say "no virtual machine: its tests will be skipped ($(tail -n 1 "$LOGS/vm-setup.log"))"
}

# A build folder made and brought up to date; DIR is below the root. Without options an existing
# folder keeps those it has.
build_in() { # DIR [MESON OPTION...] -- [TARGET...]
    local name=$1 dir=$ROOT/$1 options=() command=() folders
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    [ ${#options[@]} -gt 0 ] || read -ra options 2>/dev/null <"$dir/.dev-options" || true
    folders=$(meson_files)
    if [ ! -f "$dir/build.ninja" ]; then
        command=(meson setup "${options[@]}" "$dir" "$ROOT")
    elif [ -n "$INSTALLED" ] || [ "$(cat "$dir/.dev-options" 2>/dev/null)" != "${options[*]}" ] ||
        [ "$(cat "$dir/.dev-folders" 2>/dev/null)" != "$folders" ]; then
        command=(set_up_again "$dir" "${options[@]}")
    fi
    if [ ${#command[@]} -gt 0 ]; then
        step "setup-$name" "setting up $name/" "${command[@]}"
        printf '%s\n' "${options[*]}" >"$dir/.dev-options"
        printf '%s\n' "$folders" >"$dir/.dev-folders"
    fi
    ninja -C "$dir" -n "$@" 2>/dev/null | grep -q 'no work to do' ||
        step "$name" "building $name/${1:-}" compile "$dir" "$@"
}

# Meson itself does not notice a folder that comes with a meson.build of its own.
meson_files() {
    (cd "$ROOT" && find src tests fuzz bench helpers -name meson.build 2>/dev/null || true) | sort
}

set_up_again() { # DIR OPTION...
    local dir=$1
    shift
    meson configure --clearcache "$dir" # it remembers what it did not find
    meson setup --reconfigure "$@" "$dir" "$ROOT"
}

compile() { # DIR TARGET...
    local dir=$1
    shift
    ninja -C "$dir" "$@" && return
    # A folder made by another version of Meson, or copied from elsewhere, is made anew.
    meson introspect --projectinfo "$dir" >/dev/null 2>&1 && return 1
    meson setup --wipe "$dir" "$ROOT" && ninja -C "$dir" "$@"
}
