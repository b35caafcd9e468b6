// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressSpace;
import io.mmubridge.EventPhase;
import io.mmubridge.Filter;
import io.mmubridge.InvalidationEvent;
import io.mmubridge.Mmu;
import io.mmubridge.MmuStatistics;
import io.mmubridge.RingOptions;
import io.mmubridge.Subscription;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Ansi;

/** The scheme, step by step: what is done, what the counters say after it, and whether that is as it was told. */
final class Demo {
    private static final String NONE = "none";

    private static final int PAGES = 8;

    /** Gives the system call. */
    @FunctionalInterface
    private interface Action {
        String on(Subject subject) throws IOException;
    }

    /**
     * One thing that the subject does.
     *
     * @param action what
     * @param words the same for people
     * @param expected the type of the one event that it raises, or {@link #NONE}
     * @param why the reason
     */
    private record Operation(Action action, String words, String expected, String why) {}

    private static final List<Operation> OPERATIONS = List.of(
            new Operation(subject -> subject.map(PAGES), "map 8 pages", NONE, "nothing was there that could go stale"),
            new Operation(
                    subject -> subject.write(0, PAGES),
                    "write to them",
                    NONE,
                    "pages appear; nobody can have cached them"),
            new Operation(
                    subject -> subject.protect(false),
                    "make them read-only",
                    "PROTECTION_VMA",
                    "a cached right to write is stale"),
            new Operation(subject -> subject.protect(false), "the same again", NONE, "nothing changes"),
            new Operation(
                    subject -> subject.protect(true),
                    "make them writable",
                    "PROTECTION_VMA",
                    "told at any change of rights"),
            new Operation(
                    subject -> subject.discard(0, 4),
                    "give 4 of them back",
                    "CLEAR",
                    "the pages go, the addresses stay"),
            new Operation(subject -> subject.write(0, PAGES), "write to them", NONE, "new pages appear there"),
            new Operation(Subject::fork, "fork", "PROTECTION_PAGE", "parent and child share them, read-only"),
            new Operation(
                    subject -> subject.write(0, 1), "write to one", "CLEAR", "copy-on-write puts another page there"),
            new Operation(Subject::unmap, "unmap them", "UNMAP", "the addresses go"));

    private final Mmu mmu;
    private final Subject subject;
    private final PrintWriter out;
    private final Ansi ansi;
    private final boolean isModel;
    private final MmuStatistics before;
    private int steps;
    private boolean asTold = true;

    Demo(Mmu mmu, Subject subject, PrintWriter out, Ansi ansi) {
        this.mmu = mmu;
        this.subject = subject;
        this.out = out;
        this.ansi = ansi;
        this.isModel = mmu.simulatedKernel().isPresent();
        this.before = mmu.statistics();
    }

    /** Gives whether everything was as told. */
    boolean run() throws IOException {
        introduce();
        out.printf("""
                Whoever caches addresses of a process - a network card, a hypervisor, a registration
                cache - must learn when what lies behind them changes. The kernel tells through an mmu
                notifier, before it changes page tables. Here %s
                changes its memory on command, and we are told. The counters are the %s's, since
                this began.
                """, subject.description(), isModel ? "model" : "module");
        AddressSpace space = subject.addressSpace(mmu);

        step("get", """
                A subsystem is a key: who wants to know. Its first get on an address space makes a
                notifier and hooks it in: mmu_notifier_get(), alloc_notifier().
                """);
        Subscription first = mmu.subsystem("demo").get(space);
        show("demo: get", first);
        check(!first.sharedNotifier(), since().allocations() == 1);

        step("get again", """
                A second get of that subsystem on that address space finds the notifier and counts
                one more user. Nothing is made: any number of gets costs the kernel one callback.
                """);
        Subscription second = mmu.subsystem("demo").get(space, RingOptions.none(), Filter.all());
        show("demo: get", second);
        check(second.sharedNotifier(), second.statistics().users() == 2, since().allocations() == 1);

        step("get of another subsystem", """
                Another key is another notifier on the same address space.
                """);
        Subscription other = mmu.subsystem("demo-other").get(space, RingOptions.none(), Filter.all());
        show("demo-other: get", other);
        check(!other.sharedNotifier(), since().allocations() == 2);

        step("invalidations", """
                Now the process works, and the first subscription is told. Each line is one operation.
                """);
        operate(first);

        step("put", """
                Each get is owed a put. As long as users are left, the notifier stays.
                """);
        second.close();
        show("demo: put", first);
        check(first.statistics().users() == 1, since().frees() == 0);

        step("the last put", """
                The last put unhooks the notifier at once, and the stream says so. But another
                processor may be inside its callback, so the memory is freed later, when none can
                be any more (SRCU): frees may lag behind here.
                """);
        first.detach();
        check(lastPhase(first) == EventPhase.DETACHED);
        first.close();
        other.close();
        show("all: put", null);

        step("synchronize", """
                Whoever must know that nothing is left, before unloading code for one, waits for it:
                mmu_notifier_synchronize(), then every free_notifier().
                """);
        mmu.synchronize();
        show("synchronize", null);
        check(since().frees() == since().allocations(), since().puts() == since().gets(), since().liveSpaces() == 0);

        out.println();
        out.println(bold(asTold ? "Everything was as told." : "Not everything was as told: see the lines marked NO."));
        return asTold;
    }

    /** On what this runs, and why. */
    private void introduce() {
        if (isModel) {
            out.println(bold("On the model: Linux's mmu notifiers in Java, over simulated processes."));
            out.println("It speaks of no real process; with --vm the same runs on a real kernel. Why not here:");
            out.println(mmu.reason());
        } else {
            out.println(bold("On the kernel: " + mmu.reason() + "."));
        }
        out.println();
    }

    private void operate(Subscription subscription) throws IOException {
        Table table = new Table("operation", "system call", "told", "size", "because");
        boolean[] results = new boolean[OPERATIONS.size()];
        for (int i = 0; i < results.length; i++) {
            Operation operation = OPERATIONS.get(i);
            String syscall = operation.action().on(subject);
            // The events of an operation are in the ring before the operation returns.
            List<InvalidationEvent> events = new ArrayList<>();
            subscription.events().drain(event -> events.add(event.copy()));
            results[i] = events.stream().allMatch(event -> event.type().name().equals(operation.expected()))
                    && events.isEmpty() == operation.expected().equals(NONE);
            table.row(operation.words(), syscall, told(events), size(events), operation.why());
        }
        table.write(out);
        check(results);
    }

    private static String told(List<InvalidationEvent> events) {
        if (events.isEmpty()) {
            return NONE;
        }
        String type = events.getFirst().type().name();
        return events.size() == 1 ? type : type + " x" + events.size();
    }

    private static String size(List<InvalidationEvent> events) {
        return events.isEmpty()
                ? ""
                : Sizes.text(events.getFirst().end() - events.getFirst().start());
    }

    private static EventPhase lastPhase(Subscription subscription) {
        List<EventPhase> phases = new ArrayList<>();
        subscription.events().drain(event -> phases.add(event.phase()));
        return phases.getLast();
    }

    private void step(String title, String text) {
        steps++;
        out.println();
        out.println(bold(steps + ". " + title));
        out.print(text);
        out.println();
    }

    /** The counters, after {@code what} was done with {@code subscription}, which may be gone. */
    private void show(String what, @Nullable Subscription subscription) {
        MmuStatistics now = since();
        Table table = new Table("", "notifier", "its users", "gets", "allocations", "puts", "frees", "live");
        table.row(
                what,
                subscription == null ? "-" : subscription.sharedNotifier() ? "shared" : "made",
                subscription == null
                        ? "-"
                        : Long.toString(subscription.statistics().users()),
                Long.toString(now.gets()),
                Long.toString(now.allocations()),
                Long.toString(now.puts()),
                Long.toString(now.frees()),
                Long.toString(now.liveSpaces()));
        table.write(out);
    }

    private MmuStatistics since() {
        return mmu.statistics().since(before);
    }

    private void check(boolean... facts) {
        for (int i = 0; i < facts.length; i++) {
            if (!facts[i]) {
                asTold = false;
                out.println("NO: fact " + (i + 1) + " of step " + steps + " is otherwise here."
                        + (isModel ? "" : " (Does somebody else use the module now?)"));
            }
        }
    }

    private String bold(String text) {
        return ansi.string("@|bold " + text + "|@");
    }
}
