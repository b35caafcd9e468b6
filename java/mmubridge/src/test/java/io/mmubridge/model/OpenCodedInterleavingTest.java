// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static io.mmubridge.Interleavings.explore;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.mmubridge.Interleavings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The same program on the scheme that drivers had before there was get and put, and on get and put: the last reference goes
 * while the address space is invalidated. Lincheck's model checker finds the use after free of {@link OpenCodedNotifiers} and
 * tells how it came about.
 */
@Tag(Interleavings.TAG)
@Timeout(600)
class OpenCodedInterleavingTest {
    private static final String REPORT_END = "Detailed trace:";

    /** How a driver comes by its notifier and gives it back. */
    private abstract static class Scheme {
        abstract MmuNotifier get();

        abstract void put(MmuNotifier notifier);
    }

    private static final class GetAndPut extends Scheme {
        private final Driver driver;

        GetAndPut(Driver driver) {
            this.driver = driver;
        }

        @Override
        MmuNotifier get() {
            return MmuNotifier.get(driver.ops, driver.mm);
        }

        @Override
        void put(MmuNotifier notifier) {
            MmuNotifier.put(notifier);
        }
    }

    private static final class OpenCoded extends Scheme {
        private final MmStruct mm;
        private final OpenCodedNotifiers notifiers;

        OpenCoded(Driver driver, OpenCodedNotifiers.Freeing freeing) {
            mm = driver.mm;
            notifiers = new OpenCodedNotifiers(driver.kernel, driver.ops, freeing);
        }

        @Override
        MmuNotifier get() {
            return notifiers.get(mm);
        }

        @Override
        void put(MmuNotifier notifier) {
            notifiers.put(notifier);
        }
    }

    private static final class Driver extends SmallMachine {
        final MmuNotifierOps ops = counted("driver")
                .invalidateRangeStart((notifier, range) -> {
                    // The driver looks into its structure, which the notifier is a part of.
                    notifier.mm();
                    return true;
                })
                .build();
        final Scheme scheme;
        final MmuNotifier notifier;

        Driver(Function<Driver, Scheme> how) {
            scheme = how.apply(this);
            notifier = scheme.get();
        }
    }

    // What threads do has a name, which the report shows.

    private static final class LastPut implements Consumer<Driver> {
        @Override
        public void accept(Driver driver) {
            driver.step(() -> driver.scheme.put(driver.notifier));
        }
    }

    private static final class Invalidation implements Consumer<Driver> {
        @Override
        public void accept(Driver driver) {
            driver.step(() -> driver.invalidate(0, () -> {}));
        }
    }

    private static void race(Function<Driver, Scheme> how) {
        explore(() -> new Driver(how), SmallMachine::checkQuiescent, new LastPut(), new Invalidation());
    }

    @Test
    void theOpenCodedSchemeUsesWhatIsFreed() throws IOException {
        LincheckAssertionError found = catchThrowableOfType(
                LincheckAssertionError.class,
                () -> race(driver -> new OpenCoded(driver, OpenCodedNotifiers.Freeing.AT_ONCE)));

        assertThat(found).hasMessageContaining("UseAfterFreeError: use after free: notifier of driver");
        String report = String.valueOf(found.getMessage());
        assertThat(report)
                .contains("LastPut#1.accept(Driver#1)")
                .contains("MmuNotifier.invalidateRangeStart(MmuNotifierRange#1): threw UseAfterFreeError")
                .contains(REPORT_END);
        // To be read: what comes after it is the same step by step.
        Path kept = Path.of("target", "open-coded-use-after-free.txt");
        Files.writeString(kept, report.substring(0, report.indexOf(REPORT_END)).strip() + "\n");
        System.out.println("the interleaving that uses what is freed is in " + kept.toAbsolutePath());
    }

    @Test
    void afterAGracePeriodItDoesNot() {
        race(driver -> new OpenCoded(driver, OpenCodedNotifiers.Freeing.AFTER_A_GRACE_PERIOD));
    }

    @Test
    void getAndPutDoNot() {
        race(GetAndPut::new);
    }
}
