# Shared by the scripts: sourced, never run. Sets ROOT, and a few helpers.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$(basename "$0"): $*"
    exit 1
}

# What the server, and what its tests need beyond that, as Debian 12 calls it.
BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config libevent-dev libpq-dev libjson-c-dev libcmark-gfm-dev
    libcmark-gfm-extensions-dev libjwt-dev libhiredis-dev libcurl4-openssl-dev libexpat1-dev libinih-dev libsodium-dev
    libssl-dev libutf8proc-dev"
SERVICE_PACKAGES="postgresql postgresql-contrib redis-server util-linux openssl curl tzdata"
TEST_PACKAGES="libcmocka-dev clang lld clang-format clang-tidy libclang-rt-14-dev python3 python3-pytest
    python3-pytest-xdist python3-pytest-timeout python3-boto3 python3-psycopg2 valgrind wrk binutils procps radosgw ceph-mon ceph-osd
    systemd"

# install_packages NAME…: those that are missing, by apt; nothing is asked for, nor root needed, when all are there.
install_packages() {
    local missing=() name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            die "sudo is not there to install missing packages; as root: apt-get install --no-install-recommends ${missing[*]}"
        sudo=(sudo)
    fi
    say "Installing ${missing[*]}"
    "${sudo[@]}" bash -s -- "${missing[@]}" <<'INSTALL' >&2 || die "installing packages failed; the lines above say why. As root: apt-get install --no-install-recommends ${missing[*]}"
set -eu
# The packaged servers must neither start nor make a cluster of their own: this project runs private ones.
cleanup=()
trap 'for file in "${cleanup[@]}"; do rm -f "$file"; done' EXIT
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    cleanup+=(/usr/sbin/policy-rc.d)
fi
if ! dpkg-query -W postgresql-common >/dev/null 2>&1; then
    mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/talelio-install.conf
    cleanup+=(/etc/postgresql-common/createcluster.d/talelio-install.conf)
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o DPkg::Lock::Timeout=600 update
apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold install --no-install-recommends "$@"
INSTALL
}

# value_of NAME: from the environment or .env; empty when it is not set.
value_of() {
    local value=${!1:-}
    [ -n "$value" ] || value=$(sed -nE "s/^(export )?$1=//p" .env 2>/dev/null | tail -n 1) || :
    printf '%s' "$value"
}

# keep_log FILE: what ninja writes, into the file; now and then how far it is.
keep_log() {
    local line last=$SECONDS
    while IFS= read -r line; do
        printf '%s\n' "$line"
        [[ $SECONDS -ge $((last + 5)) && $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        say "  ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} steps"
        last=$SECONDS
    done >"$1"
}

# build_tree FOLDER [cmake option…] [-- target…]: configures, then builds all of it or the targets; two at a time take turns.
build_tree() {
    local folder=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift $(($# > 0))
    mkdir -p "$folder"
    (
        flock 9
        cmake -G Ninja -S "$ROOT" -B "$folder" ${options[@]+"${options[@]}"} >"$folder/configure.log" 2>&1 || {
            cat "$folder/configure.log" >&2
            exit 1
        }
        ninja -C "$folder" "$@" 2>&1 | keep_log "$folder/build.log" || {
            cat "$folder/build.log" >&2
            exit 1
        }
    ) 9>"$folder/.lock" || die "the build in $folder failed; the lines above say why"
}
