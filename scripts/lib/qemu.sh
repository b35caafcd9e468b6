# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154  # cache: lib/common.sh; others: scripts/vm
#
# QEMU for scripts/vm, in lib/common.sh and lib/kernel.sh's terms.
#
# Before 8.1, one thread of QEMU's translator may read an instruction of the guest
# while another is writing it (QEMU commit deba78709ae8, "accel/tcg: Always lock
# pages before translation"). A kernel patches its own code all the time, for
# tracepoints and static keys; then it dies of a breakpoint that was there but for
# a moment: "Oops: int3", in a timer or in the scheduler, once in some hundred runs.
# So emulation takes a newer QEMU from the backports of Debian 12, into the cache;
# where it cannot be had, the guest's CPUs share one thread.

# qemu_translates BINARY: whether several threads of it may translate.
qemu_translates() {
	local version
	version=$("$1" --version) || return
	[[ $version =~ version\ ([0-9]+)\.([0-9]+) ]] &&
		((BASH_REMATCH[1] > 8 || (BASH_REMATCH[1] == 8 && BASH_REMATCH[2] >= 1)))
}

# Unpacks the QEMU of the backports under $1. The libraries that it needs are
# those of the QEMU that is installed.
qemu_download() {
	local tmp
	[[ ! -e $1 ]] || return 0
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/.qemu.XXXXXX")
	# shellcheck disable=SC2064  # the folder of this call
	trap "rm -rf '$tmp'" EXIT
	apt_lists bookworm-backports bookworm-backports &&
		fetch_packages "$tmp" qemu-system-x86 qemu-system-common qemu-system-data seabios &&
		mv "$tmp" "$1"
}

# Leaves the command in $qemu_command, and in $qemu_threads what the CPUs that it
# emulates are to run on.
qemu_find() {
	local folder=$cache/qemu
	need qemu-system-x86_64=qemu-system-x86
	qemu_command=(qemu-system-x86_64) qemu_threads=multi
	if qemu_translates "${qemu_command[0]}"; then
		return
	fi
	if [[ ! -e $folder ]] && grep -q '^VERSION_CODENAME=bookworm$' /etc/os-release; then
		say "downloading a newer QEMU"
		with_lock "$cache/qemu.lock" qemu_download "$folder" || :
	fi
	if qemu_translates "$folder/usr/bin/qemu-system-x86_64"; then
		qemu_command=("$folder/usr/bin/qemu-system-x86_64"
			-L "$folder/usr/share/qemu" -L "$folder/usr/share/seabios")
	else
		qemu_threads=single
	fi
}
