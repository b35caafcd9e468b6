// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import io.mmubridge.Cause;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** A subscriber that writes down all that it is told. */
final class EventLog implements AutoCloseable {
    /**
     * One call.
     *
     * @param what the operation: start, end, release, young, change
     * @param event its type, or null
     * @param start the first byte, relative to the base
     * @param end the first byte after it, relative to the base
     * @param blockable as the range says
     * @param cause what the thread was doing
     */
    record Call(String what, @Nullable MmuNotifierEvent event, long start, long end, boolean blockable, Cause cause) {}

    private static final class Notifier extends MmuNotifier {
        private final Queue<Call> calls = new ConcurrentLinkedQueue<>();
        private volatile @Nullable Activity last;
    }

    private final Notifier notifier;
    private volatile boolean young;
    private volatile boolean refuses;

    /** Of one kind: with starts and ends, as most have it. */
    EventLog(MmStruct mm) {
        this(mm, true);
    }

    EventLog(MmStruct mm, boolean withEnd) {
        MmuNotifierOps.Builder ops = MmuNotifierOps.builder("log")
                .notifiers(space -> new Notifier(), freed -> {})
                .release((subscription, space) -> add(subscription, "release", null, 0, -1, true))
                .invalidateRangeStart((subscription, range) -> {
                    if (refuses && !range.isBlockable()) {
                        return false;
                    }
                    add(subscription, "start", range);
                    return true;
                })
                .clearFlushYoung((subscription, space, start, end) -> {
                    add(subscription, "young", null, start, end, true);
                    return young;
                })
                .changePte((subscription, space, address, pte) ->
                        add(subscription, "change", null, address, address + PageTable.PAGE_SIZE, true));
        if (withEnd) {
            ops.invalidateRangeEnd((subscription, range) -> add(subscription, "end", range));
        }
        notifier = (Notifier) MmuNotifier.get(ops.build(), mm);
    }

    private static void add(MmuNotifier subscription, String what, MmuNotifierRange range) {
        add(subscription, what, range.event(), range.start(), range.end(), range.isBlockable());
    }

    private static void add(
            MmuNotifier subscription,
            String what,
            @Nullable MmuNotifierEvent event,
            long start,
            long end,
            boolean blockable) {
        Notifier log = (Notifier) subscription;
        log.last = Activity.current();
        log.calls.add(
                new Call(what, event, start, end, blockable, Activity.current().cause()));
    }

    /** From here on the subscriber has accessed each page that it is asked about. */
    void beYoung() {
        young = true;
    }

    /** From here on it cannot do anything without sleeping. */
    void refuse() {
        refuses = true;
    }

    /** What the thread of the last call was doing. */
    Activity last() {
        return Objects.requireNonNull(notifier.last);
    }

    /** All calls since the last time, in order, and forgets them. */
    List<Call> take() {
        List<Call> calls = List.copyOf(notifier.calls);
        notifier.calls.clear();
        return calls;
    }

    /**
     * As {@code CLEAR 0-1}, in pages relative to a base: a start and the end that follows at once are one, whatever else is
     * said as it is, {@code start CLEAR 0-1}.
     */
    static List<String> join(List<Call> calls, long base) {
        List<String> texts = new ArrayList<>();
        for (Call call : calls) {
            String text = text(call, base);
            if (!texts.isEmpty() && text.startsWith("end") && texts.getLast().equals("start" + text.substring(3))) {
                texts.removeLast();
                texts.add(text.substring(4));
            } else {
                texts.add(text);
            }
        }
        return texts;
    }

    private static String text(Call call, long base) {
        StringBuilder text = new StringBuilder(call.what());
        if (call.event() != null) {
            text.append(' ').append(call.event());
        }
        if (!call.what().equals("release")) {
            text.append(' ').append(page(call.start(), base)).append('-').append(page(call.end(), base));
        }
        return text.append(call.blockable() ? "" : " nonblock").toString();
    }

    private static String page(long address, long base) {
        return address == 0 || address == -1
                ? Long.toString(address)
                : Long.toString((address - base) / PageTable.PAGE_SIZE);
    }

    @Override
    public void close() {
        MmuNotifier.put(notifier);
    }
}
