// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import java.io.IOException;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/**
 * A class of tests that need the kernel module. They are skipped where it is absent <em>and</em> was asked to be, by
 * {@code -Dmmubridge.vm=skip}; absent otherwise, they fail. Nothing here is timed: the limit only ends what hangs.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("kernel")
@ExtendWith({KernelTest.NeedsDevice.class, KernelTest.NoNumaBalancing.class, Watchdog.class})
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@interface KernelTest {
    /** Looks for the device. */
    final class NeedsDevice implements ExecutionCondition {
        private static final Path DEVICE = Path.of("/dev/mmubridge");

        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            if (Files.exists(DEVICE)) {
                return ConditionEvaluationResult.enabled(DEVICE + " is there");
            }
            return System.getProperty("mmubridge.vm", "").equals("skip")
                    ? ConditionEvaluationResult.disabled(
                            DEVICE + " is not there, and mmubridge.vm=skip asks for no machine")
                    : ConditionEvaluationResult.enabled("the test will say that " + DEVICE + " is not there");
        }
    }

    /** Turns NUMA balancing off, which raises PROTECTION_VMA when it likes, in every process; and back to what it was. */
    final class NoNumaBalancing implements BeforeAllCallback, AfterAllCallback {
        private static final Path SETTING = Path.of("/proc/sys/kernel/numa_balancing");
        private static final Namespace NAMESPACE = Namespace.create(NoNumaBalancing.class);

        @Override
        public void beforeAll(ExtensionContext context) throws IOException {
            if (Files.isWritable(SETTING)) {
                context.getStore(NAMESPACE).put(SETTING, Files.readString(SETTING));
                Files.writeString(SETTING, "0");
            }
        }

        @Override
        public void afterAll(ExtensionContext context) throws IOException {
            String before = context.getStore(NAMESPACE).get(SETTING, String.class);
            if (before != null) {
                Files.writeString(SETTING, before);
            }
        }
    }
}
