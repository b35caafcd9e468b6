// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

/**
 * What a look at some pages has found, and what has become of them since the last: numbers of pages.
 *
 * @param pages how many there are
 * @param present mapped by the CPU's page table
 * @param writable of these, writable without a fault
 * @param huge of these, part of 2 MiB or more
 * @param added present, and not known before
 * @param same dropped since the last look, and found to be the same page with the same permission
 * @param moved dropped, and another page
 * @param reprotected dropped, and the same page with another permission
 * @param gone dropped, and not there any more
 * @param upgraded not dropped, and become writable, of which the kernel does not tell
 * @param mismatched not dropped, and yet something else: never, unless the kernel or the module is wrong
 */
record ShadowCounts(
        long pages,
        long present,
        long writable,
        long huge,
        long added,
        long same,
        long moved,
        long reprotected,
        long gone,
        long upgraded,
        long mismatched) {
    static final ShadowCounts NONE = new ShadowCounts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** Both together. */
    ShadowCounts plus(ShadowCounts other) {
        return new ShadowCounts(
                pages + other.pages,
                present + other.present,
                writable + other.writable,
                huge + other.huge,
                added + other.added,
                same + other.same,
                moved + other.moved,
                reprotected + other.reprotected,
                gone + other.gone,
                upgraded + other.upgraded,
                mismatched + other.mismatched);
    }

    /** The state of this, the changes of both. */
    ShadowCounts withChangesOf(ShadowCounts other) {
        return new ShadowCounts(
                pages,
                present,
                writable,
                huge,
                added + other.added,
                same + other.same,
                moved + other.moved,
                reprotected + other.reprotected,
                gone + other.gone,
                upgraded + other.upgraded,
                mismatched + other.mismatched);
    }

    ShadowCounts withoutAdded() {
        return new ShadowCounts(
                pages, present, writable, huge, 0, same, moved, reprotected, gone, upgraded, mismatched);
    }

    /** What may have changed: the kernel told of it. */
    long dropped() {
        return same + moved + reprotected + gone;
    }

    /** Of that, what did change. */
    long changed() {
        return moved + reprotected + gone;
    }
}
