# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # build, project: lib/common.sh
#
# Builds what is stale, each part into build/ (Maven: into its own target/), and
# prints where the result is. Silent when there is nothing to do.

module_make() {
	local from=$project/kmod to=$1 kernel=$2 file cc=gcc

	# Another process may have built it while this one waited for the lock.
	stale "$to/mmubridge.ko" "$from" "$kernel/release" || return 0
	if [[ -e $kernel/build/.kernelvariables ]]; then
		cc=$(grep -om1 'gcc-[0-9]*' "$kernel/build/.kernelvariables")
	fi
	need make=make "$cc=$cc" /usr/lib/x86_64-linux-gnu/libelf.so.1=libelf1
	say "building the module for $(<"$kernel/release")"
	# Kbuild writes beside its sources, so it gets a copy; a file that has
	# gone from the original must go from there too.
	for file in "$to"/*.[ch] "$to"/Kbuild "$to"/Makefile; do
		[[ -e $from/${file##*/} ]] || rm -f "$file"
	done
	cp -Rpu "$from/." "$to/"
	make -s -C "$to" KDIR="$kernel/build" modules >&2 ||
		die "the module does not build for $(<"$kernel/release")"
	touch "$to/mmubridge.ko"
}

# module_file KERNEL_DIR: prints the module built for that kernel.
module_file() {
	local to=$build/kmod/${1##*/}

	[[ -e $project/kmod/Makefile ]] || die "$project/kmod: no Makefile, so no module to load; see --no-module"
	mkdir -p "$to"
	if stale "$to/mmubridge.ko" "$project/kmod" "$1/release"; then
		with_lock "$to/.lock" module_make "$to" "$1"
	fi
	echo "$to/mmubridge.ko"
}
