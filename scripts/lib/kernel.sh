# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # cache, project: lib/common.sh
#
# Kernels for scripts/vm, kept in the cache, one folder each:
#
#	release     what uname -r says there
#	image       the kernel that QEMU starts
#	build/      what a module is built against (KDIR)
#	root/       lib/modules/RELEASE of the guest
#	initramfs   busybox, scripts/lib/guest-init and a few modules
#	builder/    of a kernel whose tools this Debian cannot run: a root of the
#	            Debian it is for, to build in; build/ is in it then
#
# A folder appears under its name when it is complete, never before.

# What stands between the kernel and its root file system, and swap.
readonly boot_modules=(virtio_pci virtio_console 9pnet_virtio 9p overlay brd)

# apt_query and apt_download use the machine's own sources and, while they
# answer, its own package lists; no root is needed and nothing is installed.
apt_options=(-o APT::Sandbox::User=root)

# Lists of our own, where the machine has none or where they have gone stale.
apt_private_lists() {
	local state=$cache/apt
	mkdir -p "$state/state/lists/partial" "$state/cache/archives/partial"
	apt_options=(-o APT::Sandbox::User=root
		-o "Dir::State=$state/state" -o "Dir::Cache=$state/cache"
		-o Dir::State::status=/var/lib/dpkg/status)
	say "updating the package lists in $state"
	apt-get -qq "${apt_options[@]}" update >&2
}

# A newer Debian has newer kernels. Their headers come with tools that need its C
# library and its compiler, so what is for them is built in a root of it.
readonly newer_suite=trixie
mirror=${MMUBRIDGE_MIRROR:-http://deb.debian.org/debian}

# sources SUITE...: prints a line for apt for each.
sources() {
	printf "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror %s main\n" "$@"
}

newer_sources() {
	sources "$newer_suite" "$newer_suite-backports"
}

# apt_lists NAME SUITE...: lists of these suites, apart from all others.
apt_lists() {
	local state=$cache/apt-$1
	shift
	mkdir -p "$state/state/lists/partial" "$state/cache/archives/partial"
	sources "$@" >"$state/sources.list"
	apt_options=(-o APT::Sandbox::User=root
		-o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State=$state/state" -o "Dir::Cache=$state/cache"
		-o Dir::State::status=/dev/null)
	say "updating the package lists of $* in $state"
	apt-get -qq "${apt_options[@]}" update >&2
}

apt_newer_lists() {
	apt_lists "$newer_suite" "$newer_suite" "$newer_suite-backports"
}

# Prints the packages on which $1 depends and whose name matches $2.
package_depends() {
	apt-cache "${apt_options[@]}" depends --important "$1" 2>/dev/null |
		sed -n "s/^[ |]*Depends: \($2\)\$/\1/p"
}

# Prints the package with the image of kernel $1, a series such as 6.1 or a
# release such as 6.1.0-56-amd64.
image_package() {
	local meta image

	for meta in "linux-image-$1" "linux-image-$1-amd64" linux-image-amd64 \
		$(apt-cache "${apt_options[@]}" pkgnames "linux-image-$1." | grep -E '[0-9]-amd64$' | sort -rV); do
		# An exact name: show and depends would take it as a pattern.
		apt-cache "${apt_options[@]}" pkgnames "$meta" | grep -xF "$meta" >/dev/null || continue
		image=$(package_depends "$meta" 'linux-image-[0-9].*')
		image=${image%%$'\n'*}
		image=${image:-$meta}
		# linux-image-amd64 stands for whatever series this Debian has.
		case ${image#linux-image-} in
		"$1" | "$1"[.-]*)
			echo "$image"
			return
			;;
		esac
	done
	return 1
}

# fetch_packages FOLDER PACKAGE...: unpacks them there.
fetch_packages() {
	local folder=$1 debs
	shift
	debs=$(mktemp -d "$folder/debs.XXXXXX")
	(cd "$debs" && apt-get -qq "${apt_options[@]}" download "$@" >&2) || {
		rm -rf "$debs"
		return 1
	}
	local deb
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$folder"
	done
	rm -rf "$debs"
}

# Prints the packages with image and headers of the image package $1.
kernel_packages() {
	local headers=${1/image/headers}
	headers=${headers%-unsigned}
	printf '%s\n' "$1" "$headers"
	# From 7.3 on it is in three parts.
	package_depends "$1" 'linux-\(base\|binary\|modules\)-[0-9].*'
	package_depends "$headers" 'linux-headers-.*-common'
	package_depends "$headers" 'linux-kbuild-.*'
}

# uncompress_image BZIMAGE: prints the kernel inside it. QEMU starts that one
# directly, which saves two seconds of decompression under TCG.
#
# The offsets are those of Documentation/x86/boot.rst: setup_sects at 0x1f1,
# payload_offset at 0x248, payload_length at 0x24c. The payload's last four
# bytes are its uncompressed size.
uncompress_image() {
	local sectors offset length magic
	sectors=$(od -An -tu1 -j 0x1f1 -N 1 "$1")
	offset=$(od -An -tu4 -j 0x248 -N 4 "$1")
	length=$(od -An -tu4 -j 0x24c -N 4 "$1")
	offset=$(((sectors + 1) * 512 + offset))

	payload() {
		tail -c "+$((offset + 1))" "$1" | head -c "$((length - 4))" ||
			((PIPESTATUS[0] == 141)) # head had enough
	}
	magic=$(od -An -tx1 -j "$offset" -N 4 "$1" | tr -d ' ')
	case $magic in
	fd377a58) payload "$1" | xz -dc ;;
	28b52ffd) payload "$1" | zstd -dcq ;;
	1f8b*) payload "$1" | gzip -dc ;;
	*) die "$1: payload starts with $magic: neither xz, zstd nor gzip" ;;
	esac
}

# relocate_headers TMP DIR RELEASE: headers name their own place under /usr/src;
# make those unpacked in TMP name DIR, where they are going to be.
relocate_headers() {
	local headers=$1/root/usr/src/linux-headers-$3

	sed -i "s|/usr/src/|$2/root/usr/src/|" "$headers/Makefile"
	# With a vmlinux there, kbuild wants pahole to make BTF for modules.
	rm -f "$headers/vmlinux"
	ln -s "root/usr/src/linux-headers-$3" "$1/build"
}

# builder_make TMP HEADERS: a root with these headers, their tools, and what
# compiles a module.
builder_make() {
	local -a sources
	((EUID == 0)) || die "kernel $2 is built for in a root of $newer_suite, which only root can make here"
	need mmdebstrap=mmdebstrap
	say "making a root of $newer_suite to build in, about two minutes"
	mapfile -t sources < <(newer_sources)
	mmdebstrap --quiet --variant=minbase --include="make,gcc-14,binutils,$2" \
		"$newer_suite" "$1/builder" "${sources[@]}" >&2
	rm -f "$1"/builder/usr/src/*/vmlinux
}

# Downloads and unpacks Debian's kernel $1 into the cache, under its release; of
# the newer Debian if $2 says so.
kernel_download() {
	local wanted=$1 newer=${2:-} image release dir tmp
	local -a packages

	image=$(image_package "$wanted") || return 1
	release=${image#linux-image-}
	release=${release%-unsigned}
	dir=$cache/kernels/$release
	if [[ ! -e $dir ]]; then
		tmp=$(mktemp -d "$cache/kernels/.$release.XXXXXX")
		# shellcheck disable=SC2064  # the folder of this call
		trap "rm -rf '$tmp'" EXIT
		mkdir "$tmp/root"
		say "downloading kernel $release (image and headers)"
		mapfile -t packages < <(kernel_packages "$image")
		if [[ -n $newer ]]; then
			builder_make "$tmp" "linux-headers-$release" || return 1
			mapfile -t packages < <(printf '%s\n' "${packages[@]}" | grep -vE '^linux-(headers|kbuild)')
		fi
		fetch_packages "$tmp/root" "${packages[@]}" || return 1
		[[ -e $tmp/root/lib ]] || ln -s usr/lib "$tmp/root/lib"

		if [[ -e $tmp/root/boot ]]; then
			uncompress_image "$tmp/root/boot/vmlinuz-$release" >"$tmp/image"
			rm -r "$tmp/root/boot"
		else
			uncompress_image "$tmp/root/lib/modules/$release/vmlinuz" >"$tmp/image"
		fi
		depmod -b "$tmp/root" "$release"
		echo "$release" >"$tmp/release"
		if [[ -n $newer ]]; then
			ln -s "builder/usr/src/linux-headers-$release" "$tmp/build"
		else
			relocate_headers "$tmp" "$dir" "$release"
		fi
		mv "$tmp" "$dir"
	fi
	ln -sfn "$release" "$cache/kernels/$wanted"
}

# kernel_dir WANTED: prints the folder of Debian's kernel WANTED.
kernel_dir() {
	[[ $1 =~ ^[0-9][0-9A-Za-z.+~-]*$ ]] ||
		die "kernel '$1': want a series such as 6.1 or a release such as 6.1.0-56-amd64"
	mkdir -p "$cache/kernels"
	if [[ ! -e $cache/kernels/$1/image ]]; then
		[[ $(uname -m) == x86_64 ]] || die "machine $(uname -m): only x86_64 is supported"
		command -v apt-get >/dev/null ||
			die "kernel $1: needs apt-get and dpkg-deb to download Debian packages"
		need depmod=kmod xz=xz-utils zstd=zstd
		with_lock "$cache/kernels.lock" kernel_download "$1" || {
			apt_private_lists
			with_lock "$cache/kernels.lock" kernel_download "$1"
		} || {
			apt_newer_lists
			with_lock "$cache/kernels.lock" kernel_download "$1" newer
		} || die "kernel $1: cannot be downloaded; see: apt-cache search linux-image"
	fi
	(cd "$cache/kernels/$1" && pwd -P)
}

# Prints the modules to load for the boot of the kernel in $1, in order.
boot_module_files() {
	local name
	for name in "${boot_modules[@]}"; do
		modprobe -d "$1/root" -S "$(<"$1/release")" --show-depends "$name" |
			sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++'
}

# The static busybox of the guest, from its package if it is not installed.
busybox_static() {
	local folder=$cache/busybox

	if [[ ! -e $folder/bin/busybox ]]; then
		rm -rf "$folder"
		mkdir -p "$folder"
		fetch_packages "$folder" busybox-static || {
			apt_private_lists
			fetch_packages "$folder" busybox-static ||
				die "could not download busybox-static"
		}
	fi
	echo "$folder/bin/busybox"
}

initramfs_make() {
	local dir=$1 target=$2 busybox tmp file index=0
	[[ ! -e $target ]] || return 0

	busybox=$(busybox_static)
	tmp=$(mktemp -d "$dir/.initramfs.XXXXXX")
	# shellcheck disable=SC2064  # the folder of this call
	trap "rm -rf '$tmp'" EXIT
	mkdir -p "$tmp"/root/{bin,modules}
	install "$busybox" "$tmp/root/bin/busybox"
	install "$project/scripts/lib/guest-init" "$tmp/root/init"
	while read -r file; do
		file_to=$(printf '%s/root/modules/%02d-%s' "$tmp" "$index" "${file##*/}")
		case $file in
		*.ko) cp "$file" "$file_to" ;;
		*.ko.xz) xz -dc "$file" >"${file_to%.xz}" ;;
		*.ko.zst) zstd -dcq "$file" >"${file_to%.zst}" ;;
		*) die "$file: unknown compression of a module" ;;
		esac
		index=$((index + 1))
	done < <(boot_module_files "$dir")
	(cd "$tmp/root" && find . | cpio -o -H newc --quiet -R 0:0) >"$tmp/initramfs"
	find "$dir" -maxdepth 1 -name 'initramfs.*' -mtime +1 -delete
	mv "$tmp/initramfs" "$target"
}

# kernel_initramfs DIR: prints the initramfs of that kernel, of this version of
# guest-init.
kernel_initramfs() {
	local sum
	sum=$(sha256sum "$project/scripts/lib/guest-init")
	local target=$1/initramfs.${sum:0:12}
	if [[ ! -e $target ]]; then
		need cpio=cpio modprobe=kmod
		with_lock "$cache/initramfs.lock" initramfs_make "$1" "$target"
	fi
	echo "$target"
}
