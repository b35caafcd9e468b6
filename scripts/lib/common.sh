# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034  # used by those who source this
#
# What every script here needs: where things are, how to speak, how to get a
# missing tool, how to be alone in a part of the cache.

shopt -s inherit_errexit

# A plain user's PATH often lacks the folders where modprobe and mkfs live.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mmubridge
build=$project/build
me=${0##*/}

# Progress and errors go to stderr: stdout belongs to the command that runs.
say() {
	printf '%s: %s\n' "$me" "$*" >&2
}

# 125 as in env(1), timeout(1) and docker(1): the tool failed, not the command.
die() {
	say "$*"
	exit 125
}

# Prints the comment at the top of the calling script as its help text.
usage() {
	sed -n '/^# Usage:/,/^[^#]/{ s/^# \{0,1\}//p; }' "$0"
}

# with_lock FILE COMMAND...: one process at a time, while it holds FILE.
with_lock() {
	local file=$1
	shift
	mkdir -p "${file%/*}"
	(
		flock 9
		"$@" 9>&-
	) 9>"$file"
}

# install_packages PACKAGE...: by apt where that is possible without asking.
install_packages() {
	local -a as_root=()

	if ! command -v apt-get >/dev/null; then
		die "missing: $*; install them with this system's package manager"
	fi
	if ((EUID != 0)); then
		if ! sudo -n true 2>/dev/null; then
			die "missing packages; run: sudo apt-get install $*"
		fi
		as_root=(sudo -n)
	fi

	local -a install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
		apt-get -o DPkg::Lock::Timeout=600 -qq install -y
		--no-install-recommends "$@")
	say "installing $*"
	# A first failure may only mean that the package lists are old or absent.
	if ! "${install[@]}" >/dev/null 2>&1; then
		"${as_root[@]}" apt-get -qq update >&2
		"${install[@]}" >&2 || die "could not install $*"
	fi
}

# need COMMAND=PACKAGE...: installs the packages whose command or, with a
# slash, whose file is not there.
need() {
	local pair
	local -a missing=()

	for pair; do
		case $pair in
		/*) [[ -e ${pair%%=*} ]] || missing+=("${pair#*=}") ;;
		*) command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}") ;;
		esac
	done
	if ((${#missing[@]})); then
		install_packages "${missing[@]}"
	fi
}

# stale TARGET SOURCE...: whether TARGET is missing or older than any file in
# the SOURCE files and folders.
stale() {
	local target=$1
	shift
	[[ ! -e $target ]] || [[ -n $(find "$@" -newer "$target" -print -quit) ]]
}
