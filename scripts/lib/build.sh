# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # build, project: lib/common.sh
#
# Builds what is stale, each part into build/ (Maven: into its own target/), and
# prints where the result is. Silent when there is nothing to do.

# builder_build KERNEL_DIR TO [MAKE ARGUMENT]...: builds the sources in TO in the
# root of that kernel's own.
builder_build() {
	local kernel=$1 to=$2 within
	shift 2
	within=$(mktemp -d "$kernel/builder/tmp/mmubridge.XXXXXX")
	# shellcheck disable=SC2064  # the folder of this call
	trap "rm -rf '$within'" EXIT
	cp -Rp "$to/." "$within/"
	# objtool looks into /proc.
	unshare --mount --pid --fork --mount-proc="$kernel/builder/proc" \
		chroot "$kernel/builder" make -s -C "${within#"$kernel/builder"}" \
		KDIR="/usr/src/linux-headers-$(<"$kernel/release")" \
		CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules >&2
	cp -p "$within"/*.ko "$to/"
}

# module_needs KERNEL_DIR: installs what a module for that kernel is built with.
module_needs() {
	local cc=gcc

	[[ ! -e $1/builder ]] || return 0
	if [[ -e $1/build/.kernelvariables ]]; then
		cc=$(grep -om1 'gcc-[0-9]*' "$1/build/.kernelvariables")
	fi
	need make=make "$cc=$cc" /usr/lib/x86_64-linux-gnu/libelf.so.1=libelf1
}

# module_build KERNEL_DIR TO [MAKE ARGUMENT]...: builds the module for that
# kernel in TO. Kbuild writes beside its sources, so it gets a copy of them.
module_build() {
	local kernel=$1 to=$2 from=$project/kmod file
	shift 2

	module_needs "$kernel"
	mkdir -p "$to"
	# What has gone from the original must go from the copy too.
	for file in "$to"/*.[ch] "$to"/Kbuild "$to"/Makefile; do
		[[ -e $from/${file##*/} ]] || rm -f "$file"
	done
	cp -Rpu "$from/." "$to/"
	kbuild "$kernel" "$to" "$@"
}

# kbuild KERNEL_DIR FOLDER [MAKE ARGUMENT]...: builds the module in it.
kbuild() {
	local kernel=$1 to=$2
	shift 2
	if [[ -e $kernel/builder ]]; then
		(builder_build "$kernel" "$to" "$@")
		return
	fi
	# No BTF: that would take the kernel's vmlinux with debug information.
	make -s -C "$to" KDIR="$kernel/build" CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules >&2
}

module_make() {
	local kernel=$1 to=$2

	# Another process may have built it while this one waited for the lock.
	stale "$to/.made" "$project/kmod" "$kernel/release" || return 0
	say "building the module for $(<"$kernel/release")"
	mkdir -p "$to"
	touch "$to/.making" # older than what is edited meanwhile
	module_build "$kernel" "$to" || die "the module does not build for $(<"$kernel/release")"
	mv "$to/.making" "$to/.made"
}

# test_module_build KERNEL_DIR TO [MAKE ARGUMENT]...: builds the module for tests,
# of the shipped one's source, in TO, which it makes anew.
test_module_build() {
	local kernel=$1 to=$2
	shift 2

	module_needs "$kernel"
	rm -rf "$to"
	mkdir -p "$to"
	cp -p "$project"/kmod/*.[ch] "$project/kmod/Makefile" "$project"/kmod/test/{Kbuild,*.[ch]} "$to/"
	cp -p "$project/kmod/Kbuild" "$to/Kbuild.shipped"
	kbuild "$kernel" "$to" "$@"
}

test_module_make() {
	local kernel=$1 to=$2

	stale "$to/.made" "$project/kmod" "$kernel/release" || return 0
	say "building the module for tests for $(<"$kernel/release")"
	touch "$to.making" # older than what is edited meanwhile
	test_module_build "$kernel" "$to" || die "the module for tests does not build for $(<"$kernel/release")"
	mv "$to.making" "$to/.made"
}

# test_module_file KERNEL_DIR: prints the module for tests built for that kernel.
test_module_file() {
	local to=$build/kmod/test-${1##*/}

	if stale "$to/.made" "$project/kmod" "$1/release"; then
		with_lock "$to.lock" test_module_make "$1" "$to"
	fi
	echo "$to/mmubridge_test.ko"
}

# mutant_make KERNEL_DIR TO PATCH: builds the module for tests in TO with that
# patch, and puts it into a folder of the patch's name, with the tests that the
# patch names, each line a program and which of its tests.
mutant_make() {
	local kernel=$1 to=$2 patch=$3 name
	name=$(basename "$patch" .patch)
	patch -s -F0 -p1 -d "$to" <"$patch" >&2 || die "$patch: does not apply"
	kbuild "$kernel" "$to" || die "$patch: does not build"
	patch -s -F0 -p1 -R -d "$to" <"$patch" >&2
	mkdir -p "$to/mutants/$name"
	sed -n 's/^Tests: //p' "$patch" >"$to/mutants/$name/tests"
	mv "$to/mmubridge_test.ko" "$to/mutants/$name/"
}

mutants_make() {
	local kernel=$1 to=$2 patch

	stale "$to/.made" "$project/kmod" "$kernel/release" || return 0
	need patch=patch
	say "building mutants of the module for $(<"$kernel/release")"
	touch "$to.making" # older than what is edited meanwhile
	test_module_build "$kernel" "$to" || die "the module for tests does not build for $(<"$kernel/release")"
	mkdir -p "$to/mutants/none"
	cp -p "$to/mmubridge_test.ko" "$to/mutants/none/"
	for patch in "$project"/kmod/test/mutants/*.patch; do
		mutant_make "$kernel" "$to" "$patch"
	done
	# Where nothing is wrong, what is to see it passes.
	sort -u "$to"/mutants/*/tests >"$to/mutants/none/tests"
	mv "$to.making" "$to/.made"
}

# mutants_files KERNEL_DIR: prints the modules for tests that have been made wrong
# on purpose, each in a folder of its name; before them, in "none", one that has
# not.
mutants_files() {
	local to=$build/kmod/mutants-${1##*/}

	if stale "$to/.made" "$project/kmod" "$1/release"; then
		with_lock "$to.lock" mutants_make "$1" "$to"
	fi
	echo "$to/mutants/none/mmubridge_test.ko"
	find "$to/mutants" -name '*.ko' -not -path '*/none/*' | sort
}

# module_file KERNEL_DIR: prints the module built for that kernel.
module_file() {
	local to=$build/kmod/${1##*/}

	[[ -e $project/kmod/Makefile ]] || die "$project/kmod: no Makefile, so no module to load; see --no-module"
	if stale "$to/.made" "$project/kmod" "$1/release"; then
		with_lock "$to.lock" module_make "$1" "$to"
	fi
	echo "$to/mmubridge.ko"
}

native_make() {
	need make=make cc=gcc /usr/include/stdio.h=libc6-dev
	say "building libmmubridge"
	mkdir -p "$build/native"
	touch "$build/native/.making" # older than what is edited meanwhile
	make -s -C "$project/native" BUILD="$build/native" lib subject >&2 ||
		die "native/ does not build"
	mv "$build/native/.making" "$build/native/.made"
}

# native_build: libmmubridge.so and subject are in build/native.
native_build() {
	if stale "$build/native/.made" "$project"/native/{include,src,subject,Makefile} \
		"$project/kmod/mmubridge_uapi.h"; then
		with_lock "$build/native.lock" native_make
	fi
}

# maven JDK ARGUMENT...: under that JDK, whose warnings about what Maven itself
# still does are nothing to us. The command in $around, if any, runs it.
around=()
maven() {
	local jdk=$1
	shift
	need mvn=maven
	JAVA_HOME=$jdk MAVEN_OPTS="${MAVEN_OPTS:-} --sun-misc-unsafe-memory-access=allow" \
		"${around[@]}" mvn -B -ntp -Dstyle.color=never -f "$project/pom.xml" "$@"
}

# jar_make MODULE WHAT JDK: has Maven build the jar of java/MODULE.
jar_make() {
	local module=$1 begun log=$build/$1.log
	say "building $2 (the first time, Maven downloads its plugins)"
	mkdir -p "$build"
	begun=$(mktemp)
	# The tests, and the form of the sources, are for scripts/test to look at.
	if ! maven "$3" -q -pl "java/$module" -am -Dmaven.test.skip=true -Dspotless.check.skip=true \
		package >"$log" 2>&1; then
		cat "$log" >&2
		die "$2: does not build"
	fi
	touch -r "$begun" "$(jar "$module")" # older than what was edited meanwhile
	rm "$begun"
}

jar() {
	echo "$project/java/$1/target/$1.jar"
}

# jar_build MODULE WHAT JDK: the jar is where jar() says. One Maven at a time:
# the modules share what they depend on.
jar_build() {
	if stale "$(jar "$1")" "$project"/java/{mmubridge,"$1"}/{src/main,pom.xml} "$project/pom.xml"; then
		with_lock "$build/maven.lock" jar_make "$@"
	fi
}

cli_jar() {
	jar mmubridge-cli
}

# cli_build JDK: the jar is where cli_jar says.
cli_build() {
	jar_build mmubridge-cli "the command-line program" "$1"
}

bench_program_make() {
	native_build
	make -s -C "$project/native" BUILD="$build/native" bench >&2 ||
		die "native/bench does not build"
}

# bench_program_build: the benchmarks in C are where bench_program says.
bench_program_build() {
	with_lock "$build/bench.lock" bench_program_make
}

# bench_jar_build JDK: those in Java are where bench_jar says.
bench_jar_build() {
	jar_build mmubridge-bench "the benchmarks" "$1"
}

bench_program() {
	echo "$build/native/bench/bench"
}

bench_jar() {
	jar mmubridge-bench
}

stress_jar() {
	jar mmubridge-stress
}

# stress_build JDK: the jar is where stress_jar says.
stress_build() {
	jar_build mmubridge-stress "the stress tests" "$1"
}

# stress_run JDK FOLDER [CLASSES [TEST]]: runs the stress tests, or those whose
# name has TEST in it, in that folder; with classes that go before the jar's own.
stress_run() {
	rm -rf "$2"
	mkdir -p "$2"
	(cd "$2" && "$1/bin/java" -cp "${3:+$3:}$(stress_jar)" --sun-misc-unsafe-memory-access=allow \
		--enable-native-access=ALL-UNNAMED io.mmubridge.stress.Main "${@:4}")
}
