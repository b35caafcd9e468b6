// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.simulated;

import io.mmubridge.AddressRange;
import io.mmubridge.backend.ShadowRefusals;
import io.mmubridge.model.IntervalTree;
import java.lang.invoke.VarHandle;

/** The shadows of a space, of all its subscriptions: kmod/shadow.c. Each method is called under the space's lock. */
@SuppressWarnings("ReferenceEquality") // a subscription is itself
final class Shadows {
    private final IntervalTree<ShadowWords> tree = new IntervalTree<>();
    private int pages;

    /** {@code mmub_shadow_join()}. */
    void add(ShadowWords words) {
        AddressRange range = words.range();
        if (pages + words.pages() > Spaces.SHADOW_PAGES_PER_SPACE) {
            throw ShadowRefusals.spaceLimit(range, ", " + Spaces.SHADOW_PAGES_PER_SPACE);
        }
        for (ShadowWords other = tree.first(words.start(), words.last());
                other != null;
                other = tree.next(other, words.start(), words.last())) {
            if (other.subscription() == words.subscription()) {
                throw ShadowRefusals.overlap(range, other.range().toString());
            }
        }
        pages += words.pages();
        tree.insert(words);
    }

    /** {@code mmub_shadows_start()}: entries go here, and nowhere else. */
    void start(QueuedEvent event) {
        long last = event.end() - 1;
        for (ShadowWords words = tree.first(event.start(), last);
                words != null;
                words = tree.next(words, event.start(), last)) {
            words.subscription().shadowed(words.drop(event));
        }
        // E: before the page tables change.
        VarHandle.storeStoreFence();
    }

    /** The same for the release: nor will any come. */
    void release(QueuedEvent event) {
        start(event);
        for (ShadowWords words = tree.first(0, -1); words != null; words = tree.next(words, 0, -1)) {
            words.end(ShadowWords.End.RELEASED);
        }
    }

    /** {@code mmub_shadow_leave()}. */
    void remove(ShadowWords words, ShadowWords.End why) {
        tree.remove(words);
        pages -= words.pages();
        words.end(why);
    }
}
