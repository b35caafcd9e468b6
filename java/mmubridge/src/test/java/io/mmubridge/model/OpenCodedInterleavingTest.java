// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.model.Interleavings.explore;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.jetbrains.lincheck.LincheckAssertionError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The same program on the scheme that drivers had before there was get and put, and on get and put: the last reference goes
 * while the address space is invalidated. Lincheck's model checker finds the use after free of {@link OpenCodedNotifiers} and
 * tells how it came about.
 */
@Timeout(600)
class OpenCodedInterleavingTest {
    /** A driver by either scheme. */
    private interface Scheme {
        MmuNotifier get();

        void put(MmuNotifier notifier);
    }

    private abstract static class Driver extends SmallMachine {
        final MmuNotifierOps ops = counted("driver")
                .invalidateRangeStart((notifier, range) -> {
                    // The driver looks into its structure, which the notifier is a part of.
                    notifier.mm();
                    return true;
                })
                .build();

        final Scheme scheme = scheme();
        final MmuNotifier notifier = scheme.get();

        abstract Scheme scheme();

        void put() {
            step(() -> scheme.put(notifier));
        }

        void invalidate() {
            step(() -> invalidate(0, () -> {}));
        }
    }

    private static final class GetAndPut extends Driver {
        @Override
        Scheme scheme() {
            return new Scheme() {
                @Override
                public MmuNotifier get() {
                    return MmuNotifier.get(ops, mm);
                }

                @Override
                public void put(MmuNotifier put) {
                    MmuNotifier.put(put);
                }
            };
        }
    }

    private static class OpenCoded extends Driver {
        OpenCodedNotifiers.Freeing freeing() {
            return OpenCodedNotifiers.Freeing.AT_ONCE;
        }

        @Override
        Scheme scheme() {
            OpenCodedNotifiers notifiers = new OpenCodedNotifiers(kernel, ops, freeing());
            return new Scheme() {
                @Override
                public MmuNotifier get() {
                    return notifiers.get(mm);
                }

                @Override
                public void put(MmuNotifier put) {
                    notifiers.put(put);
                }
            };
        }
    }

    private static final class Repaired extends OpenCoded {
        @Override
        OpenCodedNotifiers.Freeing freeing() {
            return OpenCodedNotifiers.Freeing.AFTER_A_GRACE_PERIOD;
        }
    }

    @Test
    void theOpenCodedSchemeUsesWhatIsFreed() {
        LincheckAssertionError found = catchThrowableOfType(
                LincheckAssertionError.class,
                () -> explore(OpenCoded::new, SmallMachine::checkQuiescent, Driver::put, Driver::invalidate));
        assertThat(found).hasMessageContaining(UseAfterFreeError.class.getSimpleName());
        assertThat(Interleavings.isAboutInterleavings(found)).isTrue();
    }

    @Test
    void afterAGracePeriodItDoesNot() {
        explore(Repaired::new, SmallMachine::checkQuiescent, Driver::put, Driver::invalidate);
    }

    @Test
    void getAndPutDoNot() {
        explore(GetAndPut::new, SmallMachine::checkQuiescent, Driver::put, Driver::invalidate);
    }
}
