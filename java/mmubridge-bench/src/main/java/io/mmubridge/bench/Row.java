// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.bench;

import io.mmubridge.bench.Samples.Side;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A row of the table.
 *
 * @param id what the C program and the JSON call it
 * @param group measured with it
 * @param title for people
 * @param probe where Java measures it; null if it does not
 * @param base the id of the row that this one is compared with; null if Java is compared with C
 * @param aim the largest ratio to C or to {@code base}, or, of {@link Unit#BYTES}, the largest value; null if there is none
 * @param points where it is in the figures
 */
record Row(
        String id,
        Group group,
        String title,
        @Nullable Probe probe,
        @Nullable String base,
        @Nullable Double aim,
        List<Figure.Point> points) {
    /** What Java may take where C takes 1. */
    static final double JAVA_AIM = 1.3;

    private static final String GARBAGE = "gc.alloc.rate.norm";

    /** What a value is. */
    enum Unit {
        NANOSECONDS("ns"),
        /** Garbage, where C has nothing to say. */
        BYTES("B"),
        /** How many of what the title names. */
        COUNT("");

        private final String label;

        Unit(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    /**
     * What JMH runs.
     *
     * @param benchmark class and method
     * @param threads how many run it at once
     * @param parameters of it, by name; the others have their defaults
     */
    record Run(String benchmark, int threads, Map<String, String> parameters) {
        Run with(String name, String value) {
            Map<String, String> more = new TreeMap<>(parameters);
            more.put(name, value);
            return new Run(benchmark, threads, Map.copyOf(more));
        }
    }

    /**
     * A number that JMH finds.
     *
     * @param run where
     * @param metric the name of a secondary result; empty for the primary one
     * @param unit of it
     */
    record Probe(Run run, String metric, Unit unit) {
        static Probe of(Run run) {
            return new Probe(run, "", Unit.NANOSECONDS);
        }

        static Probe of(String benchmark) {
            return of(new Run(benchmark, 1, Map.of()));
        }
    }

    /** All rows, in the order of the table. */
    static final List<Row> ALL = all();

    /** The row of that id. */
    static Row of(String id) {
        return ALL.stream()
                .filter(row -> row.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(id + ": no such row"));
    }

    Unit unit() {
        return probe == null ? Unit.NANOSECONDS : probe.unit();
    }

    /** Bytes that Java allocates. */
    boolean isGarbage() {
        return unit() == Unit.BYTES;
    }

    /** Who fills the row, if a base is to be compared with. */
    Side side() {
        return probe == null ? Side.C : Side.JAVA;
    }

    private static List<Row> all() {
        List<Row> rows = new ArrayList<>(List.of(
                both("call-empty", Group.CALL, "call of an empty function", "CallOverhead.empty"),
                both("call-ioctl", Group.CALL, "call of an ioctl that fails", "CallOverhead.ioctl"),
                both("ring-pair", Group.RING, "ring in memory: write and read a record", "RingInMemory.writeAndRead"),
                both("ring-read", Group.RING, "ring in memory: read a record, in C in place", "RingInMemory.read"),
                both("ring-copy", Group.RING, "ring in memory: read a record, in C a copy", "RingInMemory.read"),
                garbage("ring-garbage", Group.RING, "ring in memory: garbage of a record read", "RingInMemory.read")));
        rows.addAll(GuardRows.inMemory());
        rows.addAll(ModelRows.all());
        rows.addAll(GuardRows.withTheModel());
        rows.addAll(List.of(
                both("getput-new", Group.GETPUT, "get + put, a notifier that is new", "GetPut.newNotifier"),
                both("getput-shared", Group.GETPUT, "get + put, a notifier that is shared", "GetPut.sharedNotifier"),
                both("open-bare", Group.GETPUT, "subscription opened + closed", "Subscriptions.withoutRing"),
                both("open-ring", Group.GETPUT, "the same with a ring of 4096", "Subscriptions.withRing"),
                both("drain", Group.DRAIN, "ring: read a record, in C in place", "RingDrain.drain"),
                delay("wait-p50", "callback to waiting consumer, median", "Latency.waiting", "p50", JAVA_AIM),
                delay("wait-p99", "callback to waiting consumer, 99 %", "Latency.waiting", "p99", null),
                delay("spin-p50", "callback to spinning consumer, median", "Latency.spinning", "p50", JAVA_AIM),
                delay("spin-p99", "callback to spinning consumer, 99 %", "Latency.spinning", "p99", null)));
        rows.addAll(GuardRows.withTheModule());
        addWatched(rows, "munmap-1", "munmap of 1 page", 1.2, 2.0);
        addWatched(rows, "munmap-64", "munmap of 64 pages", 1.2, 2.0);
        addWatched(rows, "mprotect-1", "mprotect of 1 page", null, null);
        addWatched(rows, "fork", "fork + exit + wait", null, null);
        rows.addAll(GuardRows.munmap());
        return List.copyOf(rows);
    }

    private static Row both(String id, Group group, String title, String benchmark) {
        return new Row(id, group, title, Probe.of(benchmark), null, JAVA_AIM, List.of());
    }

    private static Row garbage(String id, Group group, String title, String benchmark) {
        Probe probe = new Probe(new Run(benchmark, 1, Map.of()), GARBAGE, Unit.BYTES);
        return new Row(id, group, title, probe, null, 0.0, List.of());
    }

    private static Row delay(String id, String title, String benchmark, String metric, @Nullable Double aim) {
        Probe probe = new Probe(new Run(benchmark, 1, Map.of()), metric, Unit.NANOSECONDS);
        return new Row(id, Group.LATENCY, title, probe, null, aim, List.of());
    }

    private static void addWatched(
            List<Row> rows, String id, String title, @Nullable Double plainAim, @Nullable Double causesAim) {
        String never = id + "-never";
        rows.add(new Row(never, Group.WATCHED, title + ", never watched", null, null, null, List.of()));
        rows.add(new Row(id + "-plain", Group.WATCHED, title + ", watched", null, never, plainAim, List.of()));
        rows.add(new Row(
                id + "-causes", Group.WATCHED, title + ", watched with causes", null, never, causesAim, List.of()));
        rows.add(new Row(id + "-detached", Group.WATCHED, title + ", after detach", null, never, null, List.of()));
    }
}
