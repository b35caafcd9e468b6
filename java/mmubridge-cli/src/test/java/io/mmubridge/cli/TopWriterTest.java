// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class TopWriterTest {
    private static final long SECOND = 1_000_000_000L;

    private final StringWriter text = new StringWriter();
    private final Tally tally = new Tally();

    private Summary after(long nanos) {
        return new Summary(100, "watch", null, nanos, tally, null, false, List.of());
    }

    private void munmaps(int count) {
        for (int i = 0; i < count; i++) {
            tally.add(Events.munmap(i + 1, "java"));
        }
    }

    @Test
    void aScreenTellsTheRateOfNowAndTheTotal() {
        TopWriter writer = new TopWriter(new PrintWriter(text), false);
        munmaps(10);
        writer.interim(after(SECOND));
        munmaps(4);
        tally.add(Events.release(15));
        writer.interim(after(3 * SECOND));
        writer.flush();

        assertThat(text.toString().lines())
                .containsSubsequence(
                        "10.0 events a second now, 10.0 on average; 20 pages in their ranges",
                        "munmap      10.0      10  100.0%     20",
                        "2.5 events a second now, 5.0 on average; 28 pages in their ranges",
                        "munmap       2.0      14  93.3%     28",
                        "exit         0.5       1   6.7%      0");
    }

    @Test
    void whereItIsPipedThereAreNoEscapes() {
        TopWriter writer = new TopWriter(new PrintWriter(text), false);
        munmaps(1);
        writer.event(1, Events.munmap(1, "java"));
        writer.interim(after(SECOND));
        writer.summary(after(SECOND));
        writer.flush();

        assertThat(text.toString()).doesNotContain("\u001b").contains("java", "munmap");
    }

    @Test
    void onATerminalOneScreenTakesThePlaceOfTheLast() {
        TopWriter writer = new TopWriter(new PrintWriter(text), true);
        writer.interim(after(SECOND));
        writer.flush();

        assertThat(text.toString()).startsWith("\u001b[H").endsWith("\u001b[J").contains("\u001b[K\n");
    }
}
