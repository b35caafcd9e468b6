// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import io.mmubridge.AddressRange;
import io.mmubridge.Shadow;
import io.mmubridge.ShadowChanges;
import io.mmubridge.ShadowEntry;
import io.mmubridge.Subscription;
import java.util.ArrayList;
import java.util.List;

/** The shadows of a subscription. They fault nothing in. */
final class SubscriptionShadows implements ShadowSpace {
    private final Subscription subscription;

    SubscriptionShadows(Subscription subscription) {
        this.subscription = subscription;
    }

    @Override
    public Part add(AddressRange range) {
        return new SubscriptionShadow(subscription.shadow(range));
    }

    private record SubscriptionShadow(Shadow shadow) implements Part {
        @Override
        public AddressRange range() {
            return shadow.range();
        }

        @Override
        public ShadowCounts refresh(AddressRange pages) {
            ShadowChanges changes = shadow.refresh(pages);
            return new ShadowCounts(
                    Ranges.size(pages) / ShadowLooker.PAGE,
                    changes.present(),
                    changes.writable(),
                    changes.huge(),
                    changes.added(),
                    changes.same(),
                    changes.moved(),
                    changes.reprotected(),
                    changes.gone(),
                    changes.upgraded(),
                    changes.mismatched());
        }

        @Override
        public boolean isEnded() {
            return shadow.isEnded();
        }

        @Override
        public boolean hasFrames() {
            return shadow.hasFrames();
        }

        @Override
        public List<Page> pages(AddressRange pages) {
            List<Page> present = new ArrayList<>();
            ShadowEntry entry = new ShadowEntry();
            for (long address = pages.start(); address < pages.end(); address += ShadowLooker.PAGE) {
                if (shadow.lookup(address, entry)) {
                    present.add(new Page(address, entry.frame(), entry.isWritable(), entry.isHuge()));
                }
            }
            return present;
        }

        @Override
        public void close() {
            shadow.close();
        }
    }
}
