#!/usr/bin/env bash
# Brings a fresh machine to where the Makefile's targets run: Python 3.11 or newer, Java 17 or newer, and in .venv the
# package with the extras named as arguments. Run again it finds all in place and takes no time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=${PATH#"$PWD/.venv/bin:"}  # .venv is made with a Python from outside it

fail() { echo "setup: $*" >&2; exit 1; }

may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install() {  # the first of the packages that there is
    echo "setup: installing $1 with apt-get" >&2
    apt-get update -qq >&2 || true  # one unreachable source does not matter if the package comes from another
    for package in "$@"; do
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >&2 && return
    done
    return 1
}

find_python() {  # asked to run, because shims of version managers exist without their Python
    local name
    for name in python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    return 1
}

find_or_install_python() {
    find_python && return
    may_install && install python3-venv && find_python && return
    fail "no Python 3.11 or newer with the venv module: install one (on Debian and Ubuntu: apt-get install python3-venv)"
}

java_version() {  # the major version of the Java that Spark would start; nothing where there is none
    "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -n 1
}

has_java() { [ "$(java_version || true)" -ge 17 ] 2>/dev/null; }

need_java() {
    local found
    has_java && return
    if [ -n "${JAVA_HOME:-}" ]; then
        fail "JAVA_HOME=$JAVA_HOME holds no Java 17 or newer, which Spark 4 needs: set it to one that does, or unset it"
    fi
    may_install && install openjdk-17-jre-headless openjdk-21-jre-headless && has_java && return
    found=$(java_version || true)
    fail "Spark 4 needs Java 17 or newer, found ${found:-none}: install OpenJDK 17 or 21" \
        "(Debian and Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17) or set JAVA_HOME"
}

need_packages() {  # the extras; the stamp names the folder, because a copied .venv still points to the old one
    local extras stamp wanted python
    extras=$(IFS=,; echo "$*")
    stamp=.venv/ready-${extras//,/-}
    wanted="$PWD $(cat pyproject.toml .ci/setup.sh | cksum)"
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(find_or_install_python)
        "$python" -m venv --clear .venv
    fi
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >&2  # uv's venvs lack pip
    echo "setup: installing the package with [$extras] into .venv" >&2
    [[ $extras != *bench* || $(uname -s) != Linux ]] || prefer_torch_for_cpus
    pip_install -e ".[$extras]" || fail "pip could not install the packages; what it said stands above"
    echo "$wanted" > "$stamp"
}

pip_install() {  # Python compiles what is imported, a part of all that there is, unless it is told to keep nothing
    local compile=--no-compile
    [ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || compile=--compile
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$compile" "$@"
}

prefer_torch_for_cpus() {  # on Linux the usual index serves torch with 3 GB of GPU libraries
    local torch
    torch=$(sed -nE 's/.*"(torch==[^"]+)".*/\1/p' pyproject.toml)
    pip_install --no-deps --retries 1 --timeout 15 --extra-index-url https://download.pytorch.org/whl/cpu "$torch" ||
        echo "setup: PyTorch's own index does not answer, taking $torch from the usual one" >&2
}

need_java
need_packages "$@"
