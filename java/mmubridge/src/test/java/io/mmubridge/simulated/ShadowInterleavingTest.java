// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import static io.mmubridge.Interleavings.explore;

import io.mmubridge.AddressRange;
import io.mmubridge.Filter;
import io.mmubridge.Interleavings;
import io.mmubridge.MmuException;
import io.mmubridge.RingOptions;
import io.mmubridge.Shadow;
import io.mmubridge.ShadowAccess;
import io.mmubridge.ShadowEntry;
import io.mmubridge.ShadowMode;
import io.mmubridge.model.Advice;
import io.mmubridge.model.MapRequest;
import io.mmubridge.model.MmStruct;
import io.mmubridge.model.MmuNotifier;
import io.mmubridge.model.MmuNotifierEvent;
import io.mmubridge.model.MmuNotifierRange;
import io.mmubridge.model.Protection;
import io.mmubridge.model.Pte;
import io.mmubridge.model.SimulatedKernel;
import io.mmubridge.model.SimulatedProcess;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A shadow in the interleavings that Lincheck's model checker chooses: who looks at the page table, who installs, who
 * invalidates, and who looks entries up. Frames that are used once they are free are errors.
 */
@Timeout(600)
@Tag(Interleavings.TAG)
class ShadowInterleavingTest {
    private static final long PAGE = 4096;

    /** A process with one page, which holds a 1, and its shadow. */
    private static final class Shadowed {
        final SimulatedKernel kernel = SimulatedKernel.builder().build();
        final SimulatedProcess process = kernel.spawn("subject");
        final MmStruct mm = Objects.requireNonNull(process.mm());
        final long page = process.mmap(MapRequest.anonymous(PAGE));
        final ModelBackend backend = new ModelBackend(kernel, "a test");
        final ModelSubscription subscription = backend.attach("test", mm, RingOptions.none(), Filter.all());
        final Shadow shadow;
        final MmuNotifierRange invalidation = MmuNotifierRange.of(mm, MmuNotifierEvent.CLEAR, page, page + PAGE);

        Shadowed(ShadowMode mode) {
            process.write(page, (byte) 1);
            AddressRange range = new AddressRange(page, page + PAGE);
            shadow = ShadowAccess.of(subscription.shadow(range, mode), range, mode);
        }

        static Shadowed empty() {
            return new Shadowed(ShadowMode.SNAPSHOT);
        }

        static Shadowed full() {
            Shadowed shadowed = empty();
            shadowed.shadow.refresh();
            return shadowed;
        }

        void discard() {
            process.madvise(page, PAGE, Advice.DONTNEED);
        }

        void replace() {
            discard();
            process.write(page, (byte) 2);
        }

        void protect() {
            process.mprotect(page, PAGE, Protection.READ);
        }

        void refresh() {
            check(shadow.refresh().mismatched() == 0, "something else, of which nobody has told");
        }

        /** What is present is what the page table has, or an invalidation has come, and it is not present any more. */
        void use() {
            ShadowEntry entry = new ShadowEntry();
            if (shadow.lookup(page, entry)) {
                check(agrees(entry) || !shadow.isValid(entry), "present, and the page table has something else");
            }
        }

        private boolean agrees(ShadowEntry entry) {
            long now = mm.pageTable().get(page);
            return Pte.isPresent(now) && Pte.pfn(now) == entry.frame() && (!entry.isWritable() || Pte.isWritable(now));
        }

        boolean isPresent() {
            return shadow.lookup(page, new ShadowEntry());
        }
    }

    private static void check(boolean holds, String rule) {
        if (!holds) {
            throw new AssertionError(rule);
        }
    }

    @Test
    void nothingStaleIsInstalled() {
        explore(Shadowed::empty, Shadowed::use, Shadowed::refresh, Shadowed::replace);
    }

    @Test
    void whatIsTakenAwayIsNotFoundAnyMore() {
        explore(
                Shadowed::full,
                shadowed -> check(!shadowed.isPresent(), "it is not there"),
                Shadowed::use,
                Shadowed::discard);
    }

    @Test
    void theFrameIsThatOfTheState() {
        explore(
                () -> {
                    Shadowed shadowed = Shadowed.full();
                    shadowed.replace();
                    return shadowed;
                },
                Shadowed::use,
                Shadowed::refresh,
                Shadowed::use);
    }

    /** A page that comes is no event: who looked before it came must not take it away from who looked after it. */
    @Test
    void whoLooksLateTakesNothingAway() {
        explore(
                () -> {
                    Shadowed shadowed = Shadowed.empty();
                    shadowed.discard();
                    return shadowed;
                },
                shadowed -> check(shadowed.isPresent(), "it was there, and nobody has told that it went"),
                Shadowed::refresh,
                shadowed -> {
                    shadowed.process.write(shadowed.page, (byte) 2);
                    shadowed.refresh();
                });
    }

    @Test
    void noEntryIsWritableThatThePageTableHasMadeReadOnly() {
        explore(Shadowed::empty, Shadowed::use, Shadowed::refresh, Shadowed::protect);
    }

    /** Who is not woken hangs. */
    @Test
    void whoWaitsForWhatIsInFlightGoesOnAtItsEnd() {
        explore(
                () -> {
                    Shadowed shadowed = Shadowed.full();
                    MmuNotifier.invalidateRangeStart(shadowed.invalidation);
                    return shadowed;
                },
                shadowed -> check(shadowed.isPresent(), "it was looked for after the end"),
                shadowed -> {
                    check(!shadowed.isPresent(), "in flight");
                    MmuNotifier.invalidateRangeEnd(shadowed.invalidation);
                },
                Shadowed::refresh);
    }

    @Test
    void nobodyReadsOrWritesWhatIsFree() {
        explore(
                () -> new Shadowed(ShadowMode.WRITE),
                shadowed -> check(shadowed.process.read(shadowed.page) != 1, "it was given back"),
                shadowed -> {
                    byte[] bytes = new byte[1];
                    check(
                            shadowed.shadow.read(shadowed.page, MemorySegment.ofArray(bytes)) == 1 && bytes[0] <= 1,
                            "what was there, or zero");
                    bytes[0] = 3;
                    check(shadowed.shadow.write(shadowed.page, MemorySegment.ofArray(bytes)) == 1, "written");
                },
                Shadowed::discard);
    }

    /** It is closed by one thread while another refreshes. */
    @Test
    void nothingComesAfterTheClose() {
        explore(
                Shadowed::empty,
                shadowed -> check(!shadowed.isPresent(), "closed"),
                shadowed -> {
                    shadowed.shadow.close();
                    check(!shadowed.isPresent(), "closed");
                },
                shadowed -> {
                    try {
                        shadowed.refresh();
                    } catch (IllegalStateException e) {
                        check(shadowed.shadow.isEnded(), "closed");
                    }
                });
    }

    @Test
    void nothingComesAfterTheRelease() {
        explore(
                Shadowed::empty,
                shadowed -> check(!shadowed.isPresent() && shadowed.shadow.isEnded(), "released"),
                shadowed -> {
                    shadowed.process.exit();
                },
                shadowed -> {
                    try {
                        shadowed.refresh();
                    } catch (MmuException e) {
                        check(shadowed.mm.users() == 0, "exited");
                    }
                });
    }
}
