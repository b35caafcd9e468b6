// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.backend;

import io.mmubridge.AddressRange;
import io.mmubridge.MmuException;
import io.mmubridge.ShadowMode;

/** Why a shadow cannot be had, or does not do what it is asked for: the rule, and the values that break it. */
public final class ShadowRefusals {
    private static final String RELEASED =
            "the address space has been released, since its process exited or executed another program.";

    private ShadowRefusals() {}

    private static MmuException cannot(AddressRange range, String rule) {
        return new MmuException("The range " + range + " cannot be shadowed: " + rule);
    }

    /** It ends where there is no address space any more. */
    public static IllegalArgumentException beyond(AddressRange range) {
        return new IllegalArgumentException("The range " + range + " ends beyond the address space.");
    }

    /** The subscription has one in the way. */
    public static MmuException overlap(AddressRange range, String other) {
        return cannot(
                range,
                "this subscription has a shadow that overlaps, of " + other
                        + ". Close that, or take another subscription.");
    }

    /** The subscription has all that it may have. */
    public static MmuException limit(AddressRange range, long pages, String parameters) {
        return cannot(
                range,
                "the shadows of a subscription are as many as they may be, or would have more than " + pages
                        + " pages together" + parameters + ". Close some, or shadow less.");
    }

    /** The subscriptions of the space have all that they may have together. */
    public static MmuException spaceLimit(AddressRange range, String parameters) {
        return cannot(
                range,
                "the subscriptions of this subsystem to this process shadow as many pages together as they may"
                        + parameters + ".");
    }

    /** There is nothing to shadow any more. */
    public static MmuException released(AddressRange range) {
        return cannot(range, RELEASED);
    }

    /** Something else. */
    public static MmuException other(AddressRange range, String rule) {
        return cannot(range, rule);
    }

    /** Of one that was shadowed. */
    public static MmuException ended(AddressRange range) {
        return new MmuException("The shadow of " + range + " has come to its end: " + RELEASED);
    }

    /** It is used after its close. */
    public static IllegalStateException closed() {
        return new IllegalStateException("this shadow is closed");
    }

    /** Nothing to read or to write to. */
    public static MmuException noPage(long address, ShadowMode mode) {
        return new MmuException("There is no page at 0x" + Long.toHexString(address)
                + ", or none that a shadow of mode " + mode + " faults in.");
    }

    /** Nothing to write to. */
    public static MmuException notWritable(long address, ShadowMode mode) {
        return new MmuException(
                "What is at 0x" + Long.toHexString(address)
                        + " cannot be written to: the page is not writable, and a shadow of mode " + mode
                        + " does not make it so, or the memory of the process was not open for writing when it was attached to.");
    }
}
