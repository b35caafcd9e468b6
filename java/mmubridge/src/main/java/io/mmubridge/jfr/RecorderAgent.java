// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;

/**
 * {@link InvalidationRecorder#install()} for a program that knows nothing of it: the library's jar is a Java agent.
 *
 * <pre>{@code
 * java -javaagent:mmubridge.jar --enable-native-access=ALL-UNNAMED \
 *     -XX:StartFlightRecording:filename=a.jfr,+io.mmubridge.Invalidation#enabled=true ...
 * }</pre>
 *
 * <p>It can be loaded into a JVM that runs, too: {@code jcmd PID JVMTI.agent_load /path/to/mmubridge.jar}. There is nothing
 * to configure, and it instruments nothing.
 */
public final class RecorderAgent {
    private RecorderAgent() {}

    /**
     * Called by the JVM before the program's own main method.
     *
     * @param arguments of {@code -javaagent}, of which there are none
     */
    public static void premain(@Nullable String arguments) {
        install();
    }

    /**
     * Called by the JVM that the agent is loaded into.
     *
     * @param arguments as for {@link #premain}
     */
    public static void agentmain(@Nullable String arguments) {
        install();
    }

    @SuppressWarnings("resource") // for the life of the JVM
    private static void install() {
        try {
            InvalidationRecorder.install();
        } catch (UnsupportedOperationException e) {
            System.getLogger(InvalidationRecorder.class.getName()).log(Level.WARNING, e.getMessage());
        }
    }
}
