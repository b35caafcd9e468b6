// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import io.mmubridge.Interleavings;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs tests of this package, one after the other, and ends with the first that fails: one is enough to tell that what is
 * tested is broken. Says which it was in one line, {@code failed NAME} or {@code hung NAME}, and what it said in those that
 * follow.
 *
 * <p>Exit status: 0 all passed, 1 one failed, 2 one ran too long, 3 something else.
 */
final class FirstFailure implements TestExecutionListener {
    private static final int PASSED = 0;
    private static final int FAILED = 1;
    private static final int HUNG = 2;
    private static final int BROKEN = 3;

    private final int seconds;
    private final ScheduledExecutorService watchdog = Executors.newSingleThreadScheduledExecutor(
            work -> Thread.ofPlatform().daemon().unstarted(work));
    private @Nullable ScheduledFuture<?> bite;
    private long begun;
    private int passed;

    private FirstFailure(int seconds) {
        this.seconds = seconds;
    }

    /**
     * Runs them.
     *
     * @param args how many seconds a test may take, then the tests in order: each a class, or a class, a hash and a method
     */
    public static void main(String[] args) {
        FirstFailure listener = new FirstFailure(Integer.parseInt(args[0]));
        for (int i = 1; i < args.length; i++) {
            LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                    .selectors(select(args[i]))
                    .build();
            int before = listener.passed;
            LauncherFactory.create().execute(request, listener);
            if (listener.passed == before) {
                end(BROKEN, "no test: " + args[i]);
            }
        }
        end(PASSED, "passed " + listener.passed);
    }

    private static DiscoverySelector select(String name) {
        String full = FirstFailure.class.getPackageName() + "." + name;
        return name.indexOf('#') < 0 ? selectClass(full) : selectMethod(full);
    }

    /** At once: a test that has failed may have left threads that wait for ever. */
    private static void end(int status, String line) {
        System.out.println(line);
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }

    private static String name(TestIdentifier test) {
        return test.getSource()
                .filter(MethodSource.class::isInstance)
                .map(MethodSource.class::cast)
                .map(source -> source.getJavaClass().getSimpleName() + "." + source.getMethodName())
                .orElse(test.getDisplayName());
    }

    @Override
    public void executionStarted(TestIdentifier test) {
        if (test.isTest()) {
            begun = System.nanoTime();
            bite = watchdog.schedule(() -> end(HUNG, "hung " + name(test)), seconds, TimeUnit.SECONDS);
        }
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        if (result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
            Throwable thrown = result.getThrowable().orElse(null);
            boolean hung = thrown instanceof Interleavings.OutOfTimeException;
            System.out.println((hung ? "hung " : "failed ") + name(test));
            if (thrown != null) {
                thrown.printStackTrace(System.out);
            }
            end(hung ? HUNG : FAILED, "");
        }
        if (test.isTest()) {
            if (bite != null) {
                bite.cancel(false);
            }
            passed++;
            System.out.println("ok " + name(test) + " " + (System.nanoTime() - begun) / 1_000_000 + " ms");
        }
    }
}
