# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Finding a JDK that is new enough, wherever it is installed.

readonly jdk_oldest=25

# Prints the feature release of the JDK in $1: 25 for 25.0.1. A JDK's release
# file says so, and reading it is quicker than asking java.
jdk_release() {
	[[ -x $1/bin/javac && -r $1/release ]] || return 1
	sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

# Prints the home of the first JDK that is new enough: JAVA_HOME, then that of
# the java on the PATH, then where distributions and SDKMAN put them.
jdk_search() {
	local home release on_path
	on_path=$(command -v java) && on_path=$(readlink -f "$on_path") || on_path=''

	for home in "${JAVA_HOME:-}" "${on_path%/bin/java}" \
		/usr/lib/jvm/* /opt/java/* /opt/jdk* "$HOME"/.sdkman/candidates/java/*; do
		release=$(jdk_release "$home") || continue
		if ((${release:-0} >= jdk_oldest)); then
			echo "$home"
			return
		fi
	done
	return 1
}

# Prints the home of a JDK, which it installs where the distribution has one.
find_jdk() {
	local package=openjdk-$jdk_oldest-jdk-headless
	if ! jdk_search; then
		apt-cache show "$package" >/dev/null 2>&1 ||
			die "no JDK $jdk_oldest or newer: set JAVA_HOME, or install one under /usr/lib/jvm (this Debian has no $package)"
		install_packages "$package"
		jdk_search || die "$package is installed, but no JDK $jdk_oldest is found"
	fi
}
