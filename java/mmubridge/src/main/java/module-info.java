// SPDX-License-Identifier: Apache-2.0
/** What the Linux kernel tells of an address space through mmu_notifier get and put, for Java programs. */
module io.mmubridge {
    requires static java.management;
    requires static jdk.jfr;
    requires static transitive org.jspecify;

    exports io.mmubridge;
    exports io.mmubridge.cache;
    exports io.mmubridge.jfr;
    exports io.mmubridge.jmx;
    exports io.mmubridge.model;
}
