# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # cache, project: lib/common.sh
#
# The debug kernel: Debian's source of 6.1 with scripts/debug-kernel.config. In
# the cache it is a kernel like any other (lib/kernel.sh), named after its
# version and a hash of the configuration. Its build/ is the source tree itself,
# which, unlike a separate object folder, can be moved when it is complete.

readonly debug_source=linux-source-6.1

# Prints the folder of a debug kernel with the present configuration, if the
# cache has one.
debug_kernel_cached() {
	local hash
	hash=$(sha256sum "$project/scripts/debug-kernel.config")
	{ compgen -G "$cache/kernels/[0-9]*-debug-${hash:0:12}" || :; } | sort -V | tail -n1
}

# fetch_source FOLDER [MEMBER...]: unpacks the kernel source, or those members of
# it, there.
fetch_source() {
	local folder=$1 tmp
	shift
	tmp=$(mktemp -d "$cache/source.XXXXXX")
	fetch_packages "$tmp" "$debug_source" || {
		apt_private_lists
		fetch_packages "$tmp" "$debug_source" ||
			die "could not download $debug_source"
	}
	mkdir -p "$folder"
	tar -xJf "$tmp/usr/src/$debug_source.tar.xz" -C "$folder" --strip-components=1 \
		"${@/#/$debug_source/}"
	rm -rf "$tmp"
}

# Says every now and then how many of about 1700 objects kbuild has made.
debug_kernel_progress() {
	local line count=0
	while read -r line; do
		case $line in
		*' CC '* | *' AS '* | 'CC '* | 'AS '*)
			count=$((count + 1))
			((count % 200)) || say "$count of about 1700 files compiled"
			;;
		esac
	done
}

# Every option that the fragment asks for must have come out as asked.
debug_kernel_config_check() {
	local fragment=$1 config=$2 line missing=''
	while read -r line; do
		case $line in
		CONFIG_*=n) ! grep -q "^${line%n}" "$config" || missing+=" $line" ;;
		CONFIG_*) grep -qxF "$line" "$config" || missing+=" $line" ;;
		esac
	done <"$fragment"
	[[ -z $missing ]] || die "the debug kernel's configuration did not take:$missing"
}

debug_kernel_make() {
	local config=$project/scripts/debug-kernel.config hash staging tree
	hash=$(sha256sum "$config")
	staging=$cache/kernels/.debug-${hash:0:12}
	tree=$staging/build

	[[ -z $(debug_kernel_cached) ]] || return 0
	need gcc=gcc make=make flex=flex bison=bison bc=bc perl=perl depmod=kmod \
		xz=xz-utils /usr/include/gelf.h=libelf-dev
	say "building the debug kernel, once: 10 to 20 minutes on two cores"
	if [[ ! -e $tree ]]; then
		say "downloading $debug_source"
		rm -rf "$staging"
		mkdir -p "$staging"
		fetch_source "$staging/source"
		mv "$staging/source" "$tree"
	fi

	{
		make -s -C "$tree" tinyconfig
		(cd "$tree" && scripts/kconfig/merge_config.sh -m .config "$config")
		make -s -C "$tree" olddefconfig
	} >"$staging/config.log" 2>&1
	debug_kernel_config_check "$config" "$tree/.config"
	make -C "$tree" -j"$(nproc)" bzImage modules 2>"$staging/build.log" | debug_kernel_progress ||
		{
			tail -n 20 "$staging/build.log" >&2
			die "the debug kernel does not build; see $staging/build.log"
		}

	make -s -C "$tree" kernelrelease >"$staging/release"
	make -s -C "$tree" modules_install INSTALL_MOD_PATH="$staging/root" >&2
	depmod -b "$staging/root" "$(<"$staging/release")"
	# Not vmlinux itself: QEMU would enter it through PVH, before KASAN is ready.
	ln -sfn build/arch/x86/boot/bzImage "$staging/image"
	# Objects of the kernel are dead weight now; those of its tools are not.
	find "$tree" -name '*.o' -type f -not -path "$tree/scripts/*" \
		-not -path "$tree/tools/*" -delete
	mv "$staging" "$cache/kernels/$(make -s -C "$tree" kernelversion)-debug-${hash:0:12}"
}

# Prints the folder of the debug kernel, which it builds if need be.
debug_kernel_dir() {
	local dir
	dir=$(debug_kernel_cached)
	if [[ -z $dir ]]; then
		mkdir -p "$cache/kernels"
		with_lock "$cache/debug-kernel.lock" debug_kernel_make
		dir=$(debug_kernel_cached)
	fi
	echo "$dir"
}
