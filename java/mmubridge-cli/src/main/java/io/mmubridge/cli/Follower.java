// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressSpace;
import io.mmubridge.AttachException;
import io.mmubridge.LaunchEvent;
import io.mmubridge.MmuException;
import java.io.PrintWriter;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Takes each address space that a command gets into a watch, before it is used. Called by the thread that traces the
 * command.
 */
final class Follower implements Consumer<LaunchEvent> {
    private final Watch watch;
    private final Function<AddressSpace, Source> get;
    private final PrintWriter err;
    private final Map<Long, Trail> trails = new HashMap<>();

    /**
     * For a command that has not been let run.
     *
     * @param watch where its events go
     * @param command the trail of the command itself
     * @param get subscribes
     * @param err where it is said what cannot be subscribed to
     */
    Follower(Watch watch, Trail command, Function<AddressSpace, Source> get, PrintWriter err) {
        this.watch = watch;
        this.get = get;
        this.err = err;
        trails.put(command.pid(), command);
    }

    @Override
    public void accept(LaunchEvent event) {
        switch (event) {
            case LaunchEvent.Exec exec -> {
                Trail trail = trails.get(exec.pid());
                if (trail != null) {
                    subscribe(trail, exec.addressSpace(), source -> trail.exec(exec, source));
                }
            }
            case LaunchEvent.Child child -> {
                Trail trail = watch.begin(child.pid(), true);
                subscribe(trail, child.addressSpace(), source -> begin(trail, source));
                trails.put(child.pid(), trail);
            }
            case LaunchEvent.Exit exit -> {
                Trail trail = trails.remove(exit.pid());
                if (trail != null) {
                    trail.finish();
                }
            }
            case LaunchEvent.End() -> watch.complete();
        }
    }

    /** Until its exec a child may share its parent's address space, whose events are that one's. */
    private void begin(Trail trail, Source source) {
        if (trails.values().stream().anyMatch(other -> other.spaceId() == source.spaceId())) {
            source.close();
        } else {
            trail.begin(source);
        }
    }

    private void subscribe(Trail trail, AddressSpace space, Consumer<Source> then) {
        if (watch.isOver()) {
            return;
        }
        Source source;
        try {
            source = get.apply(space);
        } catch (AttachException e) {
            // Of who was killed at that moment there is nothing to miss.
            if (e.reason() != AttachException.Reason.GONE) {
                notWatched(trail, e);
            }
            return;
        } catch (MmuException e) {
            notWatched(trail, e);
            return;
        }
        then.accept(source);
    }

    private void notWatched(Trail trail, MmuException refusal) {
        err.println("mmubridge: process " + trail.pid() + " is not watched: " + refusal.getMessage());
    }
}
